"""Images in groups: a mean over seeds and images if images of one group (a patient, a camera) are alike.

Images of one group are not independent, but groups are. So groups take the place of images in the two-way table
(``two_way``). Groups have different sizes, and the mean over images is a ratio: the sum over groups of the values,
divided by the sum of the sizes. Its linearised variance (Särndal, Swensson and Wretman 1992) is that of the values::

    z = mean + G / n · (total of the group − size of the group · mean)      G groups, n images

whose mean over seeds and groups is the mean over seeds and images. The table of z, shape (seeds, groups), has the mean
squares of ``mean_squares``; the groups' contribution to the variance has G − 1 degrees of freedom. A group with a large
part h = size / n of all images has a smaller deviation, because it moves the mean towards itself. Each deviation is
therefore divided by √(1 − h) (Bell and McCaffrey 2002).

The *design effect* (Kish 1965) is the factor by which groups increase the variance of a mean over images::

    design effect = 1 + (size − 1) · ICC      size: Σ size² / n, the mean size of the group of an image

The intra-class correlation ICC is the analysis-of-variance estimate, for the means over seeds. It is shrunk towards 1
(all images of a group have the same value) with the weight of one image, because a few errors do not show whether
errors occur in groups. n / design effect is the *effective number of images*: this many independent images give the
same variance. Two pseudo-observations are added, each of the size of one effective image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.differences import CONFIDENCE, Source, half_width, t_quantile
from convstudy.stats.image_groups import ImageGroups
from convstudy.stats.intervals import Interval, score_ends
from convstudy.stats.mean_squares import squares_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.floating]
    Integers = npt.NDArray[np.integer]

_WHOLE_GROUPS = 1.0
"""The weight, in images, of the assumption that all images of a group have the same value."""


@dataclass(frozen=True)
class GroupedMean:
    """A mean over seeds and images in groups, with its variance.

    Attributes:
        mean: the mean over seeds and images.
        seeds: the contribution of the seeds to the variance; ``None`` with one seed.
        images: the contribution of the groups of images.
        images_alone: the variance of the mean between groups, which contains a part of the seeds' contribution.
        n_seeds: the number of seeds.
        groups: the numbers of images and groups.
        largest: the largest mean of a group over seeds and images.
    """

    mean: float
    seeds: float | None
    images: float
    images_alone: float
    n_seeds: int
    groups: ImageGroups
    largest: float

    @property
    def degrees(self) -> int:
        """The degrees of freedom of the groups' contribution."""
        return self.groups.n_groups - 1

    def sources(self, size: float = 0.0) -> tuple[Source, ...]:
        """Return the sources of uncertainty of the mean.

        Args:
            size: the size of the two pseudo-observations; 0 to add none.
        """
        # The pseudo-observations are two more effective images, with the values +size and −size.
        n = self.groups.n_effective
        shrunk = (n / (n + 2)) ** 2 if size else 1.0
        images = Source("images", shrunk * (self.images + 2 * (size / n) ** 2), self.degrees)
        if self.seeds is None:
            return (images,)
        return (Source("seeds", shrunk * self.seeds, self.n_seeds - 1), images)

    def centre(self, size: float = 0.0) -> float:
        """Return the mean with the two pseudo-observations, whose own mean is 0."""
        n = self.groups.n_effective
        return self.mean * n / (n + 2) if size else self.mean


def grouped_mean(values: Values, groups: Integers, weights: Values | None = None) -> GroupedMean:
    """Return the mean of values over seeds and images, with its variance for new seeds and new groups.

    Args:
        values: shape (seeds, images).
        groups: the group of each image, numbers 0, 1, … without gaps; shape (images,).
        weights: the weights of the images, shape (images,), mean 1, if ``values`` are already multiplied by them.

    Raises:
        ValueError: if there are no seeds, or fewer than two groups.

    >>> import numpy as np
    >>> values = np.repeat([[1.0, 0.0, 1.0, 1.0]], 5, axis=1)  # 4 groups of 5 images with equal values
    >>> found = grouped_mean(values, np.repeat(np.arange(4), 5))
    >>> found.mean, round(found.groups.n_effective, 2)
    (0.75, 4.0)
    """
    import numpy as np

    n_seeds, n = values.shape
    n_groups = int(groups.max()) + 1 if n else 0
    if n_groups < 2:
        raise ValueError(f"there must be at least two groups; got {n_groups}")
    table = np.asarray(values, dtype=np.float64)
    by_image = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    mean = float(table.mean())
    deviations = table - mean * by_image
    totals = np.stack([np.bincount(groups, row, n_groups) for row in deviations])
    sizes = np.bincount(groups, by_image, n_groups)
    large = np.sqrt(1 - np.minimum(sizes / n, 1 - 1e-9))
    # The mean squares of the seeds are those of the plain totals: the correction is for deviations between groups.
    plain = squares_of(mean + n_groups / n * totals)
    squares = squares_of(mean + n_groups / n * totals / large)
    cells = n_seeds * n_groups
    images = max(0.0, squares.images - squares.rest)
    if n_seeds > 1 and plain.seeds_are_equal:
        images = max(images, squares.rest)
    effective = n / _design_effect(deviations.mean(axis=0), groups, by_image)
    return GroupedMean(
        mean,
        plain.seeds / cells if n_seeds > 1 else None,
        images / cells,
        squares.images / cells,
        n_seeds,
        ImageGroups(n, n_groups, effective),
        float((np.bincount(groups, table.mean(axis=0), n_groups) / np.bincount(groups)).max()),
    )


