"""True values of the simulated worlds: levels, means and the variance of a mean, by quadrature.

The variance of the mean over S seeds and n images is a sum of covariances of two predictions: of one seed on one image,
of one seed on two images of one group, and so on. Each is the covariance of two functions of correlated normal
variables, which a sum over a grid gives to about six digits. ``tests/stats/test_worlds.py`` compares the variances with
those of draws.

The *oracle's interval* of the tables is an estimate ± the normal quantile times the root of this variance. No study can
compute it; it is the width of an interval if the variance were known.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import expit

if TYPE_CHECKING:
    from benchmarks.statistics.worlds import LossWorld, World

Array = npt.NDArray[np.float64]
Function = Callable[[Array], Array]

_GRID = np.linspace(-12, 12, 601)
_WEIGHTS = np.exp(-(_GRID**2) / 2) / np.exp(-(_GRID**2) / 2).sum()
_SEEDS = np.linspace(-6, 6, 61)
_SEED_WEIGHTS = np.exp(-(_SEEDS**2) / 2) / np.exp(-(_SEEDS**2) / 2).sum()


def mean(function: Function) -> float:
    """Return the mean of a function of a standard normal variable."""
    return float(_WEIGHTS @ function(_GRID))


def product_mean(first: Function, second: Function, correlation: float) -> float:
    """Return the mean of ``first(x) · second(y)`` for standard normal x and y with this correlation."""
    if correlation >= 1:
        return mean(lambda x: first(x) * second(x))
    y = correlation * _GRID[:, None] + (1 - correlation**2) ** 0.5 * _GRID
    return float((_WEIGHTS * first(_GRID)) @ (second(y) @ _WEIGHTS))


@cache
def level(accuracy: float, *sds: float) -> float:
    """Return the mean logit of a true accuracy if the logits vary with these standard deviations."""
    spread = float(np.hypot.reduce(np.array(sds)))
    reach = 20 + 12 * spread
    return float(
        brentq(lambda x: mean(lambda z: expit(x + spread * z)) - accuracy, -reach, reach, xtol=1e-10)
    )


def levels_of(world: World) -> Array:
    """Return the mean logit of each candidate, shape (candidates,)."""
    return np.array(
        [level(each / (1 - world.hard), world.seed_sd, world.image_sd) for each in world.accuracies]
    )


def true_accuracies(world: World) -> Array:
    """Return the true accuracy of each candidate over all seeds, collapsed ones included, shape (candidates,)."""
    guesses = world.chance * (1 - world.hard)
    collapse = collapse_of(world)
    return np.asarray((1 - collapse) * np.array(world.accuracies) + collapse * guesses)


def collapse_of(world: World) -> Array:
    """Return the probability that a seed of each candidate collapses, shape (candidates,)."""
    return np.broadcast_to(np.array(world.collapse), (len(world.accuracies),))


def variance_of_accuracy(
    world: World, n_seeds: int, n_images: int, candidate: int = 0, groups: npt.NDArray[np.int64] | None = None
) -> float:
    """Return the true variance of a candidate's mean accuracy over seeds and images."""
    return _variance(world, candidate, candidate, n_seeds, n_images, groups)


def variance_of_difference(
    world: World, n_seeds: int, n_images: int, groups: npt.NDArray[np.int64] | None = None
) -> float:
    """Return the true variance of the difference of the first two candidates' mean accuracies."""
    return variance_of_contrast(world, (1, -1), n_seeds, n_images, groups)


def variance_of_contrast(
    world: World,
    factors: tuple[int, ...],
    n_seeds: int,
    n_images: int,
    groups: npt.NDArray[np.int64] | None = None,
) -> float:
    """Return the true variance of a sum of the candidates' mean accuracies, each multiplied by its factor."""
    return sum(
        one * other * _variance(world, a, b, n_seeds, n_images, groups)
        for a, one in enumerate(factors)
        for b, other in enumerate(factors)
    )


def _variance(
    world: World, first: int, second: int, n_seeds: int, n_images: int, groups: npt.NDArray[np.int64] | None
) -> float:
    """Return the covariance of two candidates' means, or the variance of one candidate's mean."""
    sizes = np.ones(n_images) if groups is None else np.bincount(groups)
    # The number of ordered pairs of different images in one group, and of those in different groups.
    n_within = float((sizes * (sizes - 1)).sum())
    n_apart = float(n_images) ** 2 - n_images - n_within
    same, within, apart, same_seed = _covariances(world, first, second, bool(n_within))
    found = n_images * same + n_within * within + n_apart * apart
    if first == second:
        # Pairs of predictions of one seed replace those of two seeds.
        own = n_images * same_seed[0] + n_within * same_seed[1] + n_apart * same_seed[2]
        found = (own + (n_seeds - 1) * found) / n_seeds
    return found / float(n_images) ** 2


