"""The interval of a mean of skewed values, such as losses: a few images make up most of the mean.

The values are at least ``low``; take ``low`` as 0. The sample of images is the reason for the skewness, so that the
uncertainty from images is computed for the logarithm of the mean, whose standard error is that of the mean divided by
the mean. The next image can be as bad as the worst one so far: the upper end is that of a sample with one more image of
the largest value. Fay and Feuer (1997) add one event of the largest weight to a weighted rate for the same reason. The
means of seeds are not skewed; their half-width is added in quadrature on both sides (Zou and Donner 2008)::

    upper = mean + √( (upper end from images − mean)² + (half-width from seeds)² )

No method without a bound on the values covers the mean of every distribution (Bahadur and Savage 1956): a sample does
not show values that are rarer than 1 / n. Therefore the interval states the effective number of images. If it is below
:data:`FEW_IMAGES`, the interval can be too short.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.differences import CONFIDENCE, half_width
from convstudy.stats.grouped import grouped_loss, grouped_mean
from convstudy.stats.image_groups import group_indices
from convstudy.stats.intervals import Interval
from convstudy.stats.mean_squares import squares_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.integer]
    Values = npt.NDArray[np.floating]

MAX_LOSS = 103.3
"""The largest cross-entropy in nats: −ln of the smallest float32."""
FEW_IMAGES = 50
"""If fewer images than this make up a mean, its interval can be too short (docs/statistics.md has simulations)."""


@dataclass(frozen=True)
class MeanInterval(Interval):
    """The interval of a mean, and the number of images that make it up.

    Attributes:
        n_effective: the number of images with equal values that would determine the mean as much:
            ``(Σ value)² / Σ value²`` over the mean values of the images, 0 if all values are at the limit.
    """

    n_effective: float = math.inf

    @property
    def depends_on_few(self) -> bool:
        """Whether few images make up most of the mean, so that the interval can be too short."""
        return self.n_effective < FEW_IMAGES


def mean_interval(
    values: Values,
    low: float = 0.0,
    high: float = MAX_LOSS,
    confidence: float = CONFIDENCE,
    groups: Integers | None = None,
) -> Interval:
    """Return the interval of a candidate's mean for new seeds and new images.

    With a single seed, it is the interval of that one model for new images. If all values are at a limit, up to 3 / n
    of all images may still have any value (rule of three).

    Args:
        values: a value for each seed and image, shape (seeds, images); by default losses in nats.
        low: the smallest possible mean.
        high: the largest possible mean.
        confidence: the confidence level of the interval.
        groups: the group of each image, shape (images,); the interval is then for new groups (``grouped``).

    Returns:
        A :class:`MeanInterval` for images without groups.

    Raises:
        ValueError: if there are no seeds or fewer than two images.

    >>> import numpy as np
    >>> found = mean_interval(np.full((2, 100), 0.1) + np.arange(100) / 1000)
    >>> round(found.estimate, 4), round(found.low, 4), round(found.high, 4)
    (0.1495, 0.1439, 0.1586)
    """
    import numpy as np

    table = np.asarray(values, dtype=np.float64)
    indices = None if groups is None else group_indices(groups, table.shape[1])
    if indices is not None:
        by_group = grouped_mean(table, indices)
        if low == 0 and high >= MAX_LOSS:
            return grouped_loss(by_group, MAX_LOSS, confidence)
        half, centre = half_width(by_group.sources(), confidence), by_group.mean
        return Interval(
            centre, max(low, centre - half), min(high, centre + half), confidence, groups=by_group.groups
        )
    mean = float(table.mean())
    # Values of a metric with a best value of ``high`` are skewed to the other side.
    is_mirrored = mean - low > high - mean
    # Rounding, or the means of several training sets, can lead to values outside the limits.
    least, most = min(low, float(table.min())), max(high, float(table.max()))
    found = _from_zero(most - table if is_mirrored else table - least, most - least, confidence)
    ends = (most - found.high, most - found.low) if is_mirrored else (least + found.low, least + found.high)
    return MeanInterval(
        mean,
        min(mean, max(low, ends[0])),
        max(mean, min(high, ends[1])),
        confidence,
        n_effective=found.n_effective,
    )


def _from_zero(table: Values, highest: float, confidence: float) -> MeanInterval:
    """Return the interval for values from 0 to ``highest``."""
    squares = squares_of(table)
    mean, n = squares.mean, table.shape[1]
    if mean <= 0:
        return MeanInterval(0.0, 0.0, min(1.0, 3 / n) * highest, confidence, n_effective=0.0)
    of_seeds = math.fsum(s.half_width(confidence) ** 2 for s in squares.sources if s.name != "images")
    (images,) = (source for source in squares.sources if source.name == "images")
    by_image = table.mean(axis=0)
    # One more image of the largest value, with its variance.
    worst = float(by_image.max()) / n
    t = images.half_width(confidence) / math.sqrt(images.variance) if images.variance else 0.0
    shifted = mean + worst
    below = mean - mean * math.exp(-t * math.sqrt(images.variance) / mean)
    # Beyond the largest float, the upper limit of the values is the end.
    growth = min(700.0, t * math.sqrt(images.variance + worst**2) / shifted)
    above = shifted * math.exp(growth) - mean
    return MeanInterval(
        mean,
        max(0.0, mean - math.hypot(below, math.sqrt(of_seeds))),
        # The maximum keeps the mean inside the interval.
        max(mean, min(highest, mean + math.hypot(above, math.sqrt(of_seeds)))),
        confidence,
        n_effective=float(by_image.sum() ** 2 / (by_image**2).sum()),
    )
