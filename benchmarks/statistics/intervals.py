"""Coverage and width of every interval that a report prints, by world, compared with an oracle's interval.

    python -m benchmarks.statistics.intervals   # 2,000 studies per row
    python -m benchmarks.statistics.intervals "accuracy" --studies 4000

The script prints the tables of docs/statistics.md. It calls the package's functions once per study on simulated studies
(``worlds``). An interval covers if the true value is inside it. "Width / oracle" is the median width divided by the
width of the oracle's interval: estimate ± normal quantile · true standard error. "Same degrees" gives the oracle
Student's quantile with the degrees of freedom of the method, because an interval from two seeds must be wider than one
from a known variance. "Expected" is the expected number of images that decide: those on which candidates differ, or
wrong ones. If it is small, the true standard error is no useful width: in most studies no such image is seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

from benchmarks.statistics import truths
from benchmarks.statistics.statistics_simulation import percent, print_header, print_row
from benchmarks.statistics.worlds import (
    FOLD_WORLDS,
    LOSS_WORLDS,
    WORLDS,
    FoldWorld,
    World,
    batches,
    draw,
    draw_folds,
    draw_losses,
)
from convstudy.analysis.interactions import interaction_values, two_way_interaction
from convstudy.stats.counts import verdict_on_counts
from convstudy.stats.differences import Difference
from convstudy.stats.intervals import Interval, bonett_price, proportion_interval
from convstudy.stats.resampled import fold_difference, fold_mean
from convstudy.stats.skewed import MeanInterval, mean_interval
from convstudy.stats.two_way import (
    accuracy_interval,
    images_of,
    seeds_only_difference,
    two_way_difference,
)

Array = npt.NDArray[np.float64]
STUDIES = 2000
SIZES = ((2, 36), (5, 36), (3, 100), (10, 100), (5, 360), (2, 1000), (10, 1000), (3, 10_000), (10, 10_000))
"""Seeds and images."""


@dataclass(frozen=True)
class Line:
    """The intervals of many studies of one world.

    Attributes:
        world: the name of the world.
        n_images: the number of images.
        n: the number of seeds or folds.
        ends: the lower and the upper ends, shape (studies, 2).
        truth: the true value, or one per study.
        error: the true standard error of the estimate.
        degrees: the degrees of freedom of the method.
        expected: the expected number of images that decide; nan for losses.
        named: whether each study's report names the reason why its interval can be too short.
        other_truth: over folds, the true value for all training sets instead of that of the study.
    """

    world: str
    n_images: int
    n: int
    ends: Array
    truth: Array | float
    error: float
    degrees: float
    expected: float
    named: float = 0.0
    other_truth: float = np.nan

    @property
    def misses(self) -> tuple[float, float]:
        """The rates of intervals that are entirely below and entirely above the truth."""
        return float((self.ends[:, 1] < self.truth).mean()), float((self.ends[:, 0] > self.truth).mean())

    @property
    def coverage(self) -> float:
        return 1 - sum(self.misses)

    @property
    def other_coverage(self) -> float:
        inside = (self.ends[:, 0] <= self.other_truth) & (self.other_truth <= self.ends[:, 1])
        return float(inside.mean())

    def ratio(self, same_degrees: bool) -> float:
        """Return the median width divided by that of the oracle."""
        degrees = self.degrees if same_degrees else 1e9
        return self.width / (2 * float(stdtrit(degrees, 0.975)) * self.error)

    @property
    def width(self) -> float:
        return float(np.median(self.ends[:, 1] - self.ends[:, 0]))


def ends_of(found: Difference | Interval | None) -> tuple[float, float]:
    if found is None or found.low is None or found.high is None:
        return -np.inf, np.inf
    return found.low, found.high


def over_seeds(
    random: np.random.Generator,
    n_studies: int,
    worlds: dict[str, World],
    interval: Callable[[npt.NDArray[np.bool_]], Difference | Interval | None],
    factors: tuple[int, ...],
    sizes: tuple[tuple[int, int], ...] = SIZES,
) -> Iterator[Line]:
    """Yield a line per world and size.

    Args:
        random: the random generator.
        n_studies: the number of studies.
        worlds: name -> world.
        interval: returns the interval of one study from its correctness, shape (candidates, seeds, images).
        factors: the true value is the sum of the true accuracies times these factors.
        sizes: seeds and images.
    """
    for (name, world), (n_seeds, n_images) in ((each, size) for each in worlds.items() for size in sizes):
        ends: list[tuple[float, float]] = []
        estimates: list[Array] = []
        models: list[Array] = []
        n_decide = 0.0
        for size in batches(n_studies, len(world.accuracies) * n_seeds * n_images):
            found = draw(random, world, size, n_seeds, n_images)
            ends += [ends_of(interval(each)) for each in found.right]
            estimates.append(found.right.mean(axis=(2, 3))[:, : len(factors)] @ np.array(factors))
            models.append(found.models)
            first = found.right[:, 0, 0]
            n_decide += float((first != found.right[:, 1, 0]).sum() if len(factors) > 1 else (~first).sum())
        truth: Array | float = float(truths.true_accuracies(world)[: len(factors)] @ factors)
        error, degrees = truths.variance_of_contrast(world, factors, n_seeds, n_images) ** 0.5, n_seeds - 1
        if n_seeds == 1:
            # With one seed, the interval is about the trained models.
            truth = np.concatenate(models)[:, : len(factors), 0] @ np.array(factors)
            error, degrees = float(np.std(np.concatenate(estimates) - truth)), n_images - 1
        yield Line(name, n_images, n_seeds, np.array(ends), truth, error, degrees, n_decide / n_studies)


def difference(right: npt.NDArray[np.bool_]) -> Difference:
    return two_way_difference(right[0].astype(np.float64), right[1].astype(np.float64))


def differences(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Difference of two accuracies over seeds and images."""
    yield from over_seeds(random, n_studies, WORLDS, difference, (1, -1))


