"""Differences over folds: folds share training images, so intervals for independent values are too narrow.

With k folds, any two training parts share most of their images, so the k differences are not independent. Nadeau and
Bengio (2003) estimate the correlation of the differences as n_validation / (n_train + n_validation). This gives

    variance of the mean = (1 / k + n_validation / n_train) · s²       s²: the variance of the k differences

instead of s² / k. With 5 folds, the standard t statistic is 1.5 times too large. Benavoli, Corani, Demšar and
Zaffalon (2017) use the same values in a Bayesian test: with a flat prior, the true difference has a t distribution
around the mean. This distribution gives the probabilities that the difference is above, below or inside the equivalence
margin (ROPE).

The variance of a few folds can be near zero by chance: near 100 % accuracy, the candidates often differ by the same
number of images in each fold, one or two. Therefore the interval has a minimum width: it is never narrower than the
paired interval of the pooled folds, in which each validation image counts once (Bonett and Price 2012, ``two_way``).
p-values and probabilities follow from the resulting interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.stats.differences import (
    CONFIDENCE,
    Difference,
    Source,
    differences_of,
    t_quantile,
)
from convstudy.stats.image_groups import ImageGroups
from convstudy.stats.intervals import Interval, proportion_interval
from convstudy.stats.summary import summarise


@dataclass(frozen=True)
class Probabilities:
    """The probabilities that the first of two is better, equivalent within the margin, or worse; they sum to 1."""

    better: float
    same: float
    worse: float


def fold_difference(
    first: Sequence[float],
    second: Sequence[float],
    ratio: float,
    confidence: float = CONFIDENCE,
    images: Source | None = None,
    n_images: int = 0,
    limit: float = 1.0,
    groups: ImageGroups | None = None,
) -> Difference:
    """Return the difference of two candidates over the same folds, with Nadeau and Bengio's corrected interval.

    Args:
        first: the scores of the first candidate, one per fold.
        second: the scores of the second candidate, for the same folds.
        ratio: validation images per training image: ``1 / (k − 1)`` for k folds.
        confidence: the confidence level of the interval.
        images: the variance from the sampling of images in the pooled folds. The interval is never narrower than the
            interval from this variance alone.
        n_images: the number of different validation images in all folds.
        limit: the ends of the interval do not exceed ±limit; used only with ``images``.
        groups: the groups of the validation images; ``n_images`` is then their effective number.

    Raises:
        ValueError: if the sequences differ in length, or a value is outside its range.

    >>> found = fold_difference([0.96, 0.97, 0.95], [0.94, 0.95, 0.94], ratio=1 / 2)
    >>> round(found.mean, 4), round(found.low, 4), round(found.high, 4)
    (0.0167, -0.006, 0.0393)
    """
    if ratio < 0:
        raise ValueError(f"ratio must be >= 0; got {ratio}")
    pairs = differences_of(first, second, confidence)
    summary = summarise(pairs)
    if summary.sd is None:  # one fold has no variance
        return Difference(pairs, summary, summary.mean, confidence=confidence)
    # ``ratio`` is Nadeau and Bengio's correction for overlapping training parts.
    folds = Source("folds", (1 / summary.n + ratio) * summary.sd**2, summary.n - 1)
    return Difference(
        pairs,
        summary,
        summary.mean,
        (folds,),
        n_images,
        confidence,
        images,
        limit if images else None,
        groups,
    )


def fold_mean(
    scores: Sequence[float],
    n_images: Sequence[int],
    ratio: float,
    confidence: float = CONFIDENCE,
    pooled: Interval | None = None,
) -> Interval | None:
    """Return the mean accuracy over folds, with Nadeau and Bengio's corrected interval.

    The interval contains that of all images of the folds as one sample
    (:func:`~convstudy.stats.intervals.proportion_interval`): folds with equal scores do not make the accuracy
    more certain than the number of images does.

    Args:
        scores: the accuracy of each fold, a fraction.
        n_images: the number of images of each fold.
        ratio: validation images per training image: ``1 / (k − 1)`` for k folds.
        confidence: the confidence level of the interval.
        pooled: the interval of all images of the folds, if they are in groups; the result then contains this interval
            instead of Wilson's.

    Returns:
        The interval, within [0, 1]; ``None`` with fewer than two folds.

    >>> found = fold_mean([0.95, 0.97, 0.96], [100, 100, 100], ratio=1 / 2)
    >>> round(found.low, 3), round(found.high, 3)
    (0.921, 0.999)
    """
    summary = summarise(scores)
    if summary.mean is None or summary.sd is None:
        return None
    half = t_quantile(0.5 + confidence / 2, summary.n - 1) * math.sqrt(1 / summary.n + ratio) * summary.sd
    groups = None if pooled is None else pooled.groups
    if pooled is None:
        right = math.fsum(score * n for score, n in zip(scores, n_images, strict=True))
        # Rounding can make the pooled accuracy larger than 1, which the interval rejects.
        pooled = proportion_interval(min(1.0, right / sum(n_images)), sum(n_images), confidence)
    low, high = min(pooled.low, summary.mean - half), max(pooled.high, summary.mean + half)
    return Interval(summary.mean, max(0.0, low), min(1.0, high), confidence, groups=groups)


def five_by_two(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return t and the two-sided p-value of Dietterich's 5×2cv paired t-test (1998).

    convstudy never uses five times two folds itself; the function is for values from other programs.

    Args:
        pairs: two differences of the candidates, one per half, for each of five splits of the data into halves.

    Raises:
        ValueError: if there are not five pairs, or the differences have no variance.

    >>> t, p = five_by_two([(0.02, 0.01), (0.01, 0.02), (0.03, 0.01), (0.02, 0.02), (0.01, 0.00)])
    >>> round(t, 2), round(p, 3)
    (2.39, 0.062)
    """
    from scipy.special import stdtr

    variances = [(one - other) ** 2 / 2 for one, other in pairs]  # about the mean of the two halves
    if len(pairs) != 5 or math.fsum(variances) == 0:
        raise ValueError(f"pairs must be five pairs of differences with a variance > 0; got {list(pairs)}")
    # Dietterich's numerator is the first of the ten differences, not their mean.
    t = pairs[0][0] / math.sqrt(math.fsum(variances) / 5)
    return t, 2 * float(stdtr(5, -abs(t)))


def probabilities(difference: Difference, margin: float) -> Probabilities | None:
    """Return the probabilities of the Bayesian correlated t-test; ``None`` without a variance over folds.

    If the sampling of images determines the width of the interval, it determines the width of the distribution too.

    Args:
        difference: from :func:`fold_difference`.
        margin: the equivalence margin, in the unit of the difference.

    >>> found = fold_difference([0.96, 0.97, 0.95], [0.94, 0.95, 0.94], ratio=1 / 2)
    >>> round(probabilities(found, margin=0.001).better, 2)
    0.95
    """
    if not difference.known or [source.name for source in difference.sources] != ["folds"]:
        return None
    worse, better = 1 - _above(difference, -margin), _above(difference, margin)
    return Probabilities(better, max(0.0, 1 - better - worse), worse)


def _above(difference: Difference, value: float) -> float:
    """Return the probability that the true difference is above a value."""
    assert difference.centre is not None  # callers check that it is known
    # ``error_of`` is two-sided, and the distribution is symmetric about the centre.
    tail = difference.error_of(abs(difference.centre - value)) / 2
    return 1 - tail if difference.centre > value else tail
