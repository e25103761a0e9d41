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
from dataclasses import dataclass

from convstudy.stats.crossed import Components
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


def needed_seeds(found: Components, difference: float, error: float) -> Needed | None:
    """Return how many seeds would tell a difference, or that the test set is too small for it.

    Args:
        found: the variances of the differences, of two seeds or more.
        difference: the smallest that matters, a fraction.
        error: how often a claim may be wrong, 0.05 for a single comparison.

    Returns:
        ``None`` where the seeds at hand would do, where no difference is too small to matter, and with one seed, of
        which no variance is known.
    """
    if found.seed is None or difference <= 0:
        return None
    z, power = normal_quantile(1 - error / 2), normal_quantile(CHANCE)
    least_images = max(found.image * ((z + power) / difference) ** 2, RULE_OF_THREE / difference)
    if least_images > found.n_images:
        return Needed(difference, images=math.ceil(least_images) if least_images <= MOST_IMAGES else None)

    def tells(n_seeds: int) -> bool:
        assert found.seed is not None  # looked at above
        # Two made-up predictions are part of such an interval (``crossed``).
        image = found.image / found.n_images + 2 / (n_seeds * found.n_images**2)
        sources = (
            Source("seeds", (found.seed + found.rest / found.n_images) / n_seeds, n_seeds - 1),
            Source("images", image, found.n_images - 1),
        )
        spread = math.sqrt(sum(source.variance for source in sources))
        return half_width(sources, 1 - error) + power * spread <= difference

    if tells(found.n_seeds):
        return None
    few, many = found.n_seeds, found.n_seeds * 2
    while many <= MOST_SEEDS and not tells(many):
        few, many = many, many * 2
    if many > MOST_SEEDS and not tells(MOST_SEEDS):
        return Needed(difference)
    many = min(many, MOST_SEEDS)
    while many - few > 1:  # more seeds never tell less
        middle = (few + many) // 2
        few, many = (few, middle) if tells(middle) else (middle, many)
    return Needed(difference, seeds=many)


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
