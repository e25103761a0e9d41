"""Candidates over folds: training images are shared, and intervals that forget it are too short.

With k folds any two training parts share most of their images, so the k differences are not independent. Nadeau and
Bengio (2003) put the correlation at n_validation / (n_train + n_validation), which gives

    variance of the mean = (1 / k + n_validation / n_train) · s²       s²: the variance of the k differences

instead of s² / k: with 5 folds the plain t is 1.5 times too large. Benavoli, Corani, Demšar and Zaffalon (2017) read
the same figures the Bayesian way: with a flat prior the true difference has a t distribution about the mean, so that
the probability of each side of a region of practical equivalence, and of the region, can be told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.stats.differences import (
    CONFIDENCE,
    ROUNDING,
    Difference,
    Source,
    differences_of,
    t_quantile,
)
from convstudy.stats.intervals import Interval
from convstudy.stats.summary import summarise


@dataclass(frozen=True)
class Probabilities:
    """How probable it is that the first of two is better, as good within the region, or worse; they sum to 1."""

    better: float
    same: float
    worse: float


def fold_difference(
    first: Sequence[float], second: Sequence[float], ratio: float, confidence: float = CONFIDENCE
) -> Difference:
    """Return the difference of two candidates over the same folds, with Nadeau and Bengio's corrected interval.

    Args:
        first: its scores, fold by fold (or fold by fold of several repeats).
        second: those of the other.
        ratio: validation images for each training image, ``1 / (k − 1)`` for k folds.
        confidence: how often such an interval holds the true difference.

    Raises:
        ValueError: where the sequences differ in length, or a figure lies outside its range.
    """
    if ratio < 0:
        raise ValueError(f"there cannot be {ratio} validation images for each training image")
    pairs = differences_of(first, second, confidence)
    summary = summarise(pairs)
    sources: tuple[Source, ...] = ()
    if summary.sd is not None:
        sources = (Source("folds", (1 / summary.n + ratio) * summary.sd**2, summary.n - 1),)
    return Difference(pairs, summary, summary.mean, sources, confidence=confidence)


def fold_mean(scores: Sequence[float], ratio: float, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the mean of some accuracies over folds, with Nadeau and Bengio's corrected interval.

    Args:
        scores: one a fold.
        ratio: validation images for each training image, ``1 / (k − 1)`` for k folds.
        confidence: how often such an interval holds the true mean.

    Returns:
        The interval, cut at 0 and 1; ``None`` where the scores show no spread.
    """
    summary = summarise(scores)
    if summary.mean is None or summary.sd is None or summary.sd <= ROUNDING:
        return None
    half = t_quantile(0.5 + confidence / 2, summary.n - 1) * math.sqrt(1 / summary.n + ratio) * summary.sd
    return Interval(summary.mean, max(0.0, summary.mean - half), min(1.0, summary.mean + half), confidence)


def five_by_two(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return t and the two-sided p-value of Dietterich's 5×2cv paired t-test (1998).

    No study of convstudy makes five times two folds; the function is there for figures that come so.

    Args:
        pairs: the differences of two candidates on both halves, for each of five splits into halves.

    Raises:
        ValueError: where there are not five, or the differences show no spread.
    """
    from scipy.special import stdtr

    variances = [(one - other) ** 2 / 2 for one, other in pairs]  # about the mean of the two halves
    if len(pairs) != 5 or math.fsum(variances) == 0:
        raise ValueError(f"a 5×2cv test takes five pairs of differences with some spread, got {list(pairs)}")
    t = pairs[0][0] / math.sqrt(math.fsum(variances) / 5)
    return t, 2 * float(stdtr(5, -abs(t)))


def probabilities(difference: Difference, region: float) -> Probabilities | None:
    """Return what the Bayesian correlated t-test says of a difference over folds, ``None`` where it has no spread.

    Args:
        difference: from :func:`fold_difference`.
        region: differences up to this count as none.
    """
    from scipy.special import stdtr

    mean = difference.mean
    if mean is None or len(difference.sources) != 1 or math.sqrt(difference.sources[0].variance) <= ROUNDING:
        return None
    scale, degrees = math.sqrt(difference.sources[0].variance), difference.sources[0].degrees
    worse = float(stdtr(degrees, (-region - mean) / scale))
    better = float(stdtr(degrees, (mean - region) / scale))
    return Probabilities(better, max(0.0, 1 - better - worse), worse)
