"""Define a check: its name, its level, and a function that yields the places of a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from convstudy.checks.finding import Finding, Findings, Level, Suppressed
from convstudy.metrics import ACCURACY, metric_named
from convstudy.plan import Plan
from convstudy.studyfile import Study

When = Literal["before", "during", "after", "images"]
"""The data that a check examines: the plan ("before"), the histories of fits ("during"), their scores ("after"), or
the images."""

N_STANDARD_ERRORS = 3.0
"""A difference above this number of standard errors counts as more than noise."""


@dataclass(frozen=True)
class Spot:
    """A place where a check finds a problem; its fields are as in :class:`~convstudy.checks.finding.Finding`."""

    where: str
    what: str
    hint: str


@dataclass(frozen=True)
class Planned:
    """The data of checks before training.

    Attributes:
        plan: the plan.
        n_test_evaluations: the number of earlier test-set evaluations.
        class_counts: the number of training images of each class; empty if it is not known.
    """

    plan: Plan
    n_test_evaluations: int = 0
    class_counts: tuple[int, ...] = ()


def accuracy_margin(study: Study) -> float:
    """Return the equivalence margin for accuracy, a fraction.

    This is the study's margin if its metric is in percent, otherwise the default margin of accuracy.
    """
    return study.margin if metric_named(study.metric).unit == "percent" else metric_named(ACCURACY).margin


Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """A check; ``docs/checks.md`` has a section on each check.

    Attributes:
        name: the key under ``[suppress]``.
        when: the data that the check examines.
        level: ``"warning"`` or ``"note"``.
        title: the problem, in a few words.
        find: yields a spot for each place with the problem.
    """

    name: str
    when: When
    level: Level
    title: str
    find: Callable[[Subject], Iterable[Spot]]


def run_checks(checks: Iterable[Check[Subject]], subject: Subject, suppress: Mapping[str, str]) -> Findings:
    """Run checks on one subject; ``suppress`` maps the names of suppressed checks to reasons."""
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
