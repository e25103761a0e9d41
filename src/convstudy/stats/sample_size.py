"""The number of seeds or images required to show a difference that matters.

The difference that matters is the equivalence margin (0.1 percentage points by default), not the measured difference.
Power at the measured difference says no more than the p-value, and a measured difference that is large by chance gives
too few seeds (Hoenig and Heisey 2001). The measurement supplies only the variances. The result is the smallest number
with which 80 % of studies (:data:`POWER`) would find an interval that excludes zero, if the true difference equalled
the margin::

    half-width + z(POWER) · se ≤ the smallest difference that matters

With this number, four of five studies would also report "better" for a difference of twice the margin, because the
distance of that difference from the margin is the distance of the margin from zero.

Variances from few seeds are uncertain, so the result is a range. Its lower end uses the measured variances, its upper
end the upper 80 % limit of the variance between seeds (Browne 1995). No number above ten times the present data is
given, because the measurement does not allow such an extrapolation. The result is then the difference that the present
data can show.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from convstudy.stats.differences import Difference, Source, half_width
from convstudy.stats.intervals import normal_quantile
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS, Components

POWER = 0.8
"""The power: four of five studies would show the difference."""
MAX_SEEDS = 1000
RULE_OF_THREE = 3
"""Without any difference on n images, a true difference of 3 / n is still possible (Hanley and Lippman-Hand 1983)."""
MAX_EXTRAPOLATION = 10
"""No number beyond this multiple of the present data is given."""
UPPER_LIMIT_LEVEL = 0.8
"""The level of the upper limit of the seeds' variance."""

Unit = Literal["seeds", "test images", "images"]


@dataclass(frozen=True)
class RequiredSampleSize:
    """The sample size required to show a difference.

    Attributes:
        difference: the difference to show, a fraction: the equivalence margin.
        unit: ``"seeds"`` with the present test images; ``"test images"`` if no number of seeds is enough (the number is
            then a lower bound); ``"images"`` for a difference over folds: the images of
            the search.
        n_present: the present number of seeds or images.
        fewest, most: the ends of the range of the required number. ``fewest`` is ``None`` if the number is above
            :data:`MAX_EXTRAPOLATION` times the present data. ``most`` is ``None`` if there is no upper end. Over folds,
            ``fewest`` can be the present number: more folds may be enough.
        shows: if ``fewest`` is ``None``, the smallest difference that the present data can show. If ``unit`` is
            ``"test images"`` or ``"images"``, it is a lower bound, with an unlimited number of seeds or folds.
        folds_first: whether the variance between folds limits the detectable difference more than the images do, so
            that more folds of the
            same images would narrow the interval.
    """

    difference: float
    unit: Unit
    n_present: int
    fewest: int | None = None
    most: int | None = None
    shows: float | None = None
    folds_first: bool = False


def required_seeds(
    found: Components, difference: float, error: float, pseudo_observations: float = PSEUDO_OBSERVATIONS
) -> RequiredSampleSize | None:
    """Return the number of seeds required to show a difference, or that the test set is too small for it.

    Args:
        found: the variance components of the differences, from two seeds or more.
        difference: the smallest difference that matters, a fraction.
        error: the allowed probability of a wrong claim, 0.05 for a single comparison.
        pseudo_observations: the sum of the squared values of the two pseudo-observations that
            :mod:`~convstudy.stats.two_way` adds to the images.

    Returns:
        ``None`` if the present seeds are enough, if the margin is 0, and with one seed, whose variance is unknown.

    >>> from convstudy.stats.two_way import Components
    >>> found = Components(seed=1e-5, image=1e-4, rest=1e-3, n_seeds=5, n_images=10_000)
    >>> required = required_seeds(found, difference=0.002, error=0.05)
    >>> required.unit, required.fewest, required.most
    ('seeds', 23, 53)
    """
    if found.seed is None or difference <= 0:
        return None
    seed, n_present = found.seed, found.n_seeds
    factor = upper_factor(n_present - 1)

    def shown(n_seeds: float, n_images: int, factor: float = 1.0) -> float:
        """Return the smallest difference that four of five such studies would show."""
        seeds = Source("seeds", factor * (seed + found.rest / n_images) / n_seeds, n_seeds - 1)
        image = found.image / n_images
        # Pseudo-observations widen the interval (``two_way``), but do not belong to the variance of the difference.
        images = Source("images", image + pseudo_observations / n_images**2, n_images - 1)
        half = half_width((seeds, images), 1 - error)
        return half + normal_quantile(POWER) * math.sqrt(seeds.variance + image)

    def is_enough(n_seeds: float, n_images: int, factor: float = 1.0) -> bool:
        return n_images >= least and shown(n_seeds, n_images, factor) <= difference

    # Fewer images cannot exclude a difference of this size, even if the models never differ on them.
    least = math.ceil(RULE_OF_THREE / difference)
    # If the interval from the sampling of images alone is too wide, no number of seeds is enough.
    if not is_enough(math.inf, found.n_images):
        images = fewest(lambda n: is_enough(math.inf, n), found.n_images, MAX_EXTRAPOLATION * found.n_images)
        at_best = min(1.0, max(shown(math.inf, found.n_images), RULE_OF_THREE / found.n_images))
        return RequiredSampleSize(
            difference, "test images", found.n_images, images, None, None if images else at_best
        )
    if is_enough(n_present, found.n_images):
        return None
    seeds = fewest(lambda n: is_enough(n, found.n_images), n_present, MAX_EXTRAPOLATION * n_present)
    if seeds is None:
        return RequiredSampleSize(
            difference, "seeds", n_present, shows=min(1.0, shown(n_present, found.n_images))
        )
    # The upper end uses the upper limit of the variance between seeds.
    most = fewest(lambda n: is_enough(n, found.n_images, factor), n_present, MAX_SEEDS)
    return RequiredSampleSize(difference, "seeds", n_present, seeds, most)


