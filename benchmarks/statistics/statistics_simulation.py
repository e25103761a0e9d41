"""Simulate studies with known truth to test convstudy's statistics; print tables of docs/statistics.md.

    python -m benchmarks.statistics.statistics_simulation   # 10,000 studies per row
    python -m benchmarks.statistics.statistics_simulation --studies 1000
    python -m benchmarks.statistics.statistics_simulation power --chart docs/statistics-power.svg

verdict_simulation.py simulates all verdicts of a study together, with the same worlds. intervals.py simulates every
interval of a report, in other worlds.

Models make errors on hard images only (3 % of all). The probability of an error belongs to the image, either for all
candidates or for each separately, and each seed multiplies it by a factor. The true accuracies are therefore known, and
both seeds and images contribute to the variance. All candidates of a null study are exchangeable: their true difference
is exactly 0.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, stdtrit

from convstudy.stats.two_way import PSEUDO_OBSERVATIONS

Array = npt.NDArray[np.float64]
STUDIES = 10_000
BATCH = 250
PART = 50
HARD = 0.03
"""The proportion of images on which a model can err."""


@dataclass(frozen=True)
class World:
    """The true properties of the candidates.

    Attributes:
        name: the name in the tables.
        error: the expected error rate of a candidate.
        seed: the standard deviation of the error rate between seeds, as a fraction of the error rate.
        shared: the proportion of hard images that are equally hard for all candidates; lower values increase the
            variance from images.
        alike: whether all seeds of a candidate err on the same images; then the variance comes from images only.
        ratios: the error rates of the last candidates divided by ``error``, each 1 to 2; the other candidates have 1.
    """

    name: str
    error: float = 0.005
    seed: float = 0.0
    shared: float = 1.0
    alike: bool = False
    ratios: tuple[float, ...] = ()


WORLDS = (
    World("seeds and images do not matter"),
    World("images matter", shared=0.3),
    World("seeds matter", seed=0.25),
    World("both matter", seed=0.25, shared=0.3),
    World("all seeds err alike", alike=True),
)


def wrong_answers(
    random: np.random.Generator, world: World, n_studies: int, n_candidates: int, n_seeds: int, n_images: int
) -> tuple[npt.NDArray[np.bool_], Array]:
    """Return which model errs on which hard image, and the true error rate of each model.

    Returns:
        bool, shape (studies, candidates, seeds, hard images), and float, shape (studies, candidates, seeds).
    """
    reach = world.seed * 6**0.5  # the difference of two uniform numbers has the standard deviation 1 / √6
    highest = 2 * (1 + reach)  # keeps probabilities below 1
    mean = world.error * highest / HARD
    n_hard = random.binomial(n_images, HARD, n_studies)
    width = int(n_hard.max())
    shape = (n_studies, width)
    there = np.arange(width) < n_hard[:, None]
    common = random.beta(2 * mean, 2 * (1 - mean), shape)
    is_shared = random.random(shape) < world.shared
    by_seed = (n_studies, n_candidates, n_seeds)
    stretch = 1 + reach * (random.random(by_seed) - random.random(by_seed))
    for place, ratio in enumerate(reversed(world.ratios), start=1):
        stretch[:, -place] *= ratio
    wrong = np.empty((n_studies, n_candidates, n_seeds, width), dtype=bool)
    for number in range(n_candidates):
        own = random.beta(2 * mean, 2 * (1 - mean), shape)
        chance = np.where(is_shared, common, own) * there / highest
        draws = random.random(shape)
        for seed in range(n_seeds):
            if seed and not world.alike:
                draws = random.random(shape)
            wrong[:, number, seed] = draws < chance * stretch[:, number, seed, None]
    return wrong, stretch * (HARD * mean / highest)


@dataclass(frozen=True)
class Squares:
    """Mean squares of many seeds × images tables at once: ``convstudy.stats.two_way``, vectorised over studies."""

    mean: Array
    seeds: Array
    images: Array
    residual: Array
    n_seeds: int
    n_images: float

    @property
    def seed_variance(self) -> Array:
        return self.seeds / (self.n_seeds * self.n_images)

    @property
    def image_variance(self) -> Array:
        beyond = np.maximum(self.images - self.residual, 0)
        if self.n_seeds > 1:
            alike = self.seeds < 1e-12 * self.residual
            beyond = np.where(alike, np.maximum(beyond, self.residual), beyond)
        return beyond / (self.n_seeds * self.n_images)

    def half_width(self, confidence: float = 0.95) -> Array:
        """Return the half-width: the root of the sum of the squared half-widths of seeds and of images."""
        quantile = 0.5 + confidence / 2
        images = stdtrit(self.n_images - 1, quantile) ** 2 * self.image_variance
        if self.n_seeds == 1:
            return np.sqrt(images)
        return np.sqrt(stdtrit(self.n_seeds - 1, quantile) ** 2 * self.seed_variance + images)

    def satterthwaite(self) -> Array:
        """Return the half-width with Satterthwaite's degrees of freedom."""
        variance = self.seed_variance + self.image_variance
        parts = self.seed_variance**2 / (self.n_seeds - 1) + self.image_variance**2 / (self.n_images - 1)
        degrees = np.clip(variance**2 / np.maximum(parts, 1e-300), self.n_seeds - 1, self.n_images - 1)
        return stdtrit(degrees, 0.975) * np.sqrt(variance)

    def seeds_only(self) -> Array:
        """Return the half-width of Student's t over seeds, which ignores the variance from test images."""
        return stdtrit(self.n_seeds - 1, 0.975) * np.sqrt(self.seed_variance)


