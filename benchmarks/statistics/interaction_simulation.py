"""Simulate the coverage of the interval of an interaction, with ablations of known truth.

    python -m benchmarks.statistics.interaction_simulation   # 10,000 studies per row
    python -m benchmarks.statistics.interaction_simulation --studies 1000

The script prints the table of docs/statistics.md. There are four candidates: the unmodified network, two variants, and
both together, in worlds of ``statistics_simulation.py``. Either all are equally good (the true interaction is 0), or
both together err twice as often as each of the others. In the last world, all models are correct except on about two
images of a test set, on which each variant alone errs with every seed. This is the hardest case, because a test set can
contain none of these images.
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
    mean_squares,
    percent,
    print_header,
    print_row,
    wrong_answers,
)

STUDIES = 10_000
TWICE = replace(WORLDS[3], name="both matter, together twice the errors", ratios=(2.0,))
RARE = World("both alone fail on two images", error=0.0)
TRUTHS = (WORLDS[0], WORLDS[3], TWICE, RARE)
PSEUDO_OBSERVATIONS = (2, -2)
OF_A_DIFFERENCE = (1, -1)
NONE: tuple[int, ...] = ()
RARE_IMAGES = 2.2


def interaction_values(
    random: np.random.Generator, world: World, size: int, n_seeds: int, n_images: int
) -> tuple[npt.NDArray[np.int8], Array]:
    """Return the interaction on each image, shape (studies, seeds, hard images), and the true value of each study."""
    if world == RARE:
        n_rare = random.binomial(n_images, RARE_IMAGES / n_images, size)
        table = np.where(np.arange(max(1, n_rare.max())) < n_rare[:, None], 2, 0).astype(np.int8)
        return np.repeat(table[:, None], n_seeds, axis=1), np.full(size, 2 * RARE_IMAGES / n_images)
    wrong, rates = wrong_answers(random, world, size, 4, n_seeds, n_images)
    unmodified, first, second, together = (wrong[:, number].astype(np.int8) for number in range(4))
    table = first + second - together - unmodified  # of errors, so the sign is that of correct predictions
    if n_seeds > 1:
        return table, np.full(size, (1 - (1.0, *world.ratios)[-1]) * world.error)
    # With one seed, the interval is about the trained models only.
    return table, rates[:, 1, 0] + rates[:, 2, 0] - rates[:, 3, 0] - rates[:, 0, 0]


def coverage(
    random: np.random.Generator,
    world: World,
    size: int,
    n_seeds: int,
    n_images: int,
    pseudo_observations: tuple[int, ...] = PSEUDO_OBSERVATIONS,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], Array]:
    """Return, for each study, whether the interval covers the truth, whether it is above it, and its half-width."""
    table, truth = interaction_values(random, world, size, n_seeds, n_images)
    added = np.broadcast_to(
        np.array(pseudo_observations, dtype=np.int8), (size, n_seeds, len(pseudo_observations))
    )
    squares = mean_squares(np.concatenate((table, added), axis=2), n_images + len(pseudo_observations))
    half, off = squares.half_width(), squares.mean - truth
    return np.abs(off) <= half, off > half, half


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=STUDIES, help="simulated studies per row")
    sizes = list(batches(parser.parse_args().studies))
    print_header(
        "simulated truth",
        "images",
        "seeds",
        "covers, %",
        "above, %",
        "half-width, pp",
        "covers with ±1, %",
        "covers without, %",
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
                    for pseudo_observations in (PSEUDO_OBSERVATIONS, OF_A_DIFFERENCE, NONE)
                }
                covers, above, width = (
                    float(np.concatenate(part).mean())
                    for part in zip(*found[PSEUDO_OBSERVATIONS], strict=True)
                )
                others = (
                    percent(float(np.concatenate([each[0] for each in found[pseudo_observations]]).mean()))
                    for pseudo_observations in (OF_A_DIFFERENCE, NONE)
                )
                cells = (percent(covers), percent(above), f"{width * 100:.2f}")
                print_row(world.name, f"{n_images:,}", n_seeds, *cells, *others)


if __name__ == "__main__":
    main()
