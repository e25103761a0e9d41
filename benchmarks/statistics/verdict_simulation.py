"""Simulate the rate of studies with any wrong verdict.

    python -m benchmarks.statistics.verdict_simulation   # 10,000 studies per row
    python -m benchmarks.statistics.verdict_simulation few --studies 1000

The script prints tables of docs/statistics.md. The worlds are those of statistics_simulation.py. As in a study,
``make_verdict`` and ``corrected`` make the verdicts; only the mean squares are computed for many studies at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

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
from convstudy.stats import Measure
from convstudy.stats.differences import Difference, Source
from convstudy.stats.summary import summarise
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS
from convstudy.stats.verdicts import Kind, Verdict, corrected, make_verdict

N_IMAGES = 10_000


@dataclass(frozen=True)
class Setting:
    """A world and the parameters of its studies.

    Attributes:
        world: the true properties of the candidates.
        n_seeds: the number of seeds.
        margin: the equivalence margin, a fraction.
        apart: the difference between candidates that are far apart, in margins.
    """

    world: World
    n_seeds: int
    margin: float
    apart: int


SETTINGS = (
    Setting(WORLDS[3], 5, 0.0, 0),
    Setting(WORLDS[0], 10, 0.001, 5),
    Setting(WORLDS[3], 5, 0.001, 5),
    Setting(WORLDS[4], 5, 0.0025, 2),
)
APART = -1
TRUTHS: dict[str, tuple[int, ...]] = {
    "three equal": (0, 0, 0),
    "five equal": (0, 0, 0, 0, 0),
    "two, and two at the margin": (0, 0, 1, 1),
    "each at the margin of the next": (0, 1, 2),
    "one, one at the margin, one far apart": (0, 1, APART),
    "two, one at the margin, one far apart": (0, 0, 1, APART),
    "one, and four at the margin": (0, 1, 1, 1, 1),
}
"""The error rate of each candidate minus that of the first, in margins."""


@dataclass(frozen=True)
class Wrong:
    """Whether a study makes any wrong claim.

    If the true difference equals the margin, either "better" or "equivalent" can be defined as wrong. ``within`` treats
    the difference as inside the margin ("better" is wrong), ``beyond`` as outside ("equivalent" is wrong).
    """

    within: bool
    beyond: bool


def differences_of(table: npt.NDArray[np.int8], found: Squares) -> list[Difference]:
    """Return the difference of two candidates in each study, equal to that of ``two_way_difference``.

    Args:
        table: first − second, shape (studies, seeds, hard images).
        found: the mean squares of the table.
    """
    pairs = table.sum(axis=2) / N_IMAGES
    return [
        Difference(
            tuple(pair),
            summarise(pair),
            centre,
            (
                Source("seeds", seeds, found.n_seeds - 1),
                Source("images", images, found.n_images - 1),
            ),
            N_IMAGES,
        )
        for pair, centre, seeds, images in zip(
            pairs.tolist(),
            found.mean.tolist(),
            found.seed_variance.tolist(),
            found.image_variance.tolist(),
            strict=True,
        )
    ]


def studies(
    random: np.random.Generator, setting: Setting, truth: Sequence[int], size: int
) -> list[tuple[Verdict, ...]]:
    """Return the uncorrected verdicts on all pairs of candidates in each of ``size`` studies."""
    ratios = tuple(1 + step * setting.margin / setting.world.error for step in truth)
    world = replace(setting.world, ratios=ratios)
    wrong, _ = wrong_answers(random, world, size, len(truth), setting.n_seeds, N_IMAGES)
    by_pair = []
    for a, b in combinations(range(len(truth)), 2):
        # Errors of b minus errors of a: positive if a is better.
        table = wrong[:, b].astype(np.int8) - wrong[:, a].astype(np.int8)
        found = differences_of(table, mean_squares(table, N_IMAGES, PSEUDO_OBSERVATIONS))
        by_pair.append(
            [
                make_verdict(str(a), str(b), Measure("test", "accuracy"), each, setting.margin)
                for each in found
            ]
        )
    return list(zip(*by_pair, strict=True))


def is_wrong(kind: Kind, margins: int, border_is_beyond: bool) -> bool:
    """Return whether a verdict is wrong if the first candidate is better by this number of margins (0 or more)."""
    if kind == "worse":
        return True
    if kind == "better":
        return margins == 0 or (margins == 1 and not border_is_beyond)
    return kind == "equivalent" and (margins > 1 or (margins == 1 and border_is_beyond))


def wrong_of(verdicts: Sequence[Verdict], truth: Sequence[int]) -> Wrong:
    """Return whether any verdict of a study is wrong."""
    claims = [(each.kind, truth[int(each.second)] - truth[int(each.first)]) for each in verdicts]
    return Wrong(*(any(is_wrong(*claim, beyond) for claim in claims) for beyond in (False, True)))


def families(random: np.random.Generator, n_studies: int) -> None:
    """The rate of studies with any wrong verdict, without and with Holm's correction, and the number of correct claims.

    The two values of a cell count "better", or "equivalent", as wrong if the true difference equals the margin.
    """
    print_header(
        "simulated truth",
        "seeds",
        "margin, pp",
        "candidates",
        "pairs",
        "wrong, uncorrected, %",
        "wrong, Holm, %",
        "correct claims, Holm",
    )
    for setting in SETTINGS:
        for name, steps in TRUTHS.items():
            truth = tuple(setting.apart if step == APART else step for step in steps)
            if (APART in steps and truth in TRUTHS.values()) or (any(steps) and not setting.margin):
                # With apart = 2 the truth is in the list already; with margin 0, there is no difference at the margin.
                continue
            found = family(random, setting, truth, n_studies)
            n_pairs = len(truth) * (len(truth) - 1) // 2
            print_row(
                setting.world.name,
                setting.n_seeds,
                f"{setting.margin * 100:g}",
                name,
                n_pairs,
                f"{percent(found[0])} / {percent(found[1])}",
                f"{percent(found[2])} / {percent(found[3])}",
                f"{found[4]:.2f}",
            )


def family(random: np.random.Generator, setting: Setting, truth: tuple[int, ...], n_studies: int) -> Array:
    """Return the five values of a row of :func:`families`.

    The rates of studies with any wrong claim, uncorrected (within, beyond) and corrected (within, beyond), and the mean
    number of correct claims after the correction. Pairs whose difference equals the margin have no correct claims.
    """
    found = []
    for size in batches(n_studies):
        for plain in studies(random, setting, truth, size):
            holm = corrected(plain)
            before, after = wrong_of(plain, truth), wrong_of(holm, truth)
            n_correct = sum(
                each.clear and not wrong_of([each], truth).within
                for each in holm
                if abs(truth[int(each.first)] - truth[int(each.second)]) != 1
            )
            found.append((before.within, before.beyond, after.within, after.beyond, n_correct))
    return np.array(found, dtype=np.float64).mean(axis=0)


def few(random: np.random.Generator, n_studies: int) -> None:
    """Two candidates with ten seeds that all differ on the same few of 10,000 images.

    "One way": one candidate is correct on all of these images; the true difference is their expected number / 10,000.
    The columns are the rate of intervals that miss it, and of "equivalent" with a margin just below it. "Both ways":
    each is correct on half of them; a wrong claim is "better" or "worse" with margin 0. The columns compare
    pseudo-observations with pseudo-predictions.
    """
    n_seeds = 10
    print_header(
        "images on which they differ",
        "",
        "pseudo-observations: misses, %",
        "wrong claim, %",
        "pseudo-predictions: misses, %",
        "wrong claim, %",
    )
    for one_way, expected in [(True, n) for n in (1, 2, 2.8, 4.4, 10, 20, 50)] + [
        (False, n) for n in (2, 5, 10, 20, 50)
    ]:
        truth = expected / N_IMAGES if one_way else 0.0
        found: list[list[npt.NDArray[np.bool_]]] = [[], [], [], []]
        for size in batches(n_studies):
            table = agreeing(random, size, n_seeds, expected, one_way)
            for place, extra in ((0, PSEUDO_OBSERVATIONS), (2, PSEUDO_OBSERVATIONS / n_seeds)):
                squares = mean_squares(table, N_IMAGES, extra)
                half = squares.half_width()
                found[place].append(np.abs(squares.mean - truth) > half)
                inside = np.abs(squares.mean) + half <= truth
                found[place + 1].append(inside if one_way else np.abs(squares.mean) > half)
        cells = [percent(np.concatenate(kept).mean()) for kept in found]
        print_row(expected, "one way" if one_way else "both ways", *cells)


def agreeing(
    random: np.random.Generator, size: int, n_seeds: int, expected: float, one_way: bool
) -> npt.NDArray[np.int8]:
    """Return tables of differences that are equal for all seeds, shape (studies, seeds, images that differ)."""
    n = random.poisson(expected, size)
    place = np.arange(max(1, int(n.max())))
    sign = 1 if one_way else np.where(random.random((size, len(place))) < 0.5, 1, -1)
    table = np.where(place < n[:, None], sign, 0).astype(np.int8)
    return np.repeat(table[:, None], n_seeds, axis=1)


if __name__ == "__main__":
    run(__doc__, {"families": families, "few": few})