def _design_effect(deviations: Values, groups: Integers, weights: Values) -> float:
    """Return the design effect of the mean of ``deviations``, all arrays of shape (images,)."""
    import numpy as np

    n, counts = len(deviations), np.bincount(groups)
    n_groups = len(counts)
    sums = np.bincount(groups, deviations)
    all_squares = float((deviations**2).sum())
    between = float((sums**2 / counts).sum())
    within = max(0.0, all_squares - between) / max(1, n - n_groups)
    between /= n_groups - 1
    usual = (n - float((counts**2).sum()) / n) / (n_groups - 1)
    spread = between + (usual - 1) * within
    icc = min(1.0, max(0.0, (between - within) / spread)) if spread > 0 else 1.0
    # In squares of one image, so that the weight does not depend on the unit of the values.
    largest = float((deviations**2).max())
    weight = _WHOLE_GROUPS * max(largest, 1e-300)
    icc = (icc * all_squares + weight) / (all_squares + weight)
    size = float((np.bincount(groups, weights) ** 2).sum() / (weights**2).sum())
    return 1 + (max(1.0, size) - 1) * icc


def grouped_proportion(found: GroupedMean, heaviest: float = 1.0, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a mean accuracy for new seeds and new groups of images.

    This is :func:`~convstudy.stats.two_way.accuracy_interval` with the effective number of images in place of their
    number, and with Student's t for the degrees of freedom of the groups in place of the normal distribution (Korn and
    Graubard 1998).

    Args:
        found: the mean of values from 0 to 1 (times the weights).
        heaviest: the largest weight of an image.
        confidence: the confidence level of the interval.
    """
    accuracy = min(1.0, max(0.0, found.mean))
    n = found.groups.n_effective / heaviest
    t2 = t_quantile(0.5 + confidence / 2, found.degrees) ** 2
    seeds = 0.0
    if found.seeds is not None:
        seeds = Source("seeds", found.seeds, found.n_seeds - 1).half_width(confidence) ** 2
    measured = max(seeds + t2 * found.images, t2 * found.images_alone)
    middle = (accuracy + t2 / (2 * n)) / (1 + t2 / n)
    half = math.sqrt(measured + t2 * (t2 + 1) / (4 * n * n)) / (1 + t2 / n)
    # Equal groups can have no variance although some predictions are wrong.
    most = n if accuracy in (0, 1) else accuracy * (1 - accuracy) * t2 / max(measured, 1e-300)
    plain = score_ends(accuracy, max(1e-9, min(found.n_seeds * found.groups.n_images, most)), t2)
    low, high = middle - half, middle + half
    if accuracy < 0.5:
        low = min(low, plain[0])
    else:
        high = max(high, plain[1])
    return Interval(
        accuracy,
        0.0 if accuracy == 0 else max(0.0, low),
        1.0 if accuracy == 1 else min(1.0, high),
        confidence,
        groups=found.groups,
    )


def grouped_loss(found: GroupedMean, largest: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a mean loss, computed for its logarithm as in ``skewed``.

    Losses are skewed: a few groups cause most of the mean, and a sample can lack such a group. Therefore two
    pseudo-observations are added, each of the size of one effective image, with the largest mean loss of a group; they
    count in the variance and at the upper end.

    Args:
        found: the mean of losses, in nats.
        largest: the largest possible loss.
        confidence: the confidence level of the interval.
    """
    if found.mean <= 0:
        high = min(1.0, 3 / found.groups.n_effective) * largest
        return Interval(0.0, 0.0, high, confidence, groups=found.groups)
    added = found.largest / found.groups.n_effective
    *seeds, images = found.sources()
    sources = (*seeds, Source(images.name, images.variance + 2 * added**2, images.degrees))
    half, upper = half_width(sources, confidence), found.mean + 2 * added
    high = min(upper * math.exp(half / upper), max(largest, found.mean))
    return Interval(
        found.mean, found.mean / math.exp(half / found.mean), high, confidence, groups=found.groups
    )
