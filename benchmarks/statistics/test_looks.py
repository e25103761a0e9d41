"""Simulate test sets that are evaluated again: with added seeds, and for other candidates; print docs' two tables.

    python -m benchmarks.statistics.test_looks --studies 4000
    python -m benchmarks.statistics.test_looks looks --studies 500

A comparison is a *look*; the candidates are equally good, unless the true difference equals the margin. "Old" is the
plain 95 % interval at each look, "new" the level of :mod:`convstudy.stats.looks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from benchmarks.statistics.statistics_simulation import (
    WORLDS,
    Array,
    Squares,
    World,
    batches,
    mean_squares,
    percent,
    print_header,
    print_row,
    run,
    wrong_answers,
)
from convstudy.stats.looks import look_confidence, shared_confidence
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS

Flags = npt.NDArray[np.bool_]
Confidence = Callable[[int], float]

CASES = (*((world, 10_000) for world in WORLDS), (WORLDS[3], 1_003))
"""Worlds, each with a number of test images."""
MARGIN = 0.001
SEVEN = (3, 5, 7, 10, 15, 20, 30)
EACH = tuple(range(2, 31))
GREEDY = "3, then chosen by the result"
SCHEDULES: dict[str, tuple[int, ...]] = {
    "3, 10": (3, 10),
    "3, 5, 7, 10, 15, 20, 30": SEVEN,
    "each from 2 to 30": EACH,
    GREEDY: EACH[1:],
}
N_SEEDS = 5
N_STUDIES = (1, 9, 20, 40)


def plain(look: int) -> float:
    """Return the confidence level of every look in the old code."""
    return 0.95


def differences(
    random: np.random.Generator, world: World, size: int, n_seeds: int, n_images: int
) -> npt.NDArray[np.int8]:
    """Return the difference of two candidates on each hard image, int8 (studies, seeds, hard images)."""
    wrong, _ = wrong_answers(random, world, size, 2, n_seeds, n_images)
    found: npt.NDArray[np.int8] = wrong[:, 1].astype(np.int8) - wrong[:, 0].astype(np.int8)
    return found


def squares_of_looks(table: npt.NDArray[np.int8], seeds: Sequence[int], n_images: int) -> list[Squares]:
    """Return the mean squares with the first seeds of a table, for each number of seeds."""
    return [mean_squares(table[:, :n], n_images, PSEUDO_OBSERVATIONS) for n in seeds]


def misses(looks: Sequence[Squares], confidence: Confidence, truth: float = 0.0) -> tuple[Flags, Flags]:
    """Return whether the interval of each look is entirely above ``truth``, and entirely below; (looks, studies)."""
    half = np.stack([look.half_width(confidence(number)) for number, look in enumerate(looks, start=1)])
    off = np.stack([look.mean for look in looks]) - truth
    return off > half, off < -half


def greedy(looks: Sequence[Squares], confidence: Confidence) -> tuple[Flags, Flags]:
    """Return whether a greedy user sees an interval above 0, or below 0, in one of at most four looks; (studies,).

    After each inconclusive look, the user takes the smallest number of seeds at which the next interval would exclude
    0 if mean and variances stayed as they are; the largest number of seeds, if there is none.
    """
    n_studies = len(looks[0].mean)
    at = np.zeros(n_studies, dtype=np.int64)
    above, below, over = (np.zeros(n_studies, dtype=bool) for _ in range(3))
    studies = np.arange(n_studies)
    mean = np.stack([look.mean for look in looks])
    by_seed = np.stack([look.seed_variance * look.n_seeds for look in looks])
    by_image = np.stack([look.image_variance for look in looks])
    for number in range(1, 5):
        half = np.stack([look.half_width(confidence(number)) for look in looks])
        above |= ~over & (mean[at, studies] > half[at, studies])
        below |= ~over & (mean[at, studies] < -half[at, studies])
        over |= above | below | (at == len(looks) - 1)
        expected = np.stack(
            [
                replace(
                    look,
                    seeds=by_seed[at, studies] * look.n_images,
                    images=by_image[at, studies] * look.n_images * look.n_seeds,
                    residual=0 * look.residual,
                ).half_width(confidence(number + 1))
                for look in looks
            ]
        )
        reached = (np.abs(mean[at, studies]) > expected) & (np.arange(len(looks))[:, None] > at)
        following = np.where(reached.any(axis=0), reached.argmax(axis=0), len(looks) - 1)
        at = np.where(over, at, following)
    return above, below


def any_look(flags: Flags) -> Flags:
    found: Flags = flags.any(axis=0)
    return found


def looks(random: np.random.Generator, n_studies: int) -> None:
    """False claims over all looks at a comparison, after each of which seeds are added.

    "Excludes 0": some interval excludes the true difference 0. "Later looks": some interval after the first look does.
    "Better": some look calls a candidate better by more than 0.1 points, whose true difference is 0.1 points.
    """
    print_header(
        "simulated truth",
        "images",
        "looks at seeds",
        "first look excludes 0, %",
        "excludes 0, old, %",
        "excludes 0, new, %",
        "later looks, new, %",
        "better, old, %",
        "better, new, %",
    )
    for world, n_images in CASES:
        tables = [differences(random, world, size, max(EACH), n_images) for size in batches(n_studies)]
        shifted = replace(world, ratios=(1.0 + MARGIN / world.error,))
        others = [differences(random, shifted, size, max(EACH), n_images) for size in batches(n_studies)]
        for name, seeds in SCHEDULES.items():
            rows = [
                flags_of_looks(name, seeds, table, other, n_images)
                for table, other in zip(tables, others, strict=True)
            ]
            cells = [percent(float(np.mean(np.concatenate(part)))) for part in zip(*rows, strict=True)]
            print_row(world.name, f"{n_images:,}", name, *cells)


def flags_of_looks(
    name: str, seeds: Sequence[int], table: npt.NDArray[np.int8], other: npt.NDArray[np.int8], n_images: int
) -> tuple[Flags, ...]:
    """Return the columns of a row of the table: for each study, whether there was a false claim.

    Args:
        name: the name of the schedule.
        seeds: the numbers of seeds of its looks.
        table: differences of equal candidates, (studies, seeds, hard images).
        other: differences of candidates whose true difference is the margin.
        n_images: the number of test images.
    """
    equal = squares_of_looks(table, seeds, n_images)
    apart = squares_of_looks(other, seeds, n_images)
    first = np.logical_or(*misses(equal[:1], plain))[0]
    if name == GREEDY:
        border = [replace(look, mean=look.mean - MARGIN) for look in apart]
        old, new = (np.logical_or(*greedy(equal, confidence)) for confidence in (plain, look_confidence))
        better = [greedy(border, confidence)[0] for confidence in (plain, look_confidence)]
        return first, old, new, new & ~first, *better
    old, new = (np.logical_or(*misses(equal, confidence)) for confidence in (plain, look_confidence))
    border_old, border_new = (misses(apart, confidence, MARGIN)[0] for confidence in (plain, look_confidence))
    return (
        first,
        any_look(old),
        any_look(new),
        any_look(new[1:]),
        any_look(border_old),
        any_look(border_new),
    )


def questions(random: np.random.Generator, n_studies: int) -> None:
    """K studies in a row, each of the best candidate so far against an equally good new one, with 5 seeds.

    "Final" is the interval of the last winner against the first candidate; "any" is the comparison of some study.
    "Corrected" intervals have the level 0.05 / K, or 0.05 / k in study k.
    """
    print_header(
        "simulated truth",
        "images",
        "studies",
        "final excludes 0, plain, %",
        "final excludes 0, corrected, %",
        "any excludes 0, plain, %",
        "any excludes 0, corrected, %",
    )
    for world, n_images in CASES:
        for n in N_STUDIES:
            parts = [sequence(random, world, size, n, n_images) for size in batches(n_studies)]
            cells = [percent(float(np.mean(np.concatenate(part)))) for part in zip(*parts, strict=True)]
            print_row(world.name, f"{n_images:,}", n, *cells)


def sequence(
    random: np.random.Generator, world: World, size: int, n: int, n_images: int
) -> tuple[Flags, ...]:
    """Return the columns of a row for ``n`` studies in a row: for each repetition, whether there was a false claim."""
    wrong, _ = wrong_answers(random, world, size, n + 1, N_SEEDS, n_images)
    errors = wrong.sum(axis=(2, 3))
    best, studies = np.zeros(size, dtype=np.int64), np.arange(size)
    plain_any, corrected_any = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for number in range(1, n + 1):
        squares = _compared(wrong[studies, best], wrong[:, number], n_images)
        off = np.abs(squares.mean)
        plain_any |= off > squares.half_width()
        corrected_any |= off > squares.half_width(shared_confidence(0.95, number))
        best = np.where(errors[:, number] < errors[studies, best], number, best)
    final = _compared(wrong[:, 0], wrong[studies, best], n_images)
    off = np.where(best > 0, np.abs(final.mean), 0)
    corrected = off > final.half_width(shared_confidence(0.95, n))
    return off > final.half_width(), corrected, plain_any, corrected_any


def _compared(first: Flags, second: Flags, n_images: int) -> Squares:
    table: Array = first.astype(np.int8) - second.astype(np.int8)
    return mean_squares(table, n_images, PSEUDO_OBSERVATIONS)


if __name__ == "__main__":
    run(__doc__ or "", {"looks": looks, "questions": questions})
