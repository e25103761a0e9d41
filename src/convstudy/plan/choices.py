"""Which candidate of a stage is chosen: by validation alone, and the same whatever the order of the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from convstudy.plan.planning import NO_CHOICES, make_plan
from convstudy.plan.ranking import CandidateScore, ranked, score_of
from convstudy.plan.stages import Plan, Stage
from convstudy.record import Outcome
from convstudy.studyfile import Study


@dataclass(frozen=True)
class Choice:
    """What a stage chose, and the scores it was chosen by. ``chosen`` is empty where every candidate failed.

    ``kept`` tells that it was made before and stays, although the records as they are now do not make it.
    """

    stage: str
    chosen: str
    scores: tuple[CandidateScore, ...]
    kept: bool = False


def choose(stage: Stage, records: Mapping[str, Outcome]) -> Choice | None:
    """Return the choice of a stage, or ``None`` while a fit of it is missing or has failed and may yet succeed.

    The best of the contenders is chosen (see :func:`~convstudy.plan.ranking.ranked`): in a search that halves these
    are the candidates of the last rung, in any other stage all. A candidate with a fit that failed for good is not
    chosen.
    """
    if stage.depends_on or stage.pending:
        return None
    scores: list[CandidateScore] = []
    for candidate in stage.candidates:
        score = score_of(candidate.name, candidate.fits, records)
        if score is None:
            return None
        scores.append(score)
    contenders = stage.contenders
    best = ranked(score for score in scores if score.name in contenders)
    return Choice(stage.key, best[0].name if best else "", tuple(scores))


def resolve(
    study: Study, records: Mapping[str, Outcome], made: Mapping[str, str] = NO_CHOICES
) -> tuple[Plan, tuple[Choice, ...]]:
    """Return the plan with every choice that the records allow, and these choices, in their order.

    Args:
        study: what is asked.
        records: fit id -> record, for the fits that have ended.
        made: stage key -> name of the candidate that was chosen before and stays chosen, whatever the records say.
    """
    choices: dict[str, Choice] = {}
    while True:
        plan = make_plan(study, {key: choice.chosen for key, choice in choices.items()}, records)
        news = [_made(stage, records, made.get(stage.key, "")) for stage in plan.stages if stage.chooses]
        found = {choice.stage: choice for choice in news if choice is not None}
        if found == choices:
            return plan, tuple(choices.values())
        choices = found


def _made(stage: Stage, records: Mapping[str, Outcome], name: str) -> Choice | None:
    """Return the choice of a stage, of this candidate if it is named and there."""
    choice = choose(stage, records)
    if not any(candidate.name == name for candidate in stage.candidates):
        return choice
    if choice is not None:
        return choice if choice.chosen == name else replace(choice, chosen=name, kept=True)
    scores = [score_of(candidate.name, candidate.fits, records) for candidate in stage.candidates]
    return Choice(stage.key, name, tuple(score for score in scores if score is not None), kept=True)
