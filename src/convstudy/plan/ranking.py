"""Rank candidates by their validation scores, with one rule for every choice and every rung."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from convstudy.metrics import ACCURACY, LOG_LOSS, metric_named
from convstudy.plan.fit import Fit
from convstudy.record import Outcome, Scores


@dataclass(frozen=True)
class CandidateScore:
    """The mean validation scores of a candidate.

    Attributes:
        name: the candidate's name.
        scores: the means over the completed fits; ``None`` if no fit is completed.
        n_parameters: the number of trainable parameters of its network.
        n_failed: the number of fits that failed permanently.
        metric: the metric that ranks the candidates.
    """

    name: str
    scores: Scores | None
    n_parameters: int
    n_failed: int
    metric: str = ACCURACY

    @property
    def value(self) -> float | None:
        """The mean of the metric that ranks candidates; ``None`` if no fit is completed."""
        return None if self.scores is None else self.scores[self.metric]


def score_of(name: str, fits: Iterable[Fit], records: Mapping[str, Outcome]) -> CandidateScore | None:
    """Return the score of a candidate, or ``None`` while a fit is missing or may succeed in a later run.

    Args:
        name: the candidate's name.
        fits: the fits over which scores are averaged.
        records: fit id -> record, for the fits that have ended.
    """
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
    """Return the scores sorted from best to worst, without candidates that have a failed fit.

    Ties in the mean of the metric are broken by the lower mean loss, then by fewer parameters, then by the order in the
    study. A candidate with a failed fit is excluded because its mean is over fewer folds or seeds.
    """
    return sorted((score for score in scores if score.n_failed == 0), key=_rank)


def _rank(score: CandidateScore) -> tuple[float, float, int]:
    assert score.scores is not None  # no fit failed, so the means exist
    value = metric_named(score.metric).rank(score.scores[score.metric])
    return (value, score.scores[LOG_LOSS], score.n_parameters)


def _means(scores: Sequence[Scores]) -> Scores:
    """Return the mean of each metric that all scores contain."""
    shared = [metric for metric in scores[0] if all(metric in each for each in scores)]
    return Scores({metric: fmean(each[metric] for each in scores) for metric in shared})
