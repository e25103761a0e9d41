"""The plan and choices of a run: computed from its records, or read from the database once a model has a test score.

A *choice* is the candidate that a stage selected.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from convstudy.plan import Choice, Plan, resolve
from convstudy.plan.added_seeds import counts_key, seed_counts
from convstudy.record import Outcome
from convstudy.studyfile import Study


def seed_counts_of(plan: Plan) -> dict[str, str]:
    """Return the numbers of seeds to store, for the stages of a plan that have added all their seeds."""
    return {counts_key(stage): text for stage in plan.stages if (text := seed_counts(stage))}


def resolved(
    study: Study,
    outcomes: Mapping[str, Outcome],
    made: Mapping[str, str],
    scored: Callable[[], Collection[str]],
) -> tuple[Plan, tuple[Choice, ...]]:
    """Return the plan of a run and its choices: every choice that can be made from the existing records.

    The stored choices of the run are final once a model of the plan has a test score: a failed fit can be trained again
    later, by this run or another study, but a choice must not change after a test-set evaluation.

    Args:
        study: the study of the run.
        outcomes: the records, with the failures that the run accepted.
        made: the stored choices of the run: stage key -> candidate, and the stored numbers of seeds.
        scored: returns the ids of the fits with a test score; called only if the choices differ.
    """
    plan, choices = resolve(study, outcomes)
    if made and made != {**seed_counts_of(plan), **{choice.stage: choice.chosen for choice in choices}}:
        # If a record was lost, the plan from the records alone may not reach the models with a score.
        kept, with_score = resolve(study, outcomes, made), scored()
        if any(fit.id in with_score for each in (plan, kept[0]) for fit in each.tested_fits):
            return kept
    return plan, choices