@cache
def _covariances(
    world: World, first: int, second: int, has_groups: bool
) -> tuple[float, float, float, tuple[float, float, float]]:
    """Return the covariance of two predictions: of the same image, of two of a group, of two of different groups.

    The first three are for different seeds or candidates, the last three for the same seed.
    """
    levels, kept = levels_of(world), 1 - world.hard
    offsets = world.seed_sd * _SEEDS

    def curve(candidate: int) -> Function:
        """Return the probability of a correct prediction over seeds, for an image that is not hard."""

        def at(x: Array) -> Array:
            collapse = collapse_of(world)[candidate]
            found = collapse * world.chance + 0 * x
            for offset, weight in zip(offsets, _SEED_WEIGHTS, strict=True):
                found = found + (1 - collapse) * weight * expit(
                    levels[candidate] + offset + world.image_sd * x
                )
            return found

        return at

    one, other = curve(first), curve(second)
    means = kept**2 * mean(one) * mean(other)
    shared = 1.0 if first == second else world.shared
    same = kept * product_mean(one, other, shared) - means
    within = kept**2 * product_mean(one, other, shared * world.icc) - means if has_groups else 0.0
    if first != second:
        return same, within, 0.0, (0.0, 0.0, 0.0)
    collapse = float(collapse_of(world)[first])
    seed_within = seed_apart = collapse * world.chance**2
    for offset, weight in zip(offsets, (1 - collapse) * _SEED_WEIGHTS, strict=True):

        def by_image(x: Array, offset: float = offset) -> Array:
            found: Array = expit(levels[first] + offset + world.image_sd * x)
            return found

        seed_apart += weight * mean(by_image) ** 2
        if has_groups:
            seed_within += weight * product_mean(by_image, by_image, world.icc)
    accuracy = kept * mean(one)
    own = (accuracy * (1 - accuracy), kept**2 * seed_within - means, kept**2 * seed_apart - means)
    return same, within, 0.0, own


def loss_of(kind: str, sums: npt.NDArray[np.floating]) -> Array:
    """Return the losses of a :class:`~benchmarks.statistics.worlds.LossWorld`."""
    wide = sums.astype(np.float64)
    if kind == "lognormal":
        return np.exp(wide)
    if kind == "cross-entropy":
        return np.logaddexp(0, wide)
    return np.asarray(2 * expit(wide) ** 2)


@cache
def loss_level(world: LossWorld, candidate: int) -> float:
    """Return the mean of the sum that gives a candidate its true mean loss."""
    spread = float(np.hypot(np.hypot(world.seed_sd, world.image_sd), world.rest_sd))
    reach = 20 + 12 * spread
    target = world.means[candidate]
    return float(
        brentq(
            lambda x: mean(lambda z: loss_of(world.kind, x + spread * z)) - target, -reach, reach, xtol=1e-10
        )
    )


def variance_of_loss(world: LossWorld, n_seeds: int, n_images: int, candidate: int = 0) -> float:
    """Return the true variance of a candidate's mean loss over seeds and images."""
    return _loss_variance(world, candidate, candidate, n_seeds, n_images)


def variance_of_loss_difference(world: LossWorld, n_seeds: int, n_images: int) -> float:
    """Return the true variance of the difference of the first two candidates' mean losses."""
    own = sum(_loss_variance(world, each, each, n_seeds, n_images) for each in (0, 1))
    return own - 2 * _loss_variance(world, 0, 1, n_seeds, n_images)


@cache
def _loss_variance(world: LossWorld, first: int, second: int, n_seeds: int, n_images: int) -> float:
    seed, image, rest = world.seed_sd**2, world.image_sd**2, world.rest_sd**2
    total = seed + image + rest

    def at(candidate: int) -> Function:
        return lambda z: loss_of(world.kind, loss_level(world, candidate) + total**0.5 * z)

    def covariance(common: float) -> float:
        product = product_mean(at(first), at(second), common / total)
        return product - world.means[first] * world.means[second]

    if first != second:
        return covariance(world.shared * image) / n_images
    same_seed = (covariance(total) + (n_images - 1) * covariance(seed)) / n_images
    return (same_seed + (n_seeds - 1) * covariance(image) / n_images) / n_seeds
