"""How many seeds or images it would take to tell a difference that matters.

What matters is the border of the region, 0.1 points unless told, and not the measured difference: the power at what
was measured says the same as the p-value in other words, and asks for the fewest seeds where luck was largest (Hoenig
and Heisey 2001). So the measurement gives the variances only. What is asked for is the number with which
:data:`CHANCE` of the studies would end in an interval that leaves out zero, were the true difference just that large::

    half-width + z(CHANCE) · se ≤ the smallest difference that matters

With as many, four of five studies would also call a difference of twice the region better: the border of the region is
then as far away as zero is here. Variances that were measured on a few seeds are uncertain themselves: the numbers are
meant with an "about".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from convstudy.stats.crossed import MADE_UP, Components
from convstudy.stats.differences import Difference, Source, half_width
from convstudy.stats.intervals import normal_quantile

CHANCE = 0.8
"""How many of the studies would tell: four of five."""
MOST_SEEDS = 1000
MOST_IMAGES = 10_000_000
RULE_OF_THREE = 3
"""No difference at all on n images still leaves 3 / n possible (Hanley and Lippman-Hand 1983)."""


@dataclass(frozen=True)
class Needed:
    """What it would take to tell a difference. Numbers are ``None`` where no sensible one would do.

    Attributes:
        difference: the difference to be told, a fraction: the region's border.
        seeds: about so many seeds, with the test images at hand.
        images: where no number of seeds would do: at least so many test images, with any number of seeds. Over folds:
            about so many images to search on.
    """

    difference: float
    seeds: int | None = None
    images: int | None = None


def needed_seeds(
    found: Components, difference: float, error: float, made_up: float = MADE_UP
) -> Needed | None:
    """Return how many seeds would tell a difference, or that the test set is too small for it.

    Args:
        found: the variances of the differences, of two seeds or more.
        difference: the smallest that matters, a fraction.
        error: how often a claim may be wrong, 0.05 for a single comparison.
        made_up: the sum of the squares of the made-up images' figures.

    Returns:
        ``None`` where the seeds at hand would do, where no difference is too small to matter, and with one seed, of
        which no variance is known.
    """
    if found.seed is None or difference <= 0:
        return None
    power = normal_quantile(CHANCE)

    def tells(n_seeds: float, n_images: int) -> bool:
        assert found.seed is not None  # looked at above
        seeds = Source("seeds", (found.seed + found.rest / n_images) / n_seeds, n_seeds - 1)
        image = found.image / n_images
        # The made-up images are part of the interval (``crossed``), but nothing that the difference scatters by.
        images = Source("images", image + made_up / n_images**2, n_images - 1)
        half = half_width((seeds, images), 1 - error)
        return half + power * math.sqrt(seeds.variance + image) <= difference

    least = math.ceil(RULE_OF_THREE / difference)
    if found.n_images < least or not tells(math.inf, found.n_images):
        # The images at hand may be more than the rule of three asks for, and too few all the same.
        few = max(1, min(found.n_images, least - 1))
        return Needed(
            difference, images=_fewest(lambda n: n >= least and tells(math.inf, n), few, MOST_IMAGES)
        )
    if tells(found.n_seeds, found.n_images):
        return None
    seeds = _fewest(lambda n: tells(n, found.n_images), found.n_seeds, MOST_SEEDS)
    return Needed(difference, seeds=seeds)


def _fewest(enough: Callable[[int], bool], too_few: int, most: int) -> int | None:
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


def needed_images(found: Difference, n_images: int, difference: float, error: float) -> Needed | None:
    """Return how many images would tell a difference, where the interval shrinks with the root of their number.

    So it is over folds, where more folds of the same images tell little more.

    Args:
        found: the measured difference, of which only the sources of its uncertainty count.
        n_images: how many images there were.
        difference: the smallest that matters, a fraction.
        error: how often a claim may be wrong.

    Returns:
        ``None`` where the images at hand would do, where no difference is too small to matter, and without an interval.
    """
    if difference <= 0 or not found.known:
        return None
    spread = math.sqrt(sum(source.variance for source in found.sources))
    n = images_for(
        half_width(found.sources, 1 - error) + normal_quantile(CHANCE) * spread, n_images, difference
    )
    if n <= n_images:
        return None
    return Needed(difference, images=math.ceil(n) if n <= MOST_IMAGES else None)


def images_for(width: float, n_images: int, difference: float) -> float:
    """Return with how many images a width that ``n_images`` gave would come down to a difference."""
    return n_images * (width / difference) ** 2
