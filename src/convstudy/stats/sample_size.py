"""How many seeds or images it would take to tell a difference that matters.

What matters is the border of the region, 0.1 points unless told, and not the measured difference: the power at what
was measured says the same as the p-value in other words, and asks for the fewest seeds where luck was largest (Hoenig
and Heisey 2001). So the measurement gives the variances only. What is asked for is the number with which
:data:`CHANCE` of the studies would end in an interval that leaves out zero, were the true difference just that large::

    half-width + z(CHANCE) · se ≤ the smallest difference that matters

With this number, four of five studies would also call a difference of twice the region better: the border of the
region is then as far away as zero is here.

Variances that were measured on a few seeds are uncertain themselves, so numbers are ranges: from what the variances as
measured ask for, to what the upper 80 % limit of the seeds' variance asks for (Browne 1995). Where more than ten times
the data at hand would be needed, no number is given, because nothing measured here reaches that far. Instead the
difference is given that the data at hand can show.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from convstudy.stats.differences import Difference, Source, half_width
from convstudy.stats.intervals import normal_quantile
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS, Components

CHANCE = 0.8
"""How many of the studies would tell: four of five."""
MOST_SEEDS = 1000
RULE_OF_THREE = 3
"""No difference at all on n images still leaves 3 / n possible (Hanley and Lippman-Hand 1983)."""


REACH = 10
"""No number beyond this many times the data at hand is given."""
LIMIT = 0.8
"""The level of the upper limit of the seeds' variance."""

Unit = Literal["seeds", "test images", "images"]


@dataclass(frozen=True)
class RequiredSampleSize:
    """What it would take to tell a difference.

    Attributes:
        difference: the difference to be told, a fraction: the region's border.
        unit: ``"seeds"`` with the test images at hand; ``"test images"`` where no number of seeds would do, and then
            at least; over folds ``"images"`` to search on.
        at_hand: the number of these at hand.
        fewest, most: the ends of the range. ``fewest`` is ``None`` beyond :data:`REACH` times the data at hand,
            ``most`` where there is no upper end. Over folds ``fewest`` may be what is at hand: more folds may do.
        shows: where ``fewest`` is ``None``, the smallest difference that the data at hand can show; for images at
            best, with any number of seeds or folds.
        folds_first: whether the folds' scatter asks for more than the images do, so that more folds of the same images
            would narrow the interval.
    """

    difference: float
    unit: Unit
    at_hand: int
    fewest: int | None = None
    most: int | None = None
    shows: float | None = None
    folds_first: bool = False


def required_seeds(
    found: Components, difference: float, error: float, pseudo_observations: float = PSEUDO_OBSERVATIONS
) -> RequiredSampleSize | None:
    """Return how many seeds would tell a difference, or that the test set is too small for it.

    Args:
        found: the variances of the differences, of two seeds or more.
        difference: the smallest that matters, a fraction.
        error: how often a claim may be wrong, 0.05 for a single comparison.
        pseudo_observations: the sum of the squares of the made-up images' figures.

    Returns:
        ``None`` where the seeds at hand would do, where no difference is too small to matter, and with one seed, of
        which no variance is known.
    """
    if found.seed is None or difference <= 0:
        return None
    seed, at_hand = found.seed, found.n_seeds
    scatter = upper_factor(at_hand - 1)

    def shown(n_seeds: float, n_images: int, factor: float = 1.0) -> float:
        """Return the smallest difference that four of five such studies would tell."""
        seeds = Source("seeds", factor * (seed + found.rest / n_images) / n_seeds, n_seeds - 1)
        image = found.image / n_images
        # The made-up images are part of the interval (``two_way``), but nothing that the difference scatters by.
        images = Source("images", image + pseudo_observations / n_images**2, n_images - 1)
        half = half_width((seeds, images), 1 - error)
        return half + normal_quantile(CHANCE) * math.sqrt(seeds.variance + image)

    def tells(n_seeds: float, n_images: int, factor: float = 1.0) -> bool:
        return n_images >= least and shown(n_seeds, n_images, factor) <= difference

    least = math.ceil(RULE_OF_THREE / difference)
    if not tells(math.inf, found.n_images):
        images = fewest(lambda n: tells(math.inf, n), found.n_images, REACH * found.n_images)
        at_best = min(1.0, max(shown(math.inf, found.n_images), RULE_OF_THREE / found.n_images))
        return RequiredSampleSize(
            difference, "test images", found.n_images, images, None, None if images else at_best
        )
    if tells(at_hand, found.n_images):
        return None
    seeds = fewest(lambda n: tells(n, found.n_images), at_hand, REACH * at_hand)
    if seeds is None:
        return RequiredSampleSize(
            difference, "seeds", at_hand, shows=min(1.0, shown(at_hand, found.n_images))
        )
    most = fewest(lambda n: tells(n, found.n_images, scatter), at_hand, MOST_SEEDS)
    return RequiredSampleSize(difference, "seeds", at_hand, seeds, most)


def upper_factor(degrees: int) -> float:
    """Return by how much the upper limit of a variance is larger than its estimate (normal figures)."""
    from scipy.special import gammaincinv

    return degrees / (2 * float(gammaincinv(degrees / 2, 1 - LIMIT)))


def fewest(enough: Callable[[int], bool], too_few: int, most: int) -> int | None:
    """Return the smallest number that is enough, ``None`` where it is larger than ``most``.

    Args:
        enough: tells it of a number; more is never less enough.
        too_few: a number that is not enough, 1 or more.
        most: the largest that is asked for.
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
    """Return how many images a search would need to tell a difference.

    The range begins at what the images alone ask for, as if folds did not scatter, and ends at what the folds' scatter
    asks for. That end is mostly noise with few folds, and more folds of the same images bring it down.

    Args:
        found: the measured difference over folds, with the images' part as its floor.
        difference: the smallest that matters, a fraction.
        error: how often a claim may be wrong.

    Returns:
        ``None`` where the images at hand would do, where no difference is too small to matter, and where the images'
        part was not measured.
    """
    n, floor = found.n_images, found.floor
    if difference <= 0 or floor is None or n < 2:
        return None
    power = normal_quantile(CHANCE)
    measured = max(0.0, floor.variance - PSEUDO_OBSERVATIONS / n**2) * n

    def shown(n_images: int) -> float:
        images = Source("images", measured / n_images + PSEUDO_OBSERVATIONS / n_images**2, n_images - 1)
        least = RULE_OF_THREE / n_images
        return max(least, images.half_width(1 - error) + power * math.sqrt(measured / n_images))

    spread = math.sqrt(math.fsum(source.variance for source in found.sources))
    shown_by_folds = half_width(found.sources, 1 - error) + power * spread
    by_folds, folds_first = n * (shown_by_folds / difference) ** 2, shown_by_folds > shown(n)
    low = n if shown(n) <= difference else fewest(lambda m: shown(m) <= difference, n, REACH * n)
    if low is None:
        return RequiredSampleSize(difference, "images", n, shows=min(1.0, shown(n)), folds_first=folds_first)
    high = max(low, math.ceil(by_folds))
    if high <= n:
        return None
    return RequiredSampleSize(
        difference, "images", n, low, high if high <= REACH * n else None, folds_first=folds_first
    )
