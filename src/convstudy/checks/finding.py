"""The results of checks: one finding, the outcome of each check, and all findings of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["warning", "note"]
"""A warning means that a result may be wrong or less certain than it looks. A note is only useful to know."""

Status = Literal["passed", "warning", "note", "suppressed", "not applicable"]
"""The outcome of a check: its level if it found something and the study does not suppress it."""


@dataclass(frozen=True)
class Finding:
    """A problem that a check found at one place.

    Attributes:
        check: the name of the check.
        where: the place in the study file (``"network.six-conv"``) or in the run (``"compare.all: one"``).
        what: the problem, a sentence without its full stop.
        hint: how to fix it, a sentence without its full stop.
        level: ``"warning"`` or ``"note"``.
    """

    check: str
    where: str
    what: str
    hint: str
    level: Level = "warning"


@dataclass(frozen=True)
class Suppressed:
    """A finding of a suppressed check, with the study's reason."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check.

    Attributes:
        check: its name.
        title: the problem that it looks for, in a few words.
        status: whether it passed, found something, is suppressed, or does not apply.
        reason: why it does not apply, to follow "because", or the study's reason for suppressing it; otherwise empty.
    """

    check: str
    title: str
    status: Status
    reason: str = ""


@dataclass(frozen=True)
class Findings:
    """All findings of a study.

    Attributes:
        reported: the findings that count.
        suppressed: the findings that the study suppresses.
        outcomes: the outcome of each check, in the order of the catalogue, also of those without findings.
    """

    reported: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            self.reported + other.reported,
            self.suppressed + other.suppressed,
            self.outcomes + other.outcomes,
        )

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The reported findings at level ``"warning"``; ``--strict`` fails if there are any."""
        return tuple(finding for finding in self.reported if finding.level == "warning")
