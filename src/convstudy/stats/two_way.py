"""Two-way random effects: how much a mean over seeds would change with other seeds and other test images.

Every model of a candidate is scored on the same n test images. The mean over S seeds is uncertain for two reasons:
other seeds and other test images would give another mean. More seeds reduce only the uncertainty from seeds. Let x be
the value of one seed on one image (correct or wrong, a cross-entropy, or a difference of two candidates), with seeds
and images as crossed random effects:

    x = mean + seed + image + rest        variance of the mean = σ²_seed / S + σ²_image / n + σ²_rest / (S n)

The variances follow from the mean squares of a two-way table without replication (Searle, Casella and McCulloch
1992). The *contribution of the images* is σ²_image / n, the variance of the mean that the sampling of test images
causes. The *contribution of the seeds* is the sum of the other two terms. A two-way bootstrap (Owen 2007) would count
σ²_rest three times. With one seed the variance between seeds is unknown; the interval is then that of the trained
models on new images.

Proportions near 100 % depend on few images. Bonett and Price (2012) add two pseudo-observations for one pair of models.
Here a difference gets two added images, one in favour of each candidate; on such an image the candidates differ in the
same way with every seed. With one seed the interval equals Bonett and Price's (with t and n − 1 in place of z and n).
If the candidates differ on the same few images with every seed, S seeds say no more about images than one seed. Adding
only two single predictions to the S·n would then make the interval too narrow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.differences import CONFIDENCE, Difference, Source
from convstudy.stats.grouped import grouped_mean, grouped_proportion
from convstudy.stats.image_groups import group_indices
from convstudy.stats.intervals import Interval, normal_quantile, proportion_interval, wilson
from convstudy.stats.mean_squares import squares_of
from convstudy.stats.summary import summarise

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.integer]
    Values = npt.NDArray[np.floating]

PSEUDO_OBSERVATIONS = 2
"""The number of pseudo-observations added to the images of a difference of proportions, half in each direction."""


@dataclass(frozen=True)
class Components:
    """The variance components of a seeds × images table, each at least 0, and its size.

    ``seed`` is ``None`` with a single seed; ``image`` then includes ``rest``.
    """

    seed: float | None
    image: float
    rest: float
    n_seeds: int
    n_images: int


def components(table: Values) -> Components:
    """Return the variance components of a table, shape (seeds, images).

    Raises:
        ValueError: if there are no seeds, or fewer than two images.

    >>> import numpy as np
    >>> found = components(np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]))
    >>> found.seed, found.image, found.rest
    (2.0, 1.0, 0.0)
    """
    squares = squares_of(table)
    n_seeds, n_images = table.shape
    if n_seeds == 1:
        return Components(None, squares.images, 0.0, 1, n_images)
    return Components(
        max(0.0, squares.seeds - squares.rest) / n_images,
        max(0.0, squares.images - squares.rest) / n_seeds,
        squares.rest,
        n_seeds,
        n_images,
    )


def two_way_difference(
    first: Values,
    second: Values,
    confidence: float = CONFIDENCE,
    pseudo_observations: float | None = None,
    weights: Values | None = None,
    groups: Integers | None = None,
) -> Difference:
    """Return the difference of two candidates' means over the same seeds and images.

    Args:
        first: the values of the first candidate, shape (seeds, images).
        second: the values of the other, same shape. If all values are 0 or 1 (wrong or correct), pseudo-observations
            are added.
        confidence: the confidence level of the interval.
        pseudo_observations: the largest possible difference of two models on an unseen image. Two pseudo-observations
            have this difference, one in each direction. Default: 1 if all values are 0 or 1, else none are added.
        weights: the weights of the images, shape (images,), mean 1; pass them if ``first`` and ``second`` are already
            multiplied by them. The variance is then that of a weighted mean: each image contributes its deviation
            times its weight.
        groups: the group of each image, such as its patient, shape (images,). Images of one group are not independent:
            the interval is for new groups (``grouped``).

    Raises:
        ValueError: if the shapes differ, or there are no seeds or fewer than two images (or groups).

    >>> import numpy as np
    >>> first, second = np.ones((3, 200)), np.ones((3, 200))
    >>> second[:, :20] = 0  # the second candidate is wrong on 20 of 200 images, with each seed
    >>> found = two_way_difference(first, second)
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3)
    (0.1, 0.055, 0.143)
    """
    import numpy as np

    if first.shape != second.shape:
        raise ValueError(f"first and second must have the same shape; got {first.shape} and {second.shape}")
    are_proportions = all(bool(np.isin(values, (0, 1)).all()) for values in (first, second))
    table = first.astype(np.float64) - second.astype(np.float64)
    indices = None if groups is None else group_indices(groups, table.shape[1])
    pairs = tuple(float(mean) for mean in table.mean(axis=1))
    limit = 1.0 if are_proportions else None
    if indices is not None:
        size = float(are_proportions) if pseudo_observations is None else pseudo_observations
        found = grouped_mean(table, indices, weights)
        return Difference(
            pairs,
            summarise(pairs),
            found.centre(size),
            found.sources(size),
            int(found.groups.n_effective),
            confidence,
            limit=limit,
            groups=found.groups,
        )
    by_weight = table if weights is None else linearised(table, weights)
    size = float(are_proportions) if pseudo_observations is None else pseudo_observations
    squares = squares_of(by_weight, extra=PSEUDO_OBSERVATIONS if size else 0, size=size)
    return Difference(
        pairs,
        summarise(pairs),
        squares.mean,
        squares.sources,
        n_images=table.shape[1],
        confidence=confidence,
        limit=limit,
    )


def seeds_only_difference(
    first: tuple[float, ...], second: tuple[float, ...], n_images: int, confidence: float = CONFIDENCE
) -> Difference:
    """Return the difference of two candidates' accuracies if only scores are left, without predictions.

    The variance of the images is then unknown but bounded: the number of images on which two models differ is at most
    the sum of their numbers of errors. Therefore σ²_image is at most the sum of the two error rates. The interval uses
    this bound.

    Args:
        first: the accuracy of the first candidate for each seed, a fraction.
        second: the accuracies of the other, for the same seeds.
        n_images: the number of test images.
        confidence: the confidence level of the interval.

    >>> found = seeds_only_difference((0.98, 0.97, 0.98), (0.95, 0.94, 0.96), n_images=10_000)
    >>> round(found.mean, 4), round(found.low, 4), round(found.high, 4)
    (0.0267, 0.0114, 0.042)
    """
    pairs = tuple(a - b for a, b in zip(first, second, strict=True))
    summary = summarise(pairs)
    if not pairs:
        return Difference(pairs, summary, confidence=confidence)
    errors = sum((2 - a - b) / len(pairs) for a, b in zip(first, second, strict=True))
    images = bound_of_images(errors, n_images)
    seeds = () if summary.sd is None else (Source("seeds", summary.sd**2 / summary.n, summary.n - 1),)
    return Difference(pairs, summary, summary.mean, (*seeds, images), n_images, confidence, limit=1.0)


def images_of(values: Values, pseudo_observations: float = 1.0, groups: Integers | None = None) -> Source:
    """Return the contribution of the images to the variance of a mean difference, for two fixed models.

    Args:
        values: the difference on each image, shape (images,).
        pseudo_observations: the absolute difference on each of the two pseudo-observations, which favour one candidate
            each; 1 for values of 0 or 1.
        groups: the group of each image, shape (images,); ``None`` if images are independent.

    Raises:
        ValueError: if there are fewer than two images.
    """
    indices = None if groups is None else group_indices(groups, len(values))
    if indices is not None and indices.max() > 0:
        return grouped_mean(values[None], indices).sources(pseudo_observations)[0]
    (images,) = squares_of(values[None], extra=PSEUDO_OBSERVATIONS, size=pseudo_observations).sources
    return images


def bound_of_images(errors: float, n_images: int) -> Source:
    """Return the largest possible contribution of the images for two models with this sum of error rates.

    The bound replaces the contribution if predictions are missing: the number of images on which two models differ is
    at most the sum of their numbers of errors.
    """
    # A difference is −1, 0 or 1, so its variance is at most the fraction of images on which the models differ.
    return Source("images", (errors + PSEUDO_OBSERVATIONS / n_images) / n_images, max(1, n_images - 1))


def accuracy_interval(
    right: Values,
    confidence: float = CONFIDENCE,
    weights: Values | None = None,
    heaviest: float | None = None,
    groups: Integers | None = None,
) -> Interval:
    """Return the interval of a candidate's accuracy for new seeds and new images.

    With a single seed, it is the interval of that one model for new images
    (:func:`~convstudy.stats.intervals.proportion_interval`). Wilson's interval is
    ``middle ± √(z² · variance + z⁴ / 4n²)``, both divided by ``1 + z² / n``. It adds z² / 2 correct and z² / 2
    wrong pseudo-observations. Here these are whole images, as for differences: S seeds with errors on the same images
    say no more about images than one seed. The variance is that of seeds and images::

        half-width² = max(t(S − 1)² · seeds + z² · images, z² · MS_images / (S n)) + z² (z² + 1) / 4n²

    ``seeds`` and ``images`` are the contributions to the variance of the mean. The second term of the maximum is the
    variance over images alone: scores that are equal by chance do not make the accuracy certain. ``z² + 1`` replaces
    Wilson's ``z²``, because the images' contribution to the variance is estimated. Because the pseudo-observations are
    whole images, they move the middle far towards 0.5 if the errors of many seeds are on different images. Therefore
    the end that is farther from 0.5 reaches at least the corresponding end of Wilson's interval for an effective number
    of images (Korn and Graubard 1998; Dean and Pagano 2015).

    Above 50 %, one more error never raises the lower end, unless the error makes the scores of the seeds more similar:
    the variation between seeds is evidence too.

    Args:
        right: 1 if a model is correct on an image, else 0; shape (seeds, images).
        confidence: the confidence level of the interval.
        weights: the weights of the images, shape (images,), mean 1; pass them if ``right`` is already multiplied by
            them. Each added whole image has the weight of the heaviest image.
        heaviest: this weight, if ``right`` has pseudo-values of a metric per set on a scale from 0 to 1; by default the
            largest of ``weights``.
        groups: the group of each image, shape (images,); the interval is then for new groups
            (:func:`~convstudy.stats.grouped.grouped_proportion`).

    >>> import numpy as np
    >>> right = np.ones((1, 100))
    >>> right[0, :5] = 0
    >>> found = accuracy_interval(right)  # one model, 95 of 100 correct
    >>> round(found.low, 3), round(found.high, 3)
    (0.888, 0.98)
    """
    indices = None if groups is None else group_indices(groups, right.shape[1])
    if indices is not None:
        of_weights = 1.0 if weights is None else float(weights.max())
        found = grouped_mean(right, indices, weights)
        return grouped_proportion(found, of_weights if heaviest is None else heaviest, confidence)
    squares = squares_of(right if weights is None else linearised(right, weights))
    n_seeds, n_all = right.shape
    # The added images have the weight of the heaviest image, so ``n`` counts images of this weight.
    are_proportions = weights is None and heaviest is None
    if heaviest is None:
        heaviest = 1.0 if weights is None else float(weights.max())
    n = n_all / heaviest
    accuracy = min(1.0, max(0.0, squares.mean))
    if n_seeds == 1 and are_proportions:
        return proportion_interval(accuracy, n, confidence)
    z2 = normal_quantile(0.5 + confidence / 2) ** 2
    cells = n_seeds * n_all
    seeds = 0.0
    if n_seeds > 1:
        seeds = Source("seeds", squares.seeds / cells, n_seeds - 1).half_width(confidence)
    images = z2 * max(0.0, squares.images - squares.rest) / cells
    measured = max(seeds**2 + images, z2 * squares.images / cells)
    middle = (accuracy + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(measured + z2 * (z2 + 1) / (4 * n * n)) / (1 + z2 / n)
    # The effective number of images is p (1 − p) divided by the variance of the mean; this variance is
    # ``measured / z2``.
    spread = accuracy * (1 - accuracy)
    plain = wilson(accuracy, min(cells, spread * z2 / measured) if measured and spread else n, confidence)
    low, high = middle - half, middle + half
    if accuracy < 0.5:
        low = min(low, plain.low)
    else:
        high = max(high, plain.high)
    # At 0 and 1 the interval must end exactly there, as Wilson's does.
    return Interval(
        accuracy,
        0.0 if accuracy == 0 else max(0.0, low),
        1.0 if accuracy == 1 else min(1.0, high),
        confidence,
    )


def set_interval(
    values: Values,
    low: float,
    high: float,
    largest_change: float,
    confidence: float = CONFIDENCE,
    groups: Integers | None = None,
) -> Interval:
    """Return the interval of a candidate's mean for a metric per set, from pseudo-values.

    It is :func:`accuracy_interval` on a scale on which the metric has values from 0 to 1.

    Args:
        values: the pseudo-values of each seed and image, shape (seeds, images).
        low: the smallest possible value of the metric.
        high: the largest possible value of the metric.
        largest_change: the largest change that one image can cause, on the scale of a pseudo-value.
        confidence: the confidence level of the interval.
        groups: the group of each image, shape (images,); the interval is then for new groups.

    >>> import numpy as np
    >>> found = set_interval(np.ones((2, 100)), low=-1.0, high=1.0, largest_change=1.5)  # kappa is 1 with both seeds
    >>> round(found.low, 2), found.high
    (0.94, 1.0)
    """
    span = high - low
    heaviest = max(1e-9, largest_change / span)
    found = accuracy_interval((values - low) / span, confidence, heaviest=heaviest, groups=groups)
    estimate, lower, upper = (low + span * each for each in (found.estimate, found.low, found.high))
    return Interval(estimate, lower, upper, confidence, groups=found.groups)


def linearised(table: Values, weights: Values) -> Values:
    """Return values with the same means and the variance of a weighted mean (Särndal, Swensson and Wretman 1992).

    The plain variance of the products value × weight also contains the variance of the weights times the squared mean.
    """
    found: Values = table + table.mean() * (1 - weights)
    return found
