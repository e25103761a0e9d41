"""How many seeds or images it would take to say something, if the difference is what it seems.

An interval that just reaches the border of the region would do so in half of all studies only. So what is asked for
is the number with which :data:`CHANCE` of the studies would end in a clear verdict, were the true difference the
measured one::

    half-width + z(CHANCE) · se ≤ distance from the measured difference to the border of the region

Variances that were measured on a few seeds are uncertain themselves: the numbers are meant with an "about".
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


@dataclass(frozen=True)
class Needed:
    """What it would take. Numbers are ``None`` where none would do, or none is known.

    Attributes:
        outcome: what would then be said: ``"better"``, ``"worse"`` or ``"tie"``.
        seeds: about so many seeds, with the test images at hand.
        images: where no number of seeds would do: at least so many test images, with any number of seeds. Over folds:
            about so many images to search on.
    """

    outcome: str
    seeds: int | None = None
    images: int | None = None


def needed_seeds(found: Components, distance: float, error: float, outcome: str) -> Needed:
    """Return how many seeds would tell, or that the test set is too small.

    Args:
        found: the variances of the differences, of two seeds or more.
        distance: from the measured difference to the border of the region, 0 or more.
        error: how often a claim may be wrong, 0.05 for a single comparison.
        outcome: what would be said.
    """
    if found.seed is None or distance <= 0:
        return Needed(outcome)
    z, power = normal_quantile(1 - error / 2), normal_quantile(CHANCE)
    least_images = found.image * ((z + power) / distance) ** 2
    if least_images > found.n_images:
        return Needed(outcome, images=math.ceil(least_images) if least_images <= MOST_IMAGES else None)

    def tells(n_seeds: int) -> bool:
        assert found.seed is not None  # looked at above
        sources = (
            Source("seeds", (found.seed + found.rest / found.n_images) / n_seeds, n_seeds - 1),
            Source("images", found.image / found.n_images, found.n_images - 1),
        )
        spread = math.sqrt(sum(source.variance for source in sources))
        return half_width(sources, 1 - error) + power * spread <= distance

    few, many = 1, 2
    while many <= MOST_SEEDS and not tells(many):
        few, many = many, many * 2
    if many > MOST_SEEDS and not tells(MOST_SEEDS):
        return Needed(outcome)
    many = min(many, MOST_SEEDS)
    while many - few > 1:  # more seeds never tell less
        middle = (few + many) // 2
        few, many = (few, middle) if tells(middle) else (middle, many)
    return Needed(outcome, seeds=many)


def needed_images(
    difference: Difference, n_images: int, distance: float, error: float, outcome: str
) -> Needed:
    """Return how many images would tell a difference whose interval shrinks with the root of their number.

    So it is over folds, where more folds of the same images tell little more, and for the predictions of two models.
    """
    if distance <= 0 or not difference.known:
        return Needed(outcome)
    spread = math.sqrt(sum(source.variance for source in difference.sources))
    width = half_width(difference.sources, 1 - error) + normal_quantile(CHANCE) * spread
    n = n_images * (width / distance) ** 2
    return Needed(outcome, images=math.ceil(n) if n <= MOST_IMAGES else None)