def without_predictions(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Difference of two accuracies from scores alone."""

    def interval(right: npt.NDArray[np.bool_]) -> Difference:
        first, second = right.mean(axis=2).tolist()
        return seeds_only_difference(tuple(first), tuple(second), right.shape[2])

    worlds = {name: WORLDS[name] for name in ("95 %", "99.5 %", "99.95 %", "seeds differ", "seeds err alike")}
    yield from over_seeds(random, n_studies, worlds, interval, (1, -1))


def accuracy(right: npt.NDArray[np.bool_]) -> Interval:
    return accuracy_interval(right[0].astype(np.float64))


def accuracies(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Accuracy of one candidate over seeds and images, of all images or of one class."""
    worlds = {
        name: replace(world, accuracies=world.accuracies[:1])
        for name, world in WORLDS.items()
        if name not in ("99.5 and 99 %", "candidates err alike", "one in 20 of the second collapses")
    }
    yield from over_seeds(random, n_studies, worlds, accuracy, (1,))


def interaction(right: npt.NDArray[np.bool_]) -> Difference:
    unmodified, first, second, both = right.astype(np.float64)
    return two_way_interaction(interaction_values(both, first, second, unmodified))


def interactions(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Interaction of two variants."""
    worlds = {
        "98, 97, 97, 96 %": World((0.98, 0.97, 0.97, 0.96)),
        "four at 99.5 %": World((0.995,) * 4),
        "four at 99.95 %": World((0.9995,) * 4),
    }

    sizes = ((2, 36), (5, 360), (3, 1000), (10, 1000), (3, 10_000))
    yield from over_seeds(random, n_studies, worlds, interaction, (1, -1, -1, 1), sizes)


def over_losses(
    random: np.random.Generator,
    n_studies: int,
    names: tuple[str, ...],
    interval: Callable[[Array], Difference | Interval],
    is_difference: bool = False,
    sizes: tuple[tuple[int, int], ...] = ((2, 100), (3, 360), (10, 360), (1, 1000), (5, 1000), (3, 10_000)),
) -> Iterator[Line]:
    """Yield a line per world of losses and size; ``interval`` gets losses, shape (candidates, seeds, images)."""
    for (name, world), (n_seeds, n_images) in (
        (each, size) for each in LOSS_WORLDS.items() if each[0] in names for size in sizes
    ):
        found: list[Difference | Interval] = []
        estimates, models = [], []
        for size in batches(n_studies, 2 * n_seeds * n_images):
            values, means = draw_losses(random, world, size, n_seeds, n_images)
            found += [interval(each) for each in values]
            estimates.append(values.mean(axis=(2, 3)))
            models.append(means)
        factors = np.array((1, -1) if is_difference else (1, 0))
        variance = truths.variance_of_loss_difference if is_difference else truths.variance_of_loss
        truth: Array | float = float(np.array(world.means) @ factors)
        error, degrees = variance(world, n_seeds, n_images) ** 0.5, n_seeds - 1
        if n_seeds == 1:
            truth = np.concatenate(models)[:, :, 0] @ factors
            error, degrees = float(np.std(np.concatenate(estimates) @ factors - truth)), n_images - 1
        named = np.mean([isinstance(each, MeanInterval) and each.depends_on_few for each in found])
        ends = np.array([ends_of(each) for each in found])
        yield Line(name, n_images, n_seeds, ends, truth, error, degrees, np.nan, float(named))


ENTROPIES = (
    "cross-entropy 0.2",
    "cross-entropy 0.02",
    "cross-entropy 0.002",
    "heavy tail",
    "very heavy tail",
)


def loss_differences(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Difference of two mean losses over seeds and images."""
    yield from over_losses(
        random, n_studies, ENTROPIES, lambda values: two_way_difference(values[0], values[1]), True
    )


def losses(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Mean loss of one candidate over seeds and images."""
    yield from over_losses(random, n_studies, ENTROPIES, lambda values: mean_interval(values[0]))


def brier(values: Array) -> Interval:
    return mean_interval(values[0], 0.0, 2.0)


def means(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Mean Brier score of one candidate over seeds and images."""
    yield from over_losses(random, n_studies, ("brier 0.1", "brier 0.01"), brier)


FOLD_SIZES = ((2, 37), (3, 100), (10, 361), (2, 1437), (3, 1438), (5, 1437), (10, 1437), (5, 9999))
"""Folds and images."""


def over_folds(
    random: np.random.Generator,
    n_studies: int,
    interval: Callable[[npt.NDArray[np.bool_], npt.NDArray[np.int64]], tuple[float, float]],
    is_difference: bool,
    worlds: dict[str, FoldWorld] = FOLD_WORLDS,
    sizes: tuple[tuple[int, int], ...] = FOLD_SIZES,
) -> Iterator[Line]:
    """Yield a line per world of folds and size; ``interval`` gets correctness and the fold of each image."""
    for (name, world), (k, n_images) in ((each, size) for each in worlds.items() for size in sizes):
        ends: list[tuple[float, float]] = []
        estimates: list[float] = []
        truths_of: list[Array] = []
        n_decide = 0.0
        for size in batches(n_studies, 2 * n_images):
            right, folds, true = draw_folds(random, world, size, n_images, k)
            truths_of.append(true)
            ends += [interval(each, folds) for each in right]
            mean = np.array([right[:, :, folds == fold].mean(axis=2) for fold in range(k)]).mean(axis=0)
            estimates += (mean[:, 0] - mean[:, 1] if is_difference else mean[:, 0]).tolist()
            wrong = right[:, 0] != right[:, 1] if is_difference else ~right[:, 0]
            n_decide += float(wrong.sum())
        every = np.concatenate(truths_of)
        truth = every[:, 0] - every[:, 1] if is_difference else every[:, 0]
        # The true standard error over folds has no closed form here: it is that of the simulated studies.
        error = float(np.std(np.array(estimates) - truth))
        other = world.accuracies[0] - (world.accuracies[1] if is_difference else 0.0)
        yield Line(
            name, n_images, k, np.array(ends), truth, error, k - 1, n_decide / n_studies, other_truth=other
        )


def scores_of(right: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]) -> list[float]:
    sizes = np.bincount(folds)
    found: list[float] = (np.bincount(folds, weights=right) / sizes).tolist()
    return found


def of_two(right: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]) -> tuple[float, float]:
    k, n_images = int(folds[-1]) + 1, len(folds)
    images = images_of(right[0].astype(np.float64) - right[1])
    first, second = scores_of(right[0], folds), scores_of(right[1], folds)
    return ends_of(fold_difference(first, second, 1 / (k - 1), images=images, n_images=n_images))


def fold_differences(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Difference of two accuracies over folds."""
    yield from over_folds(random, n_studies, of_two, True)


def of_one(right: npt.NDArray[np.bool_], folds: npt.NDArray[np.int64]) -> tuple[float, float]:
    k = int(folds[-1]) + 1
    return ends_of(fold_mean(scores_of(right[0], folds), np.bincount(folds).tolist(), 1 / (k - 1)))


def fold_means(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Mean accuracy over folds: candidates of a search, winners of a nested search."""
    yield from over_folds(random, n_studies, of_one, False)


ONE_SEED = {
    name: replace(WORLDS[name], seed_sd=0.0)
    for name in ("95 %", "99 %", "99.5 %", "99.9 %", "99.95 %", "99.5 and 99 %", "candidates err alike")
}
COUNT_SIZES = ((1, 36), (1, 100), (1, 360), (1, 1000), (1, 10_000))


def one_model_interval(right: npt.NDArray[np.bool_]) -> Interval:
    return proportion_interval(float(right[0].mean()), right.shape[2])


def one_model(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Accuracy of one trained model."""
    yield from over_seeds(random, n_studies, ONE_SEED, one_model_interval, (1,), COUNT_SIZES)


def two_models(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Difference of two trained models on the same images: Bonett and Price."""

    def interval(right: npt.NDArray[np.bool_]) -> Interval:
        first, second = right[:, 0]
        return bonett_price(int((first & ~second).sum()), int((second & ~first).sum()), len(first))

    yield from over_seeds(random, n_studies, ONE_SEED, interval, (1, -1), COUNT_SIZES)


def unpaired(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Difference of two trained models on other images each: Newcombe, and the most favourable pairing."""

    def interval(right: npt.NDArray[np.bool_]) -> Interval:
        first, second = right[:, 0].sum(axis=1).tolist()
        return verdict_on_counts(first, second, right.shape[2]).difference

    worlds = {name: replace(world, shared=0.0) for name, world in ONE_SEED.items()}
    yield from over_seeds(random, n_studies, worlds, interval, (1, -1), COUNT_SIZES)


def calibration_bins(random: np.random.Generator, n_studies: int) -> Iterator[Line]:
    """Accuracy of the predictions of all seeds in a bin of confidence."""
    for accuracy, low, (n_seeds, n_images) in product(
        (0.9, 0.98), (12, 14), ((1, 360), (3, 360), (10, 360), (3, 10_000))
    ):
        # The confidence is the logistic function of normal logits, and calibrated.
        sds = (0.3, 2.0, 0.5)
        centre = truths.level(accuracy, *sds)
        edges = logit(np.array((low, low + 1)) / 15)
        ends, estimates = [], []
        for size in batches(n_studies, n_seeds * n_images):
            seeds = sds[0] * random.standard_normal((size, n_seeds, 1))
            logits = centre + seeds + sds[1] * random.standard_normal((size, 1, n_images))
            logits = logits + sds[2] * random.standard_normal((size, n_seeds, n_images))
            right = random.random(logits.shape) < expit(logits)
            inside = (logits > edges[0]) & (logits <= edges[1])
            n, n_distinct = inside.sum(axis=(1, 2)), inside.any(axis=1).sum(axis=1)
            n_right = (right & inside).sum(axis=(1, 2))
            for mean, n_own in zip((n_right / np.maximum(n, 1)).tolist(), n_distinct.tolist(), strict=True):
                # An empty bin has no interval.
                if n_own:
                    ends.append(ends_of(proportion_interval(mean, n_own)))
                    estimates.append(mean)
        z = np.linspace(*np.clip((edges - centre) / np.hypot.reduce(sds), -9, 9), 2001)
        truth = float((expit(centre + np.hypot.reduce(sds) * z) * np.exp(-(z**2) / 2)).sum())
        truth /= float(np.exp(-(z**2) / 2).sum())
        error = float(np.std(estimates))
        name = f"{accuracy * 100:g} %, bin from {low / 15 * 100:.0f} %"
        yield Line(name, n_images, n_seeds, np.array(ends), truth, error, 1e9, np.nan)


REGISTRY: dict[str, Callable[[np.random.Generator, int], Iterator[Line]]] = {
    "difference": differences,
    "difference-without-predictions": without_predictions,
    "accuracy": accuracies,
    "interaction": interactions,
    "loss-difference": loss_differences,
    "loss": losses,
    "mean": means,
    "fold-difference": fold_differences,
    "fold-mean": fold_means,
    "one-model": one_model,
    "two-models": two_models,
    "unpaired": unpaired,
    "calibration-bin": calibration_bins,
}
"""Every interval that a report prints, by name."""


ENOUGH = 20
"""Of the images that decide; with fewer, the rule of three and not the variance limits the width."""


def print_lines(name: str, lines: list[Line]) -> None:
    """Print a row per world and size."""
    print(f"\n{(REGISTRY[name].__doc__ or '').strip()} (`{name}`)")
    of_folds, of_losses = name.startswith("fold"), name in ("loss", "mean")
    print_header(
        "simulated truth",
        "images",
        "folds" if of_folds else "seeds",
        *(() if of_losses else ("expected",)),
        "covers, %",
        "below, %",
        "above, %",
        "width / oracle",
        "same degrees",
        *(("covers, all training sets, %",) if of_folds else ()),
        *(("named, %",) if of_losses else ()),
    )
    for line in lines:
        below, above = line.misses
        print_row(
            line.world,
            f"{line.n_images:,}",
            line.n,
            *(() if of_losses else ("–" if np.isnan(line.expected) else f"{line.expected:.1f}",)),
            percent(line.coverage),
            percent(below),
            percent(above),
            f"{line.ratio(False):.2f}",
            f"{line.ratio(True):.2f}",
            *((percent(line.other_coverage),) if of_folds else ()),
            *((percent(line.named),) if of_losses else ()),
        )


def print_worlds(name: str, lines: list[Line]) -> None:
    """Print a row per world: the lowest coverage and the largest widths over its sizes."""
    for world in dict.fromkeys(line.world for line in lines):
        own = [line for line in lines if line.world == world]
        # Sizes whose sentence says that the interval can be too short have their own column.
        unnamed = [line for line in own if line.named < 0.5]
        enough = [line for line in unnamed if not line.expected < ENOUGH]
        print_row(
            f"`{name}`",
            world,
            len(own),
            percent(min(line.coverage for line in unnamed)) if unnamed else "–",
            percent(min(line.coverage for line in own if line.named >= 0.5))
            if len(unnamed) < len(own)
            else "–",
            *(f"{max(line.ratio(same) for line in enough):.2f}" if enough else "–" for same in (False, True)),
            f"{max(line.ratio(True) for line in own if line not in enough):.2f}"
            if len(enough) < len(own)
            else "–",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--studies", type=int, default=STUDIES, help="simulated studies per row")
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(REGISTRY)} [all]")
    chosen = parser.parse_args()
    found = {}
    for name in chosen.parts or REGISTRY:
        found[name] = list(REGISTRY[name](np.random.default_rng(20260301), chosen.studies))
        print_lines(name, found[name])
    print("\nBy world: the lowest coverage and the largest widths over its sizes")
    print_header(
        "interval",
        "simulated truth",
        "sizes",
        "covers at least, %",
        "if named, %",
        "width / oracle at most",
        "same degrees",
        f"fewer than {ENOUGH} decide",
    )
    for name, lines in found.items():
        print_worlds(name, lines)


if __name__ == "__main__":
    main()