def mean_squares(values: npt.NDArray[np.generic], n_images: int, extra: float = 0) -> Squares:
    """Return the mean squares of tables. All images that are not hard have the value 0.

    Args:
        values: shape (studies, seeds, hard images).
        n_images: the number of all images.
        extra: the number of pseudo-observations; all seeds have 1 on half of them and −1 on the others.
    """
    table = values.astype(np.float64)
    n_seeds, n = table.shape[1], n_images + extra
    by_seed, by_image = table.sum(axis=2) / n, table.mean(axis=1)
    mean = by_seed.mean(axis=1)
    total = (table**2).sum(axis=(1, 2)) + extra * n_seeds - n_seeds * n * mean**2
    images = n_seeds * ((by_image**2).sum(axis=1) + extra - n * mean**2)
    seeds = n * ((by_seed - mean[:, None]) ** 2).sum(axis=1)
    freedom = max(1, n_seeds - 1)
    residual = np.maximum(total - images - seeds, 0) / (freedom * (n - 1)) if n_seeds > 1 else 0 * total
    return Squares(mean, seeds / freedom, images / (n - 1), residual, n_seeds, n)


def wilson(proportion: Array, n: Array) -> tuple[Array, Array]:
    z2 = ndtri(0.975) ** 2
    middle = (proportion + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (proportion * (1 - proportion) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return middle - half, middle + half


def batches(n_studies: int) -> Iterator[int]:
    for start in range(0, n_studies, BATCH):
        yield min(BATCH, n_studies - start)


def percent(proportion: float) -> str:
    return f"{proportion * 100:.1f}"


def print_row(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def print_header(*titles: str) -> None:
    print()
    print_row(*titles)
    print("|" + "|".join(" --- " if number == 0 else " ---: " for number in range(len(titles))) + "|")


def differences(random: np.random.Generator, n_studies: int) -> None:
    """Coverage of the interval of a difference, and the rate of "better" for a difference equal to the margin."""
    print_header(
        "simulated truth",
        "images",
        "seeds",
        "covers, %",
        "better, %",
        "half-width, pp",
        "seeds only",
        "Satterthwaite",
    )
    for world in WORLDS:
        for n_images in (1000, 10_000):
            for n_seeds in (1, 2, 3, 5, 10):
                found = [_difference(random, world, size, n_seeds, n_images) for size in batches(n_studies)]
                covers, better, width, seeds_only, satterthwaite = (
                    float(np.mean(np.concatenate(part))) for part in zip(*found, strict=True)
                )
                others = (percent(seeds_only), percent(satterthwaite)) if n_seeds > 1 else ("–", "–")
                print_row(
                    world.name,
                    f"{n_images:,}",
                    n_seeds,
                    percent(covers),
                    percent(better),
                    f"{width * 100:.2f}",
                    *others,
                )


def _difference(
    random: np.random.Generator, world: World, size: int, n_seeds: int, n_images: int
) -> tuple[npt.NDArray[Any], ...]:
    wrong, rates = wrong_answers(random, world, size, 2, n_seeds, n_images)
    squares = mean_squares(
        wrong[:, 1].astype(np.int8) - wrong[:, 0].astype(np.int8), n_images, PSEUDO_OBSERVATIONS
    )
    # With one seed, the interval is about the two trained models only.
    truth = rates[:, 1, 0] - rates[:, 0, 0] if n_seeds == 1 else np.zeros(size)
    half, off = squares.half_width(), squares.mean - truth
    if n_seeds == 1:
        return np.abs(off) <= half, off > half, half, half, half
    return (
        np.abs(off) <= half,
        off > half,
        half,
        np.abs(off) <= squares.seeds_only(),
        np.abs(off) <= squares.satterthwaite(),
    )


def folds(random: np.random.Generator, n_studies: int) -> None:
    """Equally good candidates over folds: nearest-centroid classifiers of two classes, each with its own features."""
    print_header(
        "images",
        "features",
        "candidates",
        "folds",
        "plain t covers, %",
        "corrected covers, %",
        "best wrongly better: plain t",
        "corrected, Holm over its pairs",
        "corrected, Holm over all pairs",
    )
    sizes = ((2, 3), (2, 5), (2, 10), (5, 3), (5, 5))
    for (n, n_features), (n_candidates, k) in product(((300, 5), (60, 30)), sizes):
        found: list[list[npt.NDArray[np.bool_]]] = [[] for _ in range(5)]
        for size in batches(n_studies):
            labels = np.where(np.arange(n) % 2, 1.0, -1.0)
            data = (
                random.normal(size=(size, n_candidates, n, n_features))
                + (1.1 / n_features**0.5) * labels[:, None]
            )
            scores = np.empty((size, n_candidates, k))
            for fold in range(k):
                out = np.arange(n) // 2 % k == fold
                one = data[:, :, ~out & (labels > 0)].mean(axis=2)
                other = data[:, :, ~out & (labels < 0)].mean(axis=2)
                side = np.einsum("scnf,scf->scn", data[:, :, out], one - other)
                side -= ((one + other) / 2 * (one - other)).sum(axis=2)[..., None]
                scores[:, :, fold] = ((side > 0) == (labels[out] > 0)).mean(axis=2)
            pair = scores[:, 0] - scores[:, 1]
            order = np.argsort(-scores.mean(axis=2), axis=1, kind="stable")
            best = np.take_along_axis(scores, order[:, :1, None], axis=1)
            against = best - np.take_along_axis(scores, order[:, 1:, None], axis=1)
            plain, corrected = 1 / k, 1 / k + 1 / (k - 1)
            n_own, n_all = n_candidates - 1, n_candidates * (n_candidates - 1) // 2
            for kept, factor in ((found[0], plain), (found[1], corrected)):
                kept.append(np.abs(pair.mean(axis=1)) <= _fold_half(pair, factor, 0.05))
            for kept, factor, error in (
                (found[2], plain, 0.05),
                (found[3], corrected, 0.05 / n_own),
                (found[4], corrected, 0.05 / n_all),
            ):
                kept.append((against.mean(axis=2) > _fold_half(against, factor, error)).any(axis=1))
        cells = [percent(np.concatenate(kept).mean()) for kept in found]
        print_row(n, n_features, n_candidates, k, *cells)


def selection(random: np.random.Generator, n_studies: int) -> None:
    """Selection bias of the best score of a search before and after the correction, in pp: mean (root mean square).

    Nearest-centroid classifiers on five features over five folds. "Equal" candidates have the same true accuracy. Of
    "different" candidates, the last has a distance between its classes that is 30 % smaller. The truth is the accuracy
    of the selected candidate on an infinite number of images.
    """
    print_header("candidates", "number", "images", "best score", "corrected", "leave one fold out")
    bootstrap = np.random.RandomState(0)
    for n, spread, n_candidates in product((300, 1000), (0.0, 0.3), (2, 5, 20)):
        times = bootstrap.multinomial(n, np.full(n, 1 / n), 200).astype(np.float32)
        found = [
            _selection(random, part, n, n_candidates, spread, times)
            for size in batches(n_studies)
            for part in [PART] * (size // PART) + [size % PART] * (size % PART > 0)
        ]
        off = np.concatenate(found, axis=1) * 100
        cells = [f"{each.mean():+.2f} ({np.sqrt((each**2).mean()):.2f})" for each in off]
        print_row("different" if spread else "equal", n_candidates, f"{n:,}", *cells)


def _selection(
    random: np.random.Generator,
    size: int,
    n: int,
    n_candidates: int,
    spread: float,
    times: npt.NDArray[np.float32],
) -> Array:
    """Return estimate − truth, shape (estimates, studies)."""
    n_features, k = 5, 5
    labels, folds = np.where(np.arange(n) % 2, 1.0, -1.0), np.arange(n) // 2 % k
    shift = 1.1 / n_features**0.5 * (1 - spread * np.arange(n_candidates) / (n_candidates - 1))
    data = (
        random.normal(size=(size, n_candidates, n, n_features)) + shift[:, None, None] * labels[None, :, None]
    )
    right, truth = np.empty((size, n_candidates, n), dtype=bool), np.zeros((size, n_candidates))
    for fold in range(k):
        out = folds == fold
        one = data[:, :, ~out & (labels > 0)].mean(axis=2)
        other = data[:, :, ~out & (labels < 0)].mean(axis=2)
        weights = one - other
        middle = ((one + other) / 2 * weights).sum(axis=2)
        side = np.einsum("scnf,scf->scn", data[:, :, out], weights) - middle[..., None]
        right[:, :, out] = (side > 0) == (labels[out] > 0)
        reach, width = weights.sum(axis=2) * shift, np.sqrt((weights**2).sum(axis=2))
        truth += (ndtr((reach - middle) / width) + ndtr((reach + middle) / width)) / 2 / k
    scores, every = right.mean(axis=2), np.arange(size)
    best = scores.argmax(axis=1)
    table = right.reshape(size * n_candidates, n).T.astype(np.float32)
    shape = (len(times), size, n_candidates)
    left = (times == 0).astype(np.float32)
    chosen = (times @ table).reshape(shape).argmax(axis=2)
    outside = (left @ table).reshape(shape) / left.sum(axis=1)[:, None, None]
    draws = outside[:, every, best] - np.take_along_axis(outside, chosen[..., None], axis=2)[..., 0]
    by_fold = np.stack([right[:, :, folds == fold].mean(axis=2) for fold in range(k)], axis=2)
    without = (by_fold.sum(axis=2, keepdims=True) - by_fold).argmax(axis=1)
    unseen = np.take_along_axis(by_fold, without[:, None], axis=1)[:, 0].mean(axis=1)
    score = scores[every, best]
    return np.stack([score, score - draws.mean(axis=0), unseen]) - truth[every, best]


def _fold_half(differences: Array, factor: float, error: float) -> Array:
    k = differences.shape[-1]
    variance = differences.var(axis=-1, ddof=1)
    half = stdtrit(k - 1, 1 - error / 2) * np.sqrt(factor * variance)
    # If all folds have the same difference, the variance is 0 and there is no interval and no claim.
    return np.where(variance < 1e-20, np.inf, half)


def accuracy_bounds(squares: Squares, n_seeds: int, n_images: int) -> tuple[Array, Array]:
    """Return the bounds of ``convstudy.stats.two_way.accuracy_interval``, with Wilson's interval for one seed."""
    proportion = squares.mean
    if n_seeds == 1:
        return wilson(proportion, np.full(len(proportion), float(n_images)))
    z2, cells = ndtri(0.975) ** 2, n_seeds * n_images
    measured = z2 * np.maximum(squares.images - squares.residual, 0) / cells
    measured += stdtrit(n_seeds - 1, 0.975) ** 2 * squares.seeds / cells
    measured = np.maximum(measured, z2 * squares.images / cells)
    middle = (proportion + z2 / (2 * n_images)) / (1 + z2 / n_images)
    half = np.sqrt(measured + z2 * (z2 + 1) / (4 * n_images**2)) / (1 + z2 / n_images)
    n = np.minimum(cells, proportion * (1 - proportion) * z2 / np.maximum(measured, 1e-18))
    low, high = wilson(proportion, np.where(measured == 0, n_images, n))
    low = np.where(proportion > 0.5, middle - half, np.minimum(low, middle - half))
    high = np.where(proportion > 0.5, np.maximum(high, middle + half), middle + half)
    return np.where(proportion == 0, 0, np.maximum(low, 0)), np.minimum(high, 1)


def power(random: np.random.Generator, n_studies: int) -> list[dict[str, float | str]]:
    """Rate of "better" / "equivalent" by true difference in pp: 10,000 images, margin 0.1 pp, without Holm."""
    points = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
    print_header("seeds", *(f"{each:g}" for each in points))
    n_images, margin = 10_000, 0.001
    curves: list[dict[str, float | str]] = []
    for n_seeds in (3, 5, 10, 20):
        cells = []
        for true in points:
            world = World("", seed=0.15, shared=0.5, ratios=(1 + true / 0.5,))
            verdicts = []
            for size in batches(n_studies):
                wrong, _ = wrong_answers(random, world, size, 2, n_seeds, n_images)
                table = wrong[:, 1].astype(np.int8) - wrong[:, 0].astype(np.int8)
                found = mean_squares(table, n_images, PSEUDO_OBSERVATIONS)
                low, high = found.mean - found.half_width(), found.mean + found.half_width()
                verdicts.append([low > margin, (low >= -margin) & (high <= margin)])
            better, equivalent = np.concatenate(verdicts, axis=1).mean(axis=1)
            cells.append(f"{percent(better)} / {percent(equivalent)}")
            curves += [
                {
                    "true difference, pp": true,
                    "proportion of studies": float(proportion),
                    "seeds": f"{n_seeds} seeds",
                    "verdict": name,
                }
                for name, proportion in (("better", better), ("equivalent", equivalent))
            ]
        print_row(n_seeds, *cells)
    return curves


def draw(curves: list[dict[str, float | str]], place: Path) -> None:
    """Write the power curves as SVG."""
    import altair as alt
    import vl_convert

    from convstudy.report import theme

    order = list(dict.fromkeys(str(each["seeds"]) for each in curves))
    chart = (
        alt.Chart(alt.InlineData(values=curves))
        .mark_line(point=True)
        .encode(
            x=alt.X("true difference, pp:Q"),
            y=alt.Y("proportion of studies:Q", axis=alt.Axis(format="~%")),
            color=alt.Color("seeds:N", sort=order, title=None),
            strokeDash=alt.StrokeDash("verdict:N", title=None),
        )
        .properties(width=560, height=300)
    )
    spec = {**chart.to_dict(), "config": {**theme.for_paper(), "legend": {"orient": "right"}}}
    place.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")


Parts = Mapping[str, Callable[[np.random.Generator, int], list[dict[str, float | str]] | None]]
PARTS: Parts = {
    "differences": differences,
    "folds": folds,
    "selection": selection,
    "power": power,
}


def run(description: str, parts: Parts, studies: int = STUDIES) -> None:
    """Simulate the parts that the command line names and print their tables.

    Args:
        description: the docstring of the script; its first line is the description of ``--help``.
        parts: name -> function of a random generator and the number of studies, which prints a table.
        studies: the default number of studies per row.
    """
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("--studies", type=int, default=studies, help="simulated studies per row")
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(parts)} [all]")
    if "power" in parts:
        parser.add_argument("--chart", type=Path, help="write the power curves to this SVG file")
    chosen = parser.parse_args()
    for name in chosen.parts or parts:
        print(f"\n{inspect.getdoc(parts[name])}")
        curves = parts[name](np.random.default_rng(20260101), chosen.studies)
        if curves and chosen.chart:
            draw(curves, chosen.chart)


if __name__ == "__main__":
    run(__doc__, PARTS)