def upper_factor(degrees: int) -> float:
    """Return the ratio of the upper limit of a variance to its estimate, for normal values."""
    from scipy.special import gammaincinv

    # degrees · s² / σ² has a chi-squared distribution, which is a gamma distribution with the shape degrees / 2.
    return degrees / (2 * float(gammaincinv(degrees / 2, 1 - UPPER_LIMIT_LEVEL)))


def fewest(enough: Callable[[int], bool], too_few: int, most: int) -> int | None:
    """Return the smallest number that is enough, ``None`` if it is larger than ``most``.

    Args:
        enough: whether a number is enough. If it is true for a number, it must be true for all larger numbers.
        too_few: a number that is not enough, 1 or more.
        most: the largest number to try.
    """
    few, many = too_few, min(2 * too_few, most)
    while not enough(many):
        if many >= most:
            return None
        few, many = many, min(2 * many, most)
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if enough(middle) else (middle, many)
    return many


def required_images(found: Difference, difference: float, error: float) -> RequiredSampleSize | None:
    """Return the number of images that a search requires to show a difference.

    The range starts at the number for the sampling of images alone, as if folds had no variance. It ends at the number
    for the variance between folds. With few folds, this upper end is mostly noise; more folds of the same images lower
    it.

    Args:
        found: the measured difference over folds; its ``floor`` is the variance from the sampling of images.
        difference: the smallest difference that matters, a fraction.
        error: the allowed probability of a wrong claim.

    Returns:
        ``None`` if the present images are enough, if the margin is 0, or if the variance from the sampling of images
        was not measured.
    """
    n, floor = found.n_images, found.floor
    if difference <= 0 or floor is None or n < 2:
        return None
    power = normal_quantile(POWER)
    # The variance on one image, without the pseudo-observations: ``shown`` adds their contribution, which falls with n²
    # and not with n.
    measured = max(0.0, floor.variance - PSEUDO_OBSERVATIONS / n**2) * n

    def shown(n_images: int) -> float:
        images = Source("images", measured / n_images + PSEUDO_OBSERVATIONS / n_images**2, n_images - 1)
        least = RULE_OF_THREE / n_images
        return max(least, images.half_width(1 - error) + power * math.sqrt(measured / n_images))

    spread = math.sqrt(math.fsum(source.variance for source in found.sources))
    shown_by_folds = half_width(found.sources, 1 - error) + power * spread
    # Half-widths fall with the square root of the number of images.
    by_folds, folds_first = n * (shown_by_folds / difference) ** 2, shown_by_folds > shown(n)
    low = n if shown(n) <= difference else fewest(lambda m: shown(m) <= difference, n, MAX_EXTRAPOLATION * n)
    if low is None:
        return RequiredSampleSize(difference, "images", n, shows=min(1.0, shown(n)), folds_first=folds_first)
    high = max(low, math.ceil(by_folds))
    if high <= n:
        return None
    return RequiredSampleSize(
        difference, "images", n, low, high if high <= MAX_EXTRAPOLATION * n else None, folds_first=folds_first
    )
