"""How often convstudy's verdicts are wrong, all those of a study together: tables of docs/statistics.md.

    python -m benchmarks.statistics.verdict_simulation   # 10,000 studies a line
    python -m benchmarks.statistics.verdict_simulation few --studies 1000

The worlds are those of statistics_simulation.py. Verdicts are made as a study makes them, by ``judge`` and
``corrected``; only the mean squares that they start from are reckoned for many studies at once.
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
    head,
    mean_squares,
    percent,
    row,
    run,
    wrong_answers,
)
from convstudy.stats import Measure
from convstudy.stats.differences import Difference, Source
from convstudy.stats.summary import summarise
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS
from convstudy.stats.verdicts import Kind, Verdict, corrected, judge

N_IMAGES = 10_000


@dataclass(frozen=True)
class Setting:
    """A world, and how finely a study looks at it.

    Attributes:
        margin: differences up to this value count as equivalent, a fraction.
        apart: how many regions lie between candidates that are far apart.
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
"""By how many regions each candidate's error rate is above the first one's."""


@dataclass(frozen=True)
class Wrong:
    """Whether a study claims anything that is wrong.

    At the very border of the region "better" is wrong of a difference that is no larger, and "tie" of one that is
    larger by however little: ``within`` counts the first, ``beyond`` the second.
    """

    within: bool
    beyond: bool


def differences_of(table: npt.NDArray[np.int8], found: Squares) -> list[Difference]:
    """Return the difference of two candidates in each study, as ``two_way_difference`` has it.

    Args:
        table: first − second, shape (studies, seeds, hard images).
        found: its mean squares.
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
    """Return the verdicts on all pairs of candidates in each of so many studies, uncorrected."""
    ratios = tuple(1 + step * setting.margin / setting.world.error for step in truth)
    world = replace(setting.world, ratios=ratios)
    wrong, _ = wrong_answers(random, world, size, len(truth), setting.n_seeds, N_IMAGES)
    by_pair = []
    for a, b in combinations(range(len(truth)), 2):
        # Accuracies: who is wrong more often is worse.
        table = wrong[:, b].astype(np.int8) - wrong[:, a].astype(np.int8)
        found = differences_of(table, mean_squares(table, N_IMAGES, PSEUDO_OBSERVATIONS))
        by_pair.append(
            [judge(str(a), str(b), Measure("test", "accuracy"), each, setting.margin) for each in found]
        )
    return list(zip(*by_pair, strict=True))


def is_wrong(kind: Kind, regions: int, border_is_beyond: bool) -> bool:
    """Send whether a claim is wrong of a first candidate that is better by so many regions (0 or more)."""
    if kind == "worse":
        return True
    if kind == "better":
        return regions == 0 or (regions == 1 and not border_is_beyond)
    return kind == "equivalent" and (regions > 1 or (regions == 1 and border_is_beyond))


def wrong_of(verdicts: Sequence[Verdict], truth: Sequence[int]) -> Wrong:
    """Return whether a study's verdicts claim anything that is wrong."""
    claims = [(each.kind, truth[int(each.second)] - truth[int(each.first)]) for each in verdicts]
    return Wrong(*(any(is_wrong(*claim, beyond) for claim in claims) for beyond in (False, True)))


def families(random: np.random.Generator, n_studies: int) -> None:
    """Studies in which any verdict is wrong, uncorrected and after Holm's correction, and how many verdicts are right.

    "Better" and "equivalent" are each counted as wrong at the margin, and separated by a slash.
    """
    head(
        "true of seeds and images",
        "seeds",
        "margin, points",
        "candidates",
        "pairs",
        "wrong, uncorrected, %",
        "wrong, Holm, %",
        "right claims, Holm",
    )
    for setting in SETTINGS:
        for name, steps in TRUTHS.items():
            truth = tuple(setting.apart if step == APART else step for step in steps)
            if (APART in steps and truth in TRUTHS.values()) or (any(steps) and not setting.margin):
                continue  # where two regions are far apart it is there already; without a region there is no border
            found = family(random, setting, truth, n_studies)
            n_pairs = len(truth) * (len(truth) - 1) // 2
            row(
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
    """Return how often there is any wrong claim, uncorrected and corrected, each two ways, and how many right ones.

    Right ones are counted after the correction; pairs at the margin have none.
    """
    found = []
    for size in batches(n_studies):
        for plain in studies(random, setting, truth, size):
            held = corrected(plain)
            one, other = wrong_of(plain, truth), wrong_of(held, truth)
            right = sum(
                each.clear and not wrong_of([each], truth).within
                for each in held
                if abs(truth[int(each.first)] - truth[int(each.second)]) != 1
            )
            found.append((one.within, one.beyond, other.within, other.beyond, right))
    return np.array(found, dtype=np.float64).mean(axis=0)


def few(random: np.random.Generator, n_studies: int) -> None:
    """Ten seeds that all differ on the same few of 10,000 images, with pseudo-observations and pseudo-predictions.

    "One way": one candidate is right on all of them, and their expected number, over 10,000, is the true difference;
    how often that is missed, and how often a tie is wrongly said with a region just below it. "Both ways": each is
    right on half of them; how often one is wrongly called better or worse without a region.
    """
    n_seeds = 10
    head(
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
        shares = [percent(np.concatenate(kept).mean()) for kept in found]
        row(expected, "one way" if one_way else "both ways", *shares)


def agreeing(
    random: np.random.Generator, size: int, n_seeds: int, expected: float, one_way: bool
) -> npt.NDArray[np.int8]:
    """Return tables of differences that are the same for all seeds, shape (studies, seeds, images that differ)."""
    n = random.poisson(expected, size)
    place = np.arange(max(1, int(n.max())))
    sign = 1 if one_way else np.where(random.random((size, len(place))) < 0.5, 1, -1)
    table = np.where(place < n[:, None], sign, 0).astype(np.int8)
    return np.repeat(table[:, None], n_seeds, axis=1)


if __name__ == "__main__":
    run(__doc__, {"families": families, "few": few})
