"""Choose one candidate per stage by validation scores. The order in which fits end has no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from convstudy.plan.added_seeds import SEED_COUNTS
from convstudy.plan.planning import NO_CHOICES, make_plan
from convstudy.plan.ranking import CandidateScore, ranked, score_of
from convstudy.plan.stages import Plan, Stage
from convstudy.record import Outcome
from convstudy.studyfile import Study


@dataclass(frozen=True)
class Choice:
    """The chosen candidate of a stage, with the scores of all candidates.

    Attributes:
        stage: the key of the stage.
        chosen: the name of the candidate; empty if every candidate failed.
        scores: the mean validation scores of the candidates.
        kept: whether a choice of an earlier run was kept although the current records do not lead to it.
    """

    stage: str
    chosen: str
    scores: tuple[CandidateScore, ...]
    kept: bool = False


def choose(stage: Stage, records: Mapping[str, Outcome]) -> Choice | None:
    """Return the choice of a stage; ``None`` if a fit is not trained yet or is retryable.

    A fit is retryable if it failed but may succeed in a later run. The chosen candidate is the best of the stage's
    finalists (see :func:`~convstudy.plan.ranking.ranked`). A candidate with a permanently failed fit cannot be chosen.

    Args:
        stage: a stage of the plan.
        records: fit id -> record, for the fits that have ended.
    """
    if stage.depends_on or stage.pending:
        return None
    scores: list[CandidateScore] = []
    for candidate in stage.candidates:
        score = score_of(candidate.name, candidate.fits, records)
        if score is None:
            return None
        scores.append(score)
    finalists = stage.finalists
    ranking = ranked(score for score in scores if score.name in finalists)
    return Choice(stage.key, ranking[0].name if ranking else "", tuple(scores))


def resolve(
    study: Study, records: Mapping[str, Outcome], made: Mapping[str, str] = NO_CHOICES
) -> tuple[Plan, tuple[Choice, ...]]:
    """Return the plan with all choices that follow from the records, and these choices in the order of the stages.

    Args:
        study: the checked study.
        records: fit id -> record, for the fits that have ended.
        made: stage key -> name of a candidate that was chosen earlier. This candidate stays chosen, even if another
            one has better scores. Stored numbers of seeds are among them and stay too.
    """
    choices: dict[str, Choice] = {}
    kept_seeds = {key: text for key, text in made.items() if key.startswith(SEED_COUNTS)}
    while True:
        chosen = {key: choice.chosen for key, choice in choices.items()}
        plan = make_plan(study, {**kept_seeds, **chosen}, records)
        found = [
            _choose_or_keep(stage, records, made.get(stage.key, "")) for stage in plan.stages if stage.chooses
        ]
        known = {choice.stage: choice for choice in found if choice is not None}
        # A choice changes the candidates of later stages, so plan again until no further choice follows.
        if known == choices:
            return plan, tuple(choices.values())
        choices = known


def _choose_or_keep(stage: Stage, records: Mapping[str, Outcome], name: str) -> Choice | None:
    """Return the choice of a stage. If the stage has a candidate with this name, that candidate stays chosen."""
    choice = choose(stage, records)
    if not any(candidate.name == name for candidate in stage.candidates):
        return choice
    if choice is not None:
        return choice if choice.chosen == name else replace(choice, chosen=name, kept=True)
    # Without all records there is no new choice: keep the earlier one, with the scores that exist.
    scores = [score_of(candidate.name, candidate.fits, records) for candidate in stage.candidates]
    return Choice(stage.key, name, tuple(score for score in scores if score is not None), kept=True)
