"""What a check finds: one finding, and all findings of a study with the suppressed ones apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["warning", "note"]
"""A warning says that an answer may be wrong or worth less than it looks; a note is worth knowing."""


@dataclass(frozen=True)
class Finding:
    """One thing to know.

    Attributes:
        check: the name of the check that found it.
        where: in the study file (``"network.six-conv"``) or in the run (``"compare.all: one, seed 0"``).
        what: what is the matter, a sentence without its full stop.
        hint: how to mend it.
        level: ``"warning"`` or ``"note"``.
    """

    check: str
    where: str
    what: str
    hint: str
    level: Level = "warning"


@dataclass(frozen=True)
class Suppressed:
    """A finding of a check that the study suppresses, and the reason that it gives."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Findings:
    """What checks found: ``reported``, and ``suppressed`` by the study."""

    reported: tuple[Finding, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()

    def __add__(self, other: Findings) -> Findings:
        return Findings(self.reported + other.reported, self.suppressed + other.suppressed)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Those that are heard and are more than notes: what ``--strict`` ends a command with."""
        return tuple(finding for finding in self.reported if finding.level == "warning")
