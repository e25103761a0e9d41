"""Simulate the required sample size: pilot studies, their plans, and fresh studies of the planned size.

    python -m benchmarks.statistics.planning            # 2,000 pilots per row
    python -m benchmarks.statistics.planning folds --pilots 300

A plan is sufficient if 75 % of fresh studies of its upper size reach the verdict (the plan promises 80 %). The earlier
rule is that of the version before plans for verdicts.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.statistics.planning_worlds import (
    FOLD_WORLDS,
    WORLDS,
    Folds,
    FoldWorld,
    Tables,
    World,
    draw,
    draw_folds,
    earlier_folds,
    earlier_seeds,
)
from benchmarks.statistics.statistics_simulation import percent, print_header, print_row
from convstudy.stats.pilot import fold_pilot, seed_pilot_of
from convstudy.stats.sample_size import (
    POWER,
    RequiredSampleSize,
    Requirement,
    fewest,
    required_folds,
    required_seeds,
)
from convstudy.stats.two_way import Components

PILOTS = 2000
FRESH = 4000
ACCEPTED = 0.75
KINDS = ("better", "equivalent")
PILOT_SIZES = (5, 10)


class Fresh:
    """The simulated power of fresh studies of one world, by their size."""

    def __init__(self, world: World | FoldWorld, n_studies: int) -> None:
        self.world, self.n_studies = world, n_studies
        self._known: dict[tuple[str, int, int], float] = {}

    def power(self, kind: str, n_pairs: int, n_images: int) -> float:
        """Return the fraction of studies that reach the verdict; sizes above 40 are rounded to 5 %."""
        pairs, images = _rounded(n_pairs), _rounded(n_images)
        key = (kind, pairs, images)
        if key not in self._known:
            world, random = self.world, np.random.default_rng([pairs, images])
            difference = 2 * world.margin if kind == "better" else 0.0
            found: Tables | Folds
            if isinstance(world, FoldWorld):
                found = draw_folds(random, world, difference, self.n_studies, pairs, images)
            else:
                found = draw(random, world, difference, self.n_studies, pairs, images)
            self._known[key] = float(found.reach(kind, world.margin, world.error).mean())
        return self._known[key]

    def right(self, kind: str, each: Requirement | None) -> int | None:
        """Return the smallest number with a power of 80 %: of images with the pairs of a requirement, else of pairs."""
        if each is None or each.n_pairs is None:
            most = 100 if isinstance(self.world, FoldWorld) else 400
            return fewest(lambda n: self.power(kind, n, self.world.n_images) >= POWER, 3, most)
        n_pairs = each.n_pairs
        return fewest(lambda n: self.power(kind, n_pairs, n) >= POWER, 100, 10_000_000)


def _rounded(number: int) -> int:
    return number if number <= 40 else round(1.05 ** round(np.log(number) / np.log(1.05)))


def plans(tables: Tables, world: World) -> list[RequiredSampleSize | None]:
    """Return the plan of each pilot study."""
    s, n = tables.n_seeds, tables.n_images
    seed = np.maximum(0, tables.seeds - tables.rest) / n
    image = np.maximum(0, tables.images - tables.rest) / s
    rows = zip(seed, image, tables.rest, tables.squares, tables.fourths, strict=True)
    pilots = [seed_pilot_of(Components(a, b, c, s, n), d, e) for a, b, c, d, e in rows]
    return [required_seeds(pilot, world.margin, world.error) for pilot in pilots]


def fold_plans(folds: Folds, world: FoldWorld) -> list[RequiredSampleSize | None]:
    """Return the plan of each pilot search."""
    k, n = folds.n_folds, folds.n_images
    pilots = [fold_pilot(a, b, k, n) for a, b in zip(folds.between, folds.image, strict=True)]
    return [required_folds(pilot, world.margin, world.error) for pilot in pilots]


def sufficient(fresh: Fresh, kind: str, found: Sequence[Requirement]) -> tuple[float, float, float]:
    """Return the fractions of plans without an upper end and with an insufficient one, and the median of end / right.

    Args:
        fresh: the power in the world of the plans.
        kind: the verdict.
        found: one requirement per pilot.
    """
    rights: dict[int | None, int | None] = {}
    n_bad, ratios = 0, []
    for each in found:
        if each.most is None:
            continue
        size = (each.most, fresh.world.n_images) if each.n_pairs is None else (each.n_pairs, each.most)
        n_bad += fresh.power(kind, *size) < ACCEPTED
        if each.n_pairs not in rights:
            rights[each.n_pairs] = fresh.right(kind, each)
        right = rights[each.n_pairs]
        if right is not None:
            ratios.append(each.most / right)
    n_open = sum(each.most is None for each in found)
    return n_open / len(found), n_bad / len(found), float(np.median(ratios)) if ratios else float("nan")


def rows(
    pairs: str,
    worlds: Sequence[World] | Sequence[FoldWorld],
    n_pilots: int,
    n_fresh: int,
) -> None:
    """Print a table of pilots, plans and their power."""
    print_header(
        "simulated truth",
        pairs,
        "verdict",
        f"right number of {pairs}",
        "earlier: no upper end, %",
        "earlier: insufficient, %",
        "earlier: end / right",
        "no upper end, %",
        "insufficient, %",
        "end / right",
        "images required, %",
    )
    for world in worlds:
        fresh = Fresh(world, n_fresh)
        for size in PILOT_SIZES:
            random = np.random.default_rng(size)
            if isinstance(world, FoldWorld):
                folds = draw_folds(random, world, 0.0, n_pilots, size, world.n_images)
                found, before = fold_plans(folds, world), earlier_folds(folds, world)
            else:
                tables = draw(random, world, 0.0, n_pilots, size, world.n_images)
                found, before = plans(tables, world), earlier_seeds(tables, world)
            for kind in KINDS:
                new = [getattr(each, kind) for each in found]
                old = [
                    Requirement(each.kind, each.difference, *ends)
                    for each, ends in zip(new, before, strict=True)
                ]
                right = fresh.right(kind, None)
                print_row(
                    world.name,
                    size,
                    kind,
                    right or "–",
                    *_cells(sufficient(fresh, kind, old)),
                    *_cells(sufficient(fresh, kind, new)),
                    percent(sum(each.unit == "images" for each in new) / len(new)),
                )


def _cells(found: tuple[float, float, float]) -> tuple[str, str, str]:
    no_end, bad, ratio = found
    return percent(no_end), percent(bad), "–" if np.isnan(ratio) else f"{ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", nargs="?", choices=["seeds", "folds"], help="default: both")
    parser.add_argument("--pilots", type=int, default=PILOTS)
    arguments = parser.parse_args()
    for table in (arguments.table,) if arguments.table else ("seeds", "folds"):
        rows(table, WORLDS if table == "seeds" else FOLD_WORLDS, arguments.pilots, FRESH)


if __name__ == "__main__":
    main()
