"""How well the interval of an interaction keeps its word: ablations of known truth, simulated, and the table of
docs/statistics.md.

    python -m benchmarks.statistics.interaction_simulation   # 10,000 studies a line
    python -m benchmarks.statistics.interaction_simulation --studies 1000

Four candidates, the network as it is, two variants and both together, in worlds of ``statistics_simulation.py``: all
are equally good, so that the true interaction is 0, or both together err twice as often as each of the others. In a
last world all are always right, but for about two images of a test set, on which both variants alone fail with every
seed: nothing is harder to see, for a test set may well hold none of these.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from benchmarks.statistics.statistics_simulation import (
    WORLDS,
    Array,
    World,
    batches,
    head,
    mean_squares,
    percent,
    row,
    wrong_answers,
)

STUDIES = 10_000
TWICE = replace(WORLDS[3], name="both matter, together twice the errors", ratios=(2.0,))
RARE = World("both alone fail on two images", error=0.0)
TRUTHS = (WORLDS[0], WORLDS[3], TWICE, RARE)
PSEUDO_OBSERVATIONS = (2, -2)
AS_OF_A_DIFFERENCE = (1, -1)
NONE: tuple[int, ...] = ()
RARE_IMAGES = 2.2


def figures_of(
    random: np.random.Generator, world: World, size: int, n_seeds: int, n_images: int
) -> tuple[npt.NDArray[np.int8], Array]:
    """Return the figures of the interaction, shape (studies, seeds, hard images), and the truth of each study."""
    if world == RARE:
        n_rare = random.binomial(n_images, RARE_IMAGES / n_images, size)
        table = np.where(np.arange(max(1, n_rare.max())) < n_rare[:, None], 2, 0).astype(np.int8)
        return np.repeat(table[:, None], n_seeds, axis=1), np.full(size, 2 * RARE_IMAGES / n_images)
    wrong, rates = wrong_answers(random, world, size, 4, n_seeds, n_images)
    as_it_is, first, second, together = (wrong[:, number].astype(np.int8) for number in range(4))
    table = first + second - together - as_it_is  # who is right minus who is wrong: the sign turns
    if n_seeds > 1:
        return table, np.full(size, (1 - (1.0, *world.ratios)[-1]) * world.error)
    # Of one seed nothing is said but of its own models.
    return table, rates[:, 1, 0] + rates[:, 2, 0] - rates[:, 3, 0] - rates[:, 0, 0]


def coverage(
    random: np.random.Generator,
    world: World,
    size: int,
    n_seeds: int,
    n_images: int,
    pseudo_observations: tuple[int, ...] = PSEUDO_OBSERVATIONS,
) -> tuple[Array, Array, Array]:
    """Return of each study whether the interval holds the truth, whether all of it lies above, and its half-width."""
    table, truth = figures_of(random, world, size, n_seeds, n_images)
    added = np.broadcast_to(
        np.array(pseudo_observations, dtype=np.int8), (size, n_seeds, len(pseudo_observations))
    )
    squares = mean_squares(np.concatenate((table, added), axis=2), n_images + len(pseudo_observations))
    half, off = squares.half_width(), squares.mean - truth
    return np.abs(off) <= half, off > half, half


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=STUDIES, help="simulated studies a line")
    sizes = list(batches(parser.parse_args().studies))
    head(
        "true of the candidates",
        "images",
        "seeds",
        "covers, %",
        "above, %",
        "half-width, points",
        "images at ±1",
        "none added",
    )
    for world in TRUTHS:
        for n_images in (1000, 10_000):
            for n_seeds in (1, 2, 5, 10):
                found = {
                    pseudo_observations: [
                        coverage(
                            np.random.default_rng([part, n_seeds]),
                            world,
                            size,
                            n_seeds,
                            n_images,
                            pseudo_observations,
                        )
                        for part, size in enumerate(sizes)
                    ]
                    for pseudo_observations in (PSEUDO_OBSERVATIONS, AS_OF_A_DIFFERENCE, NONE)
                }
                covers, above, width = (
                    float(np.concatenate(part).mean())
                    for part in zip(*found[PSEUDO_OBSERVATIONS], strict=True)
                )
                others = (
                    percent(float(np.concatenate([each[0] for each in found[pseudo_observations]]).mean()))
                    for pseudo_observations in (AS_OF_A_DIFFERENCE, NONE)
                )
                told = (percent(covers), percent(above), f"{width * 100:.2f}")
                row(world.name, f"{n_images:,}", n_seeds, *told, *others)


if __name__ == "__main__":
    main()
