"""The results of checks: one finding, and all findings of a study, reported and suppressed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["warning", "note"]
"""A warning means that a result may be wrong or less certain than it looks. A note is only useful to know."""


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
class Findings:
    """All findings of a study: the reported findings, and the findings that the study suppresses."""

    reported: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.reported + other.reported, self.suppressed + other.suppressed)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The reported findings at level ``"warning"``; ``--strict`` fails if there are any."""
        return tuple(finding for finding in self.reported if finding.level == "warning")
