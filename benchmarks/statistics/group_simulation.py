"""Simulate studies whose test images are in groups, such as frames of patients.

    python -m benchmarks.statistics.group_simulation --studies 2000
    python -m benchmarks.statistics.group_simulation claims --studies 4000

The script prints tables of docs/statistics.md. A candidate errs on an image if the sum of four normal effects is low:
its effect on the group (3/4 of the intra-class correlation), the same for one seed only (1/4), its effect on the image,
and the image and seed alone (half of the rest each). "Old" is the method for independent images. The formulas of
``convstudy.stats.grouped`` are vectorised over studies; each row compares one study with convstudy's own functions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from benchmarks.statistics.statistics_simulation import (
    accuracy_bounds,
    mean_squares,
    percent,
    print_header,
    print_row,
    run,
)
from convstudy.stats.skewed import mean_interval
from convstudy.stats.two_way import accuracy_interval, two_way_difference
from convstudy.stats.verdicts import MARGIN

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CORRELATIONS = (0.0, 0.1, 0.3, 0.6, 0.9)
GROUPS = (10, 20, 36, 100, 200)
SEEDS = (1, 3, 5)
MEAN_SIZE = 10
RESAMPLES = 400
_CELLS = 4_000_000
"""The number of predictions of a candidate that are drawn at a time."""


def sizes_of(kind: str, n_groups: int) -> Integers:
    """Return the number of images of each group, 10 on average; very unequal: log-normal with sd 1, at least 1."""
    if kind == "equal":
        return np.full(n_groups, MEAN_SIZE)
    found = np.exp(ndtri((np.arange(n_groups) + 0.5) / n_groups))
    return np.maximum(1, np.round(found / found.mean() * MEAN_SIZE)).astype(np.int64)


def draw(
    random: np.random.Generator,
    n_studies: int,
    n_seeds: int,
    sizes: Integers,
    correlation: float,
    error: float,
) -> npt.NDArray[np.bool_]:
    """Return whether a candidate is correct, shape (studies, seeds, images), with these sizes of the groups."""
    correct: npt.NDArray[np.bool_] = latent(random, n_studies, n_seeds, sizes, correlation) > ndtri(error)
    return correct


def latent(
    random: np.random.Generator, n_studies: int, n_seeds: int, sizes: Integers, correlation: float
) -> npt.NDArray[np.float32]:
    """Return the sums of effects of a candidate, normal with variance 1, shape (studies, seeds, images)."""
    groups = np.repeat(np.arange(len(sizes)), sizes)

    def normal(*shape: int, variance: float) -> npt.NDArray[np.float32]:
        drawn: npt.NDArray[np.float32] = random.standard_normal(shape, dtype=np.float32)
        return drawn * np.float32(np.sqrt(variance))

    by_group = normal(n_studies, 1, len(sizes), variance=0.75 * correlation)
    by_group = by_group + normal(n_studies, n_seeds, len(sizes), variance=0.25 * correlation)
    sums = by_group[:, :, groups]
    sums += normal(n_studies, 1, len(groups), variance=(1 - correlation) / 2)
    sums += normal(n_studies, n_seeds, len(groups), variance=(1 - correlation) / 2)
    return sums


@dataclass(frozen=True)
class Means:
    """Means over seeds and groups of many studies, vectorised as ``convstudy.stats.grouped.GroupedMean``."""

    mean: Array
    seeds: Array
    images: Array
    images_alone: Array
    effective: Array
    n_seeds: int
    n_groups: int
    n_images: int
    largest: Array

    def difference(self, size: float | Array = 1.0) -> tuple[Array, Array]:
        """Return centre and half-width of differences, with two pseudo-observations of this size."""
        shrunk = self.effective / (self.effective + 2)
        images = shrunk**2 * (self.images + 2 * (size / self.effective) ** 2)
        squared = stdtrit(self.n_groups - 1, 0.975) ** 2 * images
        if self.n_seeds > 1:
            squared = squared + stdtrit(self.n_seeds - 1, 0.975) ** 2 * shrunk**2 * self.seeds
        return shrunk * self.mean, np.sqrt(squared)

    def loss(self) -> tuple[Array, Array]:
        """Return the ends of the intervals of mean losses."""
        added = 0 * self.mean if self.n_groups == self.n_images else self.largest / self.effective
        squared = stdtrit(self.n_groups - 1, 0.975) ** 2 * (self.images + 2 * added**2)
        if self.n_seeds > 1:
            squared = squared + stdtrit(self.n_seeds - 1, 0.975) ** 2 * self.seeds
        half, upper = np.sqrt(squared), self.mean + 2 * added
        return self.mean / np.exp(half / self.mean), upper * np.exp(half / upper)

    def accuracy(self) -> tuple[Array, Array]:
        """Return the ends of the intervals of accuracies."""
        p, n, t2 = self.mean, self.effective, stdtrit(self.n_groups - 1, 0.975) ** 2
        seeds = stdtrit(self.n_seeds - 1, 0.975) ** 2 * self.seeds if self.n_seeds > 1 else 0.0
        measured = np.maximum(seeds + t2 * self.images, t2 * self.images_alone)
        middle = (p + t2 / (2 * n)) / (1 + t2 / n)
        half = np.sqrt(measured + t2 * (t2 + 1) / (4 * n * n)) / (1 + t2 / n)
        most = np.where((p > 0) & (p < 1), p * (1 - p) * t2 / np.maximum(measured, 1e-300), n)
        n = np.maximum(1e-9, np.minimum(self.n_seeds * self.n_images, most))
        wilson_half = np.sqrt(t2 * (p * (1 - p) / n + t2 / (4 * n * n))) / (1 + t2 / n)
        wilson_middle = (p + t2 / (2 * n)) / (1 + t2 / n)
        low, high = middle - half, middle + half
        low = np.where(p < 0.5, np.minimum(low, wilson_middle - wilson_half), low)
        high = np.where(p < 0.5, high, np.maximum(high, wilson_middle + wilson_half))
        return np.where(p <= 0, 0.0, np.maximum(low, 0)), np.where(p >= 1, 1.0, np.minimum(high, 1))


def means_of(values: Array, sizes: Integers) -> Means:
    """Return the means over seeds and groups of values of shape (studies, seeds, images)."""
    _, n_seeds, n = values.shape
    n_groups, starts = len(sizes), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    mean = values.mean(axis=(1, 2))
    totals = np.add.reduceat(values, starts, axis=2) - sizes * mean[:, None, None]
    large = np.sqrt(1 - sizes / n)
    plain, squares = (mean_squares(n_groups / n * each, n_groups) for each in (totals, totals / large))
    cells = n_seeds * n_groups
    images = np.maximum(0, squares.images - squares.residual)
    if n_seeds > 1:
        images = np.where(plain.seeds < 1e-12 * plain.residual, np.maximum(images, squares.residual), images)
    deviations = values.mean(axis=1) - mean[:, None]
    all_squares, largest = (deviations**2).sum(axis=1), np.maximum((deviations**2).max(axis=1), 1e-300)
    between = (np.add.reduceat(deviations, starts, axis=1) ** 2 / sizes).sum(axis=1)
    within = np.maximum(0, all_squares - between) / max(1, n - n_groups)
    between = between / (n_groups - 1)
    size = (sizes**2).sum() / n
    spread = between + ((n - size) / (n_groups - 1) - 1) * within
    icc = np.where(spread > 0, (between - within) / np.maximum(spread, 1e-300), 1.0)
    icc = (np.clip(icc, 0, 1) * all_squares + largest) / (all_squares + largest)
    return Means(
        mean,
        plain.seeds / cells,
        images / cells,
        squares.images / cells,
        n / (1 + (size - 1) * icc),
        n_seeds,
        n_groups,
        n,
        (np.add.reduceat(values.mean(axis=1), starts, axis=1) / sizes).max(axis=1),
    )


def bootstrap(random: np.random.Generator, differences: Array, sizes: Integers) -> tuple[Array, Array]:
    """Return the ends of percentile intervals: groups and seeds are resampled (Owen 2007); one seed stays."""
    n_seeds, n_groups = differences.shape[1], len(sizes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    totals = np.add.reduceat(differences, starts, axis=2)
    groups = random.multinomial(n_groups, np.full(n_groups, 1 / n_groups), RESAMPLES).astype(float)
    seeds = random.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), RESAMPLES) / n_seeds
    by_seed = np.einsum("rsg,bg->rbs", totals, groups, optimize=True)
    means = (by_seed * seeds).sum(axis=2) / (groups @ sizes)
    low, high = np.percentile(means, [2.5, 97.5], axis=1)
    return low, high


def check(first: Array, second: Array, sizes: Integers) -> None:
    """Compare the vectorised formulas with convstudy's functions for the first study.

    Raises:
        ValueError: if they differ.
    """
    groups = np.repeat(np.arange(len(sizes)), sizes)
    difference = two_way_difference(first[0], second[0], groups=groups)
    accuracy = accuracy_interval(first[0], groups=groups)
    centre, half = means_of(first[:1] - second[:1], sizes).difference()
    low, high = means_of(first[:1], sizes).accuracy()
    pairs = (
        (difference.centre, centre[0]),
        (difference.half_width(0.95), half[0]),
        (accuracy.low, low[0]),
        (accuracy.high, high[0]),
    )
    for ours, vectorised in pairs:
        if ours is None or abs(ours - vectorised) > 1e-9:
            raise ValueError(f"the simulation computes {vectorised}, but convstudy computes {ours}")


def line(
    random: np.random.Generator,
    n_studies: int,
    kind: str,
    n_groups: int,
    n_seeds: int,
    correlation: float,
    errors: tuple[float, float] = (0.05, 0.05),
    margin: float = MARGIN,
) -> dict[str, float]:
    """Return proportions of studies, and medians, for one kind of studies.

    Args:
        random: the random generator.
        n_studies: the number of studies.
        kind: ``"equal"`` or ``"very unequal"`` groups.
        n_groups: the number of groups.
        n_seeds: the number of seeds.
        correlation: the intra-class correlation of the latent values of a candidate.
        errors: the error rates of both candidates.
        margin: the equivalence margin.

    Returns:
        For "old", "new" and "bootstrap": "covers", the proportion of intervals with the true difference; "apart", the
        proportion of claims of a difference beyond the margin; "equivalent", the proportion of claims of equivalence;
        "width", the median half-width. For "old" and "new", "accuracy" is the coverage of the first accuracy.
        "effective" is the median effective number of images. "oracle" is 1.96 standard deviations of the differences.
    """
    sizes = sizes_of(kind, n_groups)
    n, truth = int(sizes.sum()), errors[1] - errors[0]
    rows: dict[str, list[Array]] = {}
    for first, second in _studies(random, n_studies, n_seeds, sizes, correlation, errors):
        differences = first - second
        old = mean_squares(differences, n, extra=2)
        grouped, accuracies = means_of(differences, sizes), means_of(first, sizes)
        centre, half = grouped.difference()
        resampled_low, resampled_high = bootstrap(random, differences, sizes)
        ends = {
            "old": (old.mean - old.half_width(), old.mean + old.half_width(), np.full(len(first), float(n))),
            "new": (centre - half, centre + half, grouped.effective),
            "bootstrap": (resampled_low, resampled_high, np.zeros(len(first))),
        }
        for name, (low, high, images) in ends.items():
            rows.setdefault(f"{name} covers", []).append((low <= truth) & (truth <= high))
            rows.setdefault(f"{name} apart", []).append((low > margin) | (high < -margin))
            inside = (-margin <= low) & (high <= margin) & (images * margin >= 3)
            rows.setdefault(f"{name} equivalent", []).append(inside)
            rows.setdefault(f"{name} width", []).append((high - low) / 2)
        wrong = accuracy_bounds(mean_squares(1 - first, n), n_seeds, n)
        rows.setdefault("old accuracy", []).append((wrong[0] <= errors[0]) & (errors[0] <= wrong[1]))
        low, high = accuracies.accuracy()
        rows.setdefault("new accuracy", []).append((low <= 1 - errors[0]) & (1 - errors[0] <= high))
        rows.setdefault("effective", []).append(grouped.effective)
        rows.setdefault("oracle", []).append(grouped.mean)
    check(first, second, sizes)
    merged = {name: np.concatenate(parts).astype(float) for name, parts in rows.items()}
    result = {
        name: float(np.median(values) if "width" in name or name == "effective" else values.mean())
        for name, values in merged.items()
    }
    return {**result, "oracle": float(1.96 * merged["oracle"].std())}


def _studies(
    random: np.random.Generator,
    n_studies: int,
    n_seeds: int,
    sizes: Integers,
    correlation: float,
    errors: tuple[float, float],
) -> Iterator[tuple[Array, Array]]:
    """Yield both candidates' values, shape (studies, seeds, images) each."""
    at_once = max(1, _CELLS // (n_seeds * int(sizes.sum())))
    for start in range(0, n_studies, at_once):
        n = min(at_once, n_studies - start)
        first, second = (draw(random, n, n_seeds, sizes, correlation, error) for error in errors)
        yield first.astype(np.float64), second.astype(np.float64)


@cache
def found(
    n_studies: int,
    kind: str,
    n_groups: int,
    n_seeds: int,
    correlation: float,
    errors: tuple[float, float] = (0.05, 0.05),
    margin: float = MARGIN,
) -> dict[str, float]:
    """Return :func:`line` for a generator with a fixed seed, so that several tables are about the same studies."""
    seed = [
        n_groups,
        n_seeds,
        int(100 * correlation),
        int(1000 * sum(errors)),
        int(1000 * margin),
        kind == "equal",
    ]
    return line(np.random.default_rng(seed), n_studies, kind, n_groups, n_seeds, correlation, errors, margin)


def _table(n_studies: int, what: str) -> None:
    """Print a table of "old → new" in percent, one row per number of seeds, sizes and number of groups."""
    print_header("seeds", "sizes", "groups", "images", *(f"ICC {each:g}" for each in CORRELATIONS))
    for n_seeds, kind, n_groups in product(SEEDS, ("equal", "very unequal"), GROUPS):
        cells = [_cell(found(n_studies, kind, n_groups, n_seeds, each), what) for each in CORRELATIONS]
        print_row(n_seeds, kind, n_groups, f"{int(sizes_of(kind, n_groups).sum()):,}", *cells)


def _cell(proportions: dict[str, float], what: str) -> str:
    return f"{percent(proportions[f'old {what}'])} → {percent(proportions[f'new {what}'])}"


def difference(random: np.random.Generator, n_studies: int) -> None:
    """Coverage of the difference of two equal candidates with 5 % errors, independent images → groups, in percent:"""
    _table(n_studies, "covers")


def accuracy(random: np.random.Generator, n_studies: int) -> None:
    """Coverage of the accuracy of a candidate with 5 % errors, independent images → groups, in percent:"""
    _table(n_studies, "accuracy")


def claims(random: np.random.Generator, n_studies: int) -> None:
    """Claims that two equal candidates differ by more than 0.1 percentage points, independent images → groups:"""
    _table(n_studies, "apart")


def widths(random: np.random.Generator, n_studies: int) -> None:
    """Half-widths in percentage points, the oracle's, and the coverage of the cluster bootstrap, 5 % errors:"""
    print_header(
        "seeds",
        "sizes",
        "groups",
        "ICC",
        "count like",
        "oracle",
        "old",
        "new",
        "bootstrap",
        "bootstrap covers, %",
    )
    for n_seeds, kind, n_groups, correlation in product(
        (1, 5), ("equal", "very unequal"), (20, 100, 200), (0.0, 0.3, 0.9)
    ):
        values = found(n_studies, kind, n_groups, n_seeds, correlation)
        print_row(
            n_seeds,
            kind,
            n_groups,
            f"{correlation:g}",
            f"{round(values['effective']):,} of {int(sizes_of(kind, n_groups).sum()):,}",
            *(
                f"{100 * values[name]:.2f}"
                for name in ("oracle", "old width", "new width", "bootstrap width")
            ),
            percent(values["bootstrap covers"]),
        )


def rare(random: np.random.Generator, n_studies: int) -> None:
    """Errors of 1 %: coverage and claims of equal candidates; claims of 1 and 2 % with a margin of 1 point:"""
    print_header(
        "seeds",
        "sizes",
        "groups",
        "ICC",
        "covers, %",
        "accuracy, %",
        "differ, %",
        "better, %",
        "equivalent, %",
    )
    for n_seeds, kind, n_groups, correlation in product(
        (1, 5), ("equal", "very unequal"), (20, 100, 200), (0.0, 0.3, 0.9)
    ):
        equal = found(n_studies, kind, n_groups, n_seeds, correlation, (0.01, 0.01))
        edge = found(n_studies, kind, n_groups, n_seeds, correlation, (0.01, 0.02), 0.01)
        cells = [_cell(equal, each) for each in ("covers", "accuracy", "apart")]
        cells += [_cell(edge, each) for each in ("apart", "equivalent")]
        print_row(n_seeds, kind, n_groups, f"{correlation:g}", *cells)


def losses(random: np.random.Generator, n_studies: int) -> None:
    """Coverage of the mean loss and of the difference of losses of two equal candidates with 5 % errors:"""
    print_header("seeds", "sizes", "groups", "ICC", "mean loss, %", "difference, %")
    points, weights = np.polynomial.hermite_e.hermegauss(200)
    truth = float((weights * _loss(points)).sum() / weights.sum())
    for n_seeds, kind, n_groups, correlation in product(
        (1, 5), ("equal", "very unequal"), (20, 100), (0.0, 0.3, 0.9)
    ):
        sizes = sizes_of(kind, n_groups)
        n = int(sizes.sum())
        covers: dict[str, list[npt.NDArray[np.bool_]]] = {}
        for start in range(0, n_studies, 250):
            tables = [
                _loss(latent(random, min(250, n_studies - start), n_seeds, sizes, correlation).astype(float))
                for _ in range(2)
            ]
            pairs, own = tables[0] - tables[1], tables[0]
            low, high = means_of(own, sizes).loss()
            covers.setdefault("new mean", []).append((low <= truth) & (truth <= high))
            low, high = means_of(own, np.ones(n, np.int64)).loss()
            covers.setdefault("old mean", []).append((low <= truth) & (truth <= high))
            largest = np.maximum(np.max(tables, axis=(0, 2, 3)), np.log(n))
            for name, each in (("new", sizes), ("old", np.ones(n, np.int64))):
                centre, half = means_of(pairs, each).difference(largest)
                covers.setdefault(f"{name} difference", []).append(np.abs(centre) <= half)
            if not start:
                groups = np.repeat(np.arange(n_groups), sizes)
                interval = mean_interval(own[0], groups=groups)
                twin_low, twin_high = (float(end[0]) for end in means_of(own[:1], sizes).loss())
                if max(abs(interval.low - twin_low), abs(interval.high - twin_high)) > 1e-9:
                    raise ValueError(
                        f"the simulation computes {twin_low}, but convstudy computes {interval.low}"
                    )
        cells = {name: float(np.concatenate(parts).mean()) for name, parts in covers.items()}
        print_row(
            n_seeds,
            kind,
            n_groups,
            f"{correlation:g}",
            *(_cell(cells, each) for each in ("mean", "difference")),
        )


def _loss(sums: Array) -> Array:
    """Return losses that grow where a candidate errs: ln 2 at the border between right and wrong."""
    loss: Array = np.logaddexp(0.0, -4 * (sums - ndtri(0.05)))
    return loss


PARTS = {each.__name__: each for each in (difference, accuracy, claims, widths, rare, losses)}

if __name__ == "__main__":
    run(__doc__ or "", PARTS)
