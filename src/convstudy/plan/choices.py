"""Which candidate of a stage is chosen: by validation alone, and the same whatever the order of the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from convstudy.plan.stages import Plan, Stage, make_plan
from convstudy.record import Outcome
from convstudy.spec import Study


@dataclass(frozen=True)
class CandidateScore:
    """Mean validation accuracy and loss of a candidate over its fits; ``n_failed`` of them did not end."""

    name: str
    accuracy: float | None
    loss: float | None
    n_parameters: int
    n_failed: int


@dataclass(frozen=True)
class Choice:
    """What a stage chose, and the scores it was chosen by. ``chosen`` is empty where every candidate failed."""

    stage: str
    chosen: str
    scores: tuple[CandidateScore, ...]


def choose(stage: Stage, records: Mapping[str, Outcome]) -> Choice | None:
    """Return the choice of a stage, or ``None`` while a fit of it is missing.

    The highest mean validation accuracy wins; then the lowest mean loss; then fewer parameters; then the first in the
    study. A candidate with a failed fit is not chosen: its mean would be over other folds or seeds than the others'.
    """
    fits = [fit for candidate in stage.candidates for fit in candidate.fits]
    if stage.waits_for or any(fit.id not in records for fit in fits):
        return None
    scores = []
    for candidate in stage.candidates:
        found = [records[fit.id] for fit in candidate.fits]
        done = [record for record in found if record.done]
        scores.append(
            CandidateScore(
                name=candidate.name,
                accuracy=fmean(record.counted.validation_accuracy for record in done) if done else None,
                loss=fmean(record.counted.validation_loss for record in done) if done else None,
                n_parameters=done[0].n_parameters if done else 0,
                n_failed=len(found) - len(done),
            )
        )
    whole = [score for score in scores if score.n_failed == 0]
    best = min(whole, key=_rank, default=None)
    return Choice(stage.key, best.name if best else "", tuple(scores))


def resolve(study: Study, records: Mapping[str, Outcome]) -> tuple[Plan, tuple[Choice, ...]]:
    """Return the plan with every choice that the records allow, and these choices, in their order."""
    choices: dict[str, Choice] = {}
    while True:
        plan = make_plan(study, {key: choice.chosen for key, choice in choices.items()})
        news = [choose(stage, records) for stage in plan.stages if stage.chooses]
        found = {choice.stage: choice for choice in news if choice is not None}
        if found == choices:
            return plan, tuple(choices.values())
        choices = found


def _rank(score: CandidateScore) -> tuple[float, float, int]:
    accuracy, loss = score.accuracy, score.loss
    assert accuracy is not None and loss is not None  # no failed fit: every mean is there
    return (-accuracy, loss, score.n_parameters)
