"""What a check is: a name, a title, and a function that looks at one subject and yields spots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from convstudy.checks.finding import Finding, Findings, Level, Suppressed
from convstudy.metrics import ACCURACY, metric_named
from convstudy.plan import Plan
from convstudy.studyfile import Study

When = Literal["before", "during", "after", "images"]
"""Looks at the plan, at the course of each fit, at what they came to, or at the images themselves."""

SURE = 3.0
"""So many standard errors count as more than noise."""


@dataclass(frozen=True)
class Spot:
    """A place where something is the matter; the fields are those of :class:`~convstudy.checks.finding.Finding`."""

    where: str
    what: str
    hint: str


@dataclass(frozen=True)
class Planned:
    """What there is to look at before training: the plan, and how often the test set was opened before this run."""

    plan: Plan
    n_test_evaluations: int = 0


def accuracy_margin(study: Study) -> float:
    """Return up to which difference of accuracy counts as none: the study's margin, where its metric is in percent."""
    return study.margin if metric_named(study.metric).unit == "percent" else metric_named(ACCURACY).margin


Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """One check. ``title`` says in a line what it points out; ``docs/checks.md`` has a section on each."""

    name: str
    when: When
    level: Level
    title: str
    find: Callable[[Subject], Iterable[Spot]]


def look(checks: Iterable[Check[Subject]], subject: Subject, suppress: Mapping[str, str]) -> Findings:
    """Return what these checks find in a subject; ``suppress`` is check -> the reason why it is suppressed."""
    found = [
        Finding(check.name, spot.where, spot.what, spot.hint, check.level)
        for check in checks
        for spot in check.find(subject)
    ]
    return Findings(
        reported=tuple(finding for finding in found if finding.check not in suppress),
        suppressed=tuple(
            Suppressed(finding, suppress[finding.check]) for finding in found if finding.check in suppress
        ),
    )
