"""Simulate the interval of a difference over training sets, with pools of training images of known origin.

    python -m benchmarks.statistics.training_sets                  # 2,000 studies per row
    python -m benchmarks.statistics.training_sets --studies 500

The script prints the table of docs/statistics.md. Each study has its own pool of 100 training points and 3,000 test
points of two normal classes in 10 dimensions. Two learners are compared: least squares, and least squares with a
penalty, each on features that a random projection makes, another for each seed. Their true accuracy for new training
sets is the mean over 20,000 of them, from the normal distribution function. "Seeds only" is the interval that a study
without ``resample`` has: all seeds train on the whole pool, and the truth is the accuracy for new pools of that size.

The second table has normal values, for which the variance that halves have in common is known. "Narrower" leaves the
share of the seeds out of that variance.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from convstudy.analysis.training_sets import difference_over_seeds
from convstudy.stats.training_sets import SHARED, TrainingSets

Array = npt.NDArray[np.float64]

STUDIES = 2000
POOL, TEST, DIMENSIONS, DISTANCE = 100, 3000, 10, 1.6
PENALTIES = (0.01, 40.0)
TRUTHS = 20_000
_BATCH = 100


@dataclass(frozen=True)
class World:
    """How many features the random projection of each seed keeps: with all, seeds are equal; fewer make them differ."""

    name: str
    n_features: int


WORLDS = (
    World("only training sets matter", DIMENSIONS),
    World("both matter", 9),
    World("seeds matter more", 5),
)
N_SEEDS = (4, 10, 20)


def draw_projection(random: np.random.Generator, world: World, size: int) -> Array:
    """Return the projection of a seed, shape (size, dimensions, features)."""
    if world.n_features == DIMENSIONS:
        return np.eye(DIMENSIONS)[None].repeat(size, 0)
    return random.normal(size=(size, DIMENSIONS, world.n_features))


def draw_points(random: np.random.Generator, size: int, n: int) -> tuple[Array, Array]:
    """Return points, shape (size, n, dimensions), and their classes −1 and 1, shape (size, n)."""
    classes = np.where(np.arange(n) % 2, 1.0, -1.0) * np.ones((size, 1))
    points = random.normal(size=(size, n, DIMENSIONS))
    points[..., 0] += classes * DISTANCE / 2
    return points, classes


def fit(points: Array, classes: Array, projection: Array, penalty: float) -> tuple[Array, Array]:
    """Return weights, shape (size, dimensions), and offsets, shape (size,), of penalised least squares.

    Args:
        points: shape (size, n, dimensions).
        classes: shape (size, n).
        projection: shape (size, dimensions, features).
        penalty: added to the diagonal.
    """
    features = points @ projection
    means = features.mean(axis=1, keepdims=True)
    centred = features - means
    squares = centred.transpose(0, 2, 1) @ centred + penalty * np.eye(projection.shape[2])
    products = (centred * classes[..., None]).sum(axis=1)
    weights = np.linalg.solve(squares, products[..., None])[..., 0]
    offsets = classes.mean(axis=1) - (weights * means[:, 0]).sum(axis=1)
    return (projection @ weights[..., None])[..., 0], offsets


def accuracy(weights: Array, offsets: Array) -> Array:
    """Return the true accuracy of linear classifiers on new points, shape (size,)."""
    norms = np.linalg.norm(weights, axis=1)
    shift = weights[:, 0] * DISTANCE / 2
    found: Array = (ndtr((shift + offsets) / norms) + ndtr((shift - offsets) / norms)) / 2
    return found


def true_difference(world: World, n: int, n_truths: int = TRUTHS) -> float:
    """Return the mean difference of both learners over independent training sets of ``n`` points."""
    random = np.random.default_rng(1)
    means = []
    for _ in range(n_truths // 2000):
        points, classes = draw_points(random, 2000, n)
        found = []
        for penalty in PENALTIES:
            projection = draw_projection(random, world, 2000)
            found.append(accuracy(*fit(points, classes, projection, penalty)).mean())
        means.append(found[0] - found[1])
    return float(np.mean(means))


def tables(
    random: np.random.Generator, world: World, size: int, n_seeds: int, resample: bool
) -> tuple[Array, Array]:
    """Return whether each seed of both learners is right on each test point, shape (size, seeds, test points) each."""
    pool, pool_classes = draw_points(random, size, POOL)
    test, test_classes = draw_points(random, size, TEST)
    right = np.empty((2, size, n_seeds, TEST))
    rows = np.arange(POOL)[None].repeat(size, 0)
    for seed in range(n_seeds):
        if resample and seed % 2 == 0:
            rows = random.random((size, POOL)).argsort(axis=1)[:, : POOL // 2]
        points = np.take_along_axis(pool, rows[..., None], axis=1)
        classes = np.take_along_axis(pool_classes, rows, axis=1)
        for learner, penalty in enumerate(PENALTIES):
            projection = draw_projection(random, world, size)
            weights, offsets = fit(points, classes, projection, penalty)
            margins = ((test @ weights[..., None])[..., 0] + offsets[:, None]) * test_classes
            right[learner, :, seed] = margins > 0
    return right[0], right[1]


def coverage(
    world: World, n_seeds: int, resample: bool, n_studies: int, truth: float, seed: int = 0
) -> tuple[float, float]:
    """Return the share of studies whose interval covers the truth, and the median half-width.

    Args:
        world: the world.
        n_seeds: the number of seeds; with ``resample``, each two train on the same half of the pool.
        resample: whether they train on halves.
        n_studies: the number of studies.
        truth: the true difference.
        seed: the seed of the draws.
    """
    random = np.random.default_rng([seed, n_seeds, resample])
    sets = TrainingSets(tuple(number // 2 for number in range(n_seeds))) if resample else None
    covered, widths = 0, []
    for start in range(0, n_studies, _BATCH):
        for first, second in zip(
            *tables(random, world, min(_BATCH, n_studies - start), n_seeds, resample), strict=True
        ):
            found = difference_over_seeds(first, second, sets, pseudo_observations=1.0)
            assert found.low is not None and found.high is not None
            covered += found.low <= truth <= found.high
            widths.append((found.high - found.low) / 2)
    return covered / n_studies, float(np.median(widths))


def normal_coverage(
    n_sets: int, share: float, n_studies: int = 40_000, n_seeds: int = 2
) -> tuple[float, float]:
    """Return the coverage of the interval, and of a narrower one, for normal values.

    Args:
        n_sets: the number of training sets.
        share: the variance between training sets, as a share of the variance of one model.
        n_studies: the number of studies.
        n_seeds: the number of seeds per training set.
    """
    random = np.random.default_rng(0)
    common = random.normal(0, np.sqrt(share / 2), n_studies)
    of_sets = common[:, None] + random.normal(0, np.sqrt(share / 2), (n_studies, n_sets))
    values = of_sets[..., None] + random.normal(0, np.sqrt(1 - share), (n_studies, n_sets, n_seeds))
    means = values.mean(axis=2)
    variance, repeated = means.var(axis=1, ddof=1), values.var(axis=2, ddof=1).mean(axis=1) / n_seeds
    quantile = stdtrit(n_sets - 1, 0.975)
    wide = quantile * np.sqrt((1 / n_sets + SHARED) * variance)
    narrow = quantile * np.sqrt(variance / n_sets + SHARED * np.maximum(0, variance - repeated))
    error = abs(means.mean(axis=1))
    return float((error <= wide).mean()), float((error <= narrow).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--studies", type=int, default=STUDIES, help="the number of studies per row")
    studies = parser.parse_args().studies
    print(f"{studies:,} studies per row; half-widths in percentage points")
    print("| world | seeds | seeds only: covers, % | half-width | halves: covers, % | half-width |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for world in WORLDS:
        whole, half = true_difference(world, POOL), true_difference(world, POOL // 2)
        for n_seeds in N_SEEDS:
            plain = coverage(world, n_seeds, False, studies, whole)
            halves = coverage(world, n_seeds, True, studies, half)
            print(
                f"| {world.name} | {n_seeds} | {100 * plain[0]:.1f} | {100 * plain[1]:.2f} "
                f"| {100 * halves[0]:.1f} | {100 * halves[1]:.2f} |",
                flush=True,
            )
    print("| training sets | share of the variance | covers, % | narrower: covers, % |")
    print("| ---: | ---: | ---: | ---: |")
    for n_sets in (2, 5, 10, 15):
        for share in (0.2, 0.5, 0.8):
            wide, narrow = normal_coverage(n_sets, share)
            print(f"| {n_sets} | {100 * share:.0f} % | {100 * wide:.1f} | {100 * narrow:.1f} |")


if __name__ == "__main__":
    main()
