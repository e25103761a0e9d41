"""A run's plan and choices: those that its records allow, or those that it has kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from convstudy.plan import Choice, Plan, resolve
from convstudy.record import Outcome
from convstudy.studyfile import Study


def resolved(
    study: Study,
    outcomes: Mapping[str, Outcome],
    made: Mapping[str, str],
    scored: Callable[[], Collection[str]],
) -> tuple[Plan, tuple[Choice, ...]]:
    """Return a run's plan with every choice that the records allow, and these choices.

    Once a model of the plan has a test score, the choices that the run has written down stay as they are: fits of
    theirs that failed may be tried again, by this run or by another study, and no choice changes because of that.

    Args:
        study: what the run is to find out.
        outcomes: the records as the run counts them.
        made: the choices that the run has written down: stage key -> candidate.
        scored: returns the ids of the fits with a test score; called only where the choices differ.
    """
    plan, choices = resolve(study, outcomes)
    if made and made != {choice.stage: choice.chosen for choice in choices}:
        # Where a record is missing now, the plan of the records alone may stop short of the models with a score.
        kept, with_score = resolve(study, outcomes, made), scored()
        if any(fit.id in with_score for each in (plan, kept[0]) for fit in each.tested_fits):
            return kept
    return plan, choices
