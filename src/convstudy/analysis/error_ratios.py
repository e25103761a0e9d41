"""The errors of two candidates: their ratio, and the test against a margin that is a share of the errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from convstudy.analysis.training_sets import difference_over_seeds
from convstudy.metrics import Metric
from convstudy.stats.differences import Difference, Source
from convstudy.stats.error_ratio import ErrorRatio, Share, ShareTest, low_end, ratio_interval
from convstudy.stats.resampled import Probabilities, fold_difference, probabilities
from convstudy.stats.summary import summarise
from convstudy.stats.two_way import bound_of_images, images_of, linearised

if TYPE_CHECKING:
    from convstudy.stats.training_sets import TrainingSets
    from convstudy.stats.two_way import Integers, Values

Weighed = Callable[[float, float], Difference]
"""Maps a and b, of the same sign, to a · first error − b · second error with its uncertainty."""


@dataclass(frozen=True)
class Errors:
    """What a verdict says about the errors of its two candidates.

    Attributes:
        margin: the equivalence margin in the unit of the metric. For a share it is that of the larger measured error.
        ratio: the ratio of the errors; ``None`` if its interval is unknown.
        by_share: the test against a share; ``None`` for a margin in the unit of the metric.
    """

    margin: float
    ratio: ErrorRatio | None = None
    by_share: ShareTest | None = None


def fixed_margin(metric: Metric, margin: float | Share, values: Sequence[float | None]) -> float:
    """Return a margin in the unit of the metric; a share is one of the largest error of these mean values."""
    if not isinstance(margin, Share):
        return margin
    return margin.value * max((metric.error(value) for value in values if value is not None), default=0.0)


def errors_over_seeds(
    tables: tuple[Values, Values],
    sets: TrainingSets | None,
    metric: Metric,
    margin: float | Share,
    size: float,
    weights: Values | None,
    groups: Integers | None = None,
) -> Errors:
    """Compare the errors of two candidates over seeds and images.

    Args:
        tables: the contributions of images to both candidates' metric, each of shape (seeds, images).
        sets: the training set of each seed.
        metric: the metric.
        margin: its equivalence margin.
        size: the largest difference of two models on an unseen image (``methods``).
        weights: the weights of the images, shape (images,).
        groups: the group of each image, shape (images,).
    """
    means = tuple(float(table.mean()) for table in tables)
    if not metric.has_errors:
        return Errors(fixed_margin(metric, margin, means))
    # Weights apply to the deviations of values; errors are then plain values.
    own = [table if weights is None else linearised(table, weights) for table in tables]
    first, second = (metric.error(table) for table in own)

    def weighed(a: float, b: float) -> Difference:
        return difference_over_seeds(a * first, b * second, sets, size * max(abs(a), abs(b)), groups=groups)

    # For images in groups, it is their effective number.
    n_images = weighed(1.0, 1.0).n_images
    return _errors(metric, margin, means, weighed, n_images / size if size else float(n_images))


def errors_without_predictions(
    first: Sequence[float], second: Sequence[float], metric: Metric, margin: float | Share, n_images: int
) -> Errors:
    """Compare the errors of two candidates over seeds from their scores, with an upper bound for the images."""
    means = (fmean(first), fmean(second)) if first else ()

    def weighed(a: float, b: float) -> Difference:
        pairs = tuple(a * metric.error(x) - b * metric.error(y) for x, y in zip(first, second, strict=True))
        summary = summarise(pairs)
        bound = bound_of_images(_bound(metric, means, a, b), n_images)
        seeds = () if summary.sd is None else (Source("seeds", summary.sd**2 / summary.n, summary.n - 1),)
        return Difference(pairs, summary, summary.mean, (*seeds, bound), n_images)

    return _errors(metric, margin, means, weighed, n_images)


def errors_over_folds(
    first: Sequence[float],
    second: Sequence[float],
    ratio: float,
    pooled: tuple[Values, Values, float] | None,
    metric: Metric,
    margin: float | Share,
    n_images: int,
    groups: Integers | None = None,
) -> Errors:
    """Compare the errors of two candidates over the same folds.

    Args:
        first: the scores of the first candidate, one per fold.
        second: the scores of the second candidate, for the same folds.
        ratio: validation images per training image.
        pooled: both candidates' mean contribution of each image of all folds, each of shape (images,), and the largest
            difference of two models on an unseen image. ``None`` if predictions are missing: then error rates bound
            the variance, for proportions.
        metric: the metric.
        margin: its equivalence margin.
        n_images: the number of images of all folds, in units of the largest difference.
        groups: the group of each of these images, shape (images,).
    """
    means = (fmean(first), fmean(second)) if first else ()
    errors = [[metric.error(value) for value in scores] for scores in (first, second)]

    def weighed(a: float, b: float) -> Difference:
        if pooled is None:
            images = bound_of_images(_bound(metric, means, a, b), max(1, n_images))
        else:
            one, other, size = pooled
            values = a * metric.error(one) - b * metric.error(other)
            images = images_of(values, size * max(abs(a), abs(b)), groups)
        scaled = ([a * error for error in errors[0]], [b * error for error in errors[1]])
        return fold_difference(*scaled, ratio, images=images, n_images=n_images, limit=float("inf"))

    return _errors(metric, margin, means, weighed, n_images)


def share_probabilities(test: ShareTest) -> Probabilities | None:
    """Return the probabilities of the Bayesian correlated t-test over folds for a margin that is a share."""
    less, more = probabilities(test.less, 0.0), probabilities(test.more, 0.0)
    if less is None or more is None:
        return None
    return Probabilities(less.worse, max(0.0, 1 - less.worse - more.worse), more.worse)


def _bound(metric: Metric, means: Sequence[float], a: float, b: float) -> float:
    """Return an upper bound of the variance on one image, for proportions with these means."""
    first, second = (metric.error(mean) for mean in means)
    return a * a * first + b * b * second


def _errors(
    metric: Metric, margin: float | Share, means: Sequence[float], weighed: Weighed, n_images: float
) -> Errors:
    fixed = fixed_margin(metric, margin, means)
    if not means or not metric.has_errors:
        return Errors(fixed)
    first, second = (max(0.0, metric.error(mean)) for mean in means)
    ratio = None
    if weighed(1.0, 1.0).known:
        ratio = ratio_interval(
            first,
            second,
            lambda r: low_end(weighed(1.0, r)),
            lambda r: low_end(weighed(-r, -1.0)),
        )
    if not isinstance(margin, Share):
        return Errors(fixed, ratio)
    less, more = weighed(1.0, margin.least), weighed(-margin.least, -1.0)
    return Errors(fixed, ratio, ShareTest(margin, less, more, n_images * max(first, second)))
