"""Define a check: its name, its level, when it applies, and a function that yields the places of a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from convstudy.checks.finding import Finding, Findings, Level, Outcome, Status, Suppressed
from convstudy.metrics import ACCURACY, metric_named
from convstudy.plan import Plan
from convstudy.stats.error_ratio import Share
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

    This is the study's margin if its metric is in percent, otherwise that of accuracy. A share of errors that are not
    known yet is replaced by the default.
    """
    margin, default = study.margin, metric_named(ACCURACY).margin
    if metric_named(study.metric).unit != "percent":
        margin = study.margin_of(ACCURACY)
    return default if isinstance(margin, Share) else margin


Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """A check; ``docs/checks.md`` has a section on each check.

    Attributes:
        name: the key under ``[suppress]``.
        when: the data that the check examines.
        level: ``"warning"`` or ``"note"``.
        title: the problem, in a few words.
        find: yields a spot for each place with the problem; only called if the check applies.
        why_not: returns why the check does not apply, to follow "because"; "" if it applies
            (:mod:`convstudy.checks.applicability`).
    """

    name: str
    when: When
    level: Level
    title: str
    find: Callable[[Subject], Iterable[Spot]]
    why_not: Callable[[Subject], str]


def run_checks(checks: Iterable[Check[Subject]], subject: Subject, suppress: Mapping[str, str]) -> Findings:
    """Run the checks that apply to a subject; ``suppress`` maps the names of suppressed checks to reasons."""
    reported: list[Finding] = []
    suppressed: list[Suppressed] = []
    outcomes: list[Outcome] = []
    for check in checks:
        reason = check.why_not(subject)
        spots = () if reason else tuple(check.find(subject))
        found = [Finding(check.name, spot.where, spot.what, spot.hint, check.level) for spot in spots]
        status: Status = "not applicable" if reason else check.level if found else "passed"
        if found and check.name in suppress:
            status, reason = "suppressed", suppress[check.name]
            suppressed += [Suppressed(finding, reason) for finding in found]
        else:
            reported += found
        outcomes.append(Outcome(check.name, check.title, status, reason))
    return Findings(tuple(reported), tuple(suppressed), tuple(outcomes))
