"""Simulate error ratios and verdicts with an equivalence margin that is a share of the errors.

    python -m benchmarks.statistics.share_simulation   # 2,000 studies per row, about three minutes
    python -m benchmarks.statistics.share_simulation --studies 400

The script prints the table "A share of the errors" of docs/statistics.md. Two candidates are compared over S seeds on
the same n images; the worlds are those of ``worlds``, with other accuracies. ``differences`` computes the intervals of
many studies at once; tests compare it with convstudy's own function.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from benchmarks.statistics.worlds import WORLDS, World, batches, draw
from convstudy.stats.error_ratio import Share
from convstudy.stats.power import RULE_OF_THREE
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS

Array = npt.NDArray[np.float64]
STUDIES = 2000
SHARE = Share(0.1)
MARGIN = 0.001
"""The absolute margin of the comparison: the default of accuracy."""
PLAIN, SEEDS_DIFFER = World(), WORLDS["seeds differ"]
ALIKE = World(seed_sd=0.02, image_sd=10.0, shared=0.98)
"""Both candidates err on nearly the same images, so that few images show that they are equivalent."""
ROWS: list[tuple[World, tuple[float, float], int, int]] = [
    (world, errors, n_images, n_seeds)
    for world, errors, n_images in (
        (PLAIN, (0.05, 0.05), 2_001),
        (PLAIN, (0.045, 0.05), 2_001),
        (PLAIN, (0.03, 0.05), 2_001),
        (WORLDS["seeds err alike"], (0.045, 0.05), 2_001),
        (SEEDS_DIFFER, (0.045, 0.05), 2_001),
        (PLAIN, (0.005, 0.005), 10_001),
        (PLAIN, (0.0045, 0.005), 10_001),
        (PLAIN, (0.001, 0.0018), 10_001),
        (ALIKE, (0.05, 0.05), 10_001),
        (ALIKE, (0.045, 0.05), 10_001),
        (ALIKE, (0.001, 0.0018), 10_001),
        (PLAIN, (0.0002, 0.0002), 2_001),
    )
    for n_seeds in (2, 3, 5)
]
ROWS.append((ALIKE, (0.001, 0.0018), 20_001, 10))
"""World, error rates of both candidates, images, seeds."""


def differences(wrong: npt.NDArray[np.bool_], a: float, b: float) -> tuple[Array, Array]:
    """Return the middle and the half-width of the interval of a · first error − b · second error of each study.

    Args:
        wrong: whether a model errs, shape (studies, 2, seeds, images).
        a: the weight of the first error.
        b: the weight of the second error.
    """
    n_seeds, n = wrong.shape[2], wrong.shape[3] + PSEUDO_OBSERVATIONS
    size = max(a, b)
    table = a * wrong[:, 0].astype(np.float32) - b * wrong[:, 1].astype(np.float32)
    by_seed, by_image = table.sum(axis=2, dtype=np.float64) / n, table.mean(axis=1, dtype=np.float64)
    mean = by_seed.mean(axis=1)
    extra = PSEUDO_OBSERVATIONS * size**2
    squares = np.einsum("ijk,ijk->i", table, table, dtype=np.float64)
    total = squares + n_seeds * (extra - n * mean**2)
    images = n_seeds * (np.einsum("ij,ij->i", by_image, by_image) + extra - n * mean**2)
    seeds = n * ((by_seed - mean[:, None]) ** 2).sum(axis=1)
    rest = np.maximum(total - images - seeds, 0) / ((n_seeds - 1) * (n - 1))
    cells = n_seeds * n
    beyond = np.maximum(images / (n - 1) - rest, 0)
    of_seeds = seeds / (n_seeds - 1)
    beyond = np.where(of_seeds < 1e-12 * rest, np.maximum(beyond, rest), beyond)
    half = np.sqrt(
        stdtrit(n_seeds - 1, 0.975) ** 2 * of_seeds / cells + stdtrit(n - 1, 0.975) ** 2 * beyond / cells
    )
    return mean, half


def line(
    random: np.random.Generator,
    world: World,
    errors: tuple[float, float],
    n_images: int,
    n_seeds: int,
    studies: int,
) -> Counter[str]:
    """Return how many studies cover the true ratio, and what they claim with a share and with an absolute margin."""
    found: Counter[str] = Counter()
    world, ratio = replace(world, accuracies=tuple(1 - each for each in errors)), errors[0] / errors[1]
    for size in batches(studies, 2 * n_seeds * n_images):
        wrong = ~draw(random, world, size, n_seeds, n_images).right
        mean, half = differences(wrong, 1.0, ratio)
        found["covers"] += int((np.abs(mean) <= half).sum())
        less, more = differences(wrong, 1.0, SHARE.least), differences(wrong, SHARE.least, 1.0)
        better, worse = less[0] + less[1] < 0, more[0] - more[1] > 0
        n_errors = wrong.mean(axis=(2, 3)).max(axis=1) * n_images
        many = n_errors * SHARE.value >= RULE_OF_THREE
        equivalent = (less[0] - less[1] >= 0) & (more[0] + more[1] <= 0) & many
        found["better"] += int(better.sum())
        found["worse"] += int(worse.sum())
        found["equivalent"] += int(equivalent.sum())
        middle, width = differences(wrong, 1.0, 1.0)
        within = np.abs(middle) + width <= MARGIN
        found["within the absolute margin"] += int(within.sum() if n_images * MARGIN >= RULE_OF_THREE else 0)
    return found


def rows(studies: int) -> Iterator[str]:
    """Yield the rows of the table."""
    names = {world: name for name, world in WORLDS.items()}
    names |= {PLAIN: "seeds and images", ALIKE: "candidates err alike"}
    for number, (world, errors, n_images, n_seeds) in enumerate(ROWS):
        found = line(np.random.default_rng(number), world, errors, n_images, n_seeds, studies)
        cells = [
            f"{100 * found[key] / studies:.1f}"
            for key in ("covers", "better", "worse", "equivalent", "within the absolute margin")
        ]
        first, second = (f"{100 * error:g}" for error in errors)
        yield f"| {names[world]} | {first} and {second} | {n_images:,} | {n_seeds} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=STUDIES)
    studies = parser.parse_args().studies
    print(
        "| simulated truth | errors, % | images | seeds | ratio covers, % | better, % | worse, % | equivalent, % | "
        "equivalent within 0.1 pp, % |"
    )
    print(f"| --- | --- |{' ---: |' * 7}")
    for row in rows(studies):
        print(row, flush=True)


if __name__ == "__main__":
    main()
