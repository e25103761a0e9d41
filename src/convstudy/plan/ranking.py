"""Which candidate is better: by validation alone, the same rule for every choice and every rung."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from convstudy.metrics import ACCURACY, LOG_LOSS, metric_named
from convstudy.plan.fit import Fit
from convstudy.record import Outcome, Scores


@dataclass(frozen=True)
class CandidateScore:
    """Mean validation scores of a candidate over its fits that are done; ``n_failed`` of them failed for good.

    ``metric`` is the one that ranks the candidates.
    """

    name: str
    scores: Scores | None
    n_parameters: int
    n_failed: int
    metric: str = ACCURACY

    @property
    def value(self) -> float | None:
        """The mean of the metric that ranks; ``None`` where no fit is done."""
        return None if self.scores is None else self.scores[self.metric]


def score_of(name: str, fits: Iterable[Fit], records: Mapping[str, Outcome]) -> CandidateScore | None:
    """Return the score of a candidate with these fits, or ``None`` while one of them is missing or may yet succeed."""
    found: list[Outcome] = []
    metric = ACCURACY
    for fit in fits:
        metric = fit.metric
        record = records.get(fit.id)
        if record is None or not record.final:
            return None
        found.append(record)
    done = [record for record in found if record.done]
    return CandidateScore(
        name=name,
        scores=_means([record.selected.validation for record in done]) if done else None,
        n_parameters=done[0].n_parameters if done else 0,
        n_failed=len(found) - len(done),
        metric=metric,
    )


def ranked(scores: Iterable[CandidateScore]) -> list[CandidateScore]:
    """Return the scores of those without a failed fit, the best first.

    The best mean of the metric on validation images is first; then the lowest mean loss; then fewer parameters; then
    the order of the study. A candidate with a failed fit has no place: its mean is over other folds or seeds than the
    others'.
    """
    return sorted((score for score in scores if score.n_failed == 0), key=_rank)


def _rank(score: CandidateScore) -> tuple[float, float, int]:
    assert score.scores is not None  # no failed fit: every mean is there
    value = metric_named(score.metric).rank(score.scores[score.metric])
    return (value, score.scores[LOG_LOSS], score.n_parameters)


def _means(scores: Sequence[Scores]) -> Scores:
    """Return the mean of each metric that all of these have."""
    shared = [metric for metric in scores[0] if all(metric in each for each in scores)]
    return Scores({metric: fmean(each[metric] for each in scores) for metric in shared})
