"""Simulate intervals of metrics per set: macro-F1, kappa, MCC and ROC AUC.

    python -m benchmarks.statistics.set_metric_simulation            # 2,000 studies per row, about five minutes
    python -m benchmarks.statistics.set_metric_simulation bootstrap  # with a two-way bootstrap, about two minutes

The script prints the tables "Metrics per set" of docs/statistics.md. Each study has two candidates with S seeds, all
evaluated on the same n images. The true difference is that of the metric's values on infinitely many images, as a mean
over seeds. Compared methods: the crossed method on jackknife pseudo-values, with and without pseudo-observations, and
the percentiles of a two-way bootstrap, which draws seeds and images with replacement (Owen 2007).

Errors come from a latent normal variable of each prediction, the sum of a part of the image, one of the image for this
candidate, and one of this prediction. A wrong image has the scores of another class; this class is the same for all
models. Each seed multiplies the error rates by a factor.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from convstudy.metrics import Metric, metric_named
from convstudy.stats.differences import Difference
from convstudy.stats.intervals import Interval
from convstudy.stats.measure import Measure
from convstudy.stats.two_way import set_interval, two_way_difference
from convstudy.stats.verdicts import make_verdict

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
STUDIES, RESAMPLES = 2000, 200
SEEDS = (2, 3, 5)
METRICS = ("macro-f1", "kappa", "mcc", "roc-auc")
BY_IMAGE, BY_CANDIDATE = 0.5, 0.3
"""The fractions of the latent variance that belong to the image, and to the image for one candidate."""
GAP = 3.0
"""The mean score of an image for its predicted class; that of other classes is 0. All have a variance of 1."""
N_FACTORS = 400


@dataclass(frozen=True)
class World:
    """The truth about two candidates.

    Attributes:
        name: the name in the tables.
        sizes: the expected number of test images of each class.
        errors: the error rate of each candidate.
        rare: the error rates on the last class; ``None`` for those of the other classes.
        seed: the standard deviation of a seed's factor of the error rates.
        alike: whether all seeds of a candidate err on the same images.
    """

    name: str
    sizes: tuple[int, ...]
    errors: tuple[float, float]
    rare: tuple[float, float] | None = None
    seed: float = 0.2
    alike: bool = False

    @property
    def n_images(self) -> int:
        return sum(self.sizes)

    def rates(self, candidate: int) -> Array:
        """Return the error rate of each class."""
        found = np.full(len(self.sizes), self.errors[candidate])
        if self.rare is not None:
            found[-1] = self.rare[candidate]
        return found


EVEN, RARE = (120, 121, 120), (400, 337, 253, 10)
WORLDS = (
    World("equal", EVEN, (0.1, 0.1)),
    World("equal, seeds err alike", EVEN, (0.1, 0.1), seed=0.0, alike=True),
    World("different", EVEN, (0.05, 0.12)),
    World("equal, a class of 10", RARE, (0.05, 0.05)),
    World("opposite on a class of 10, seeds err alike", RARE, (0.01, 0.02), (0.1, 0.02), 0.0, alike=True),
    World("equal, two classes, 5 %", (949, 51), (0.03, 0.03)),
    World("equal, near the ceiling", (334, 333, 333), (0.002, 0.002)),
    World("equal, near the ceiling, seeds err alike", (334, 333, 333), (0.003, 0.003), seed=0.0, alike=True),
)
BOOTSTRAPPED = (WORLDS[0], WORLDS[1], WORLDS[7])


def factors(random: np.random.Generator, world: World, shape: tuple[int, ...]) -> Array:
    """Return the factor of each seed; uniform with mean 1."""
    reach = world.seed * 3**0.5
    found: Array = 1 + reach * (2 * random.random(shape) - 1)
    return found


def latent(random: np.random.Generator, world: World, shape: tuple[int, ...], n_seeds: int) -> Array:
    """Return standard normal variables, shape (2, seeds, *shape), that share a part by image and by candidate."""
    image = random.standard_normal(shape) * BY_IMAGE**0.5
    candidate = random.standard_normal((2, 1, *shape)) * BY_CANDIDATE**0.5
    own = random.standard_normal((2, 1 if world.alike else n_seeds, *shape))
    return np.broadcast_to(
        image + candidate + own * (1 - BY_IMAGE - BY_CANDIDATE) ** 0.5, (2, n_seeds, *shape)
    )


def draw(random: np.random.Generator, world: World, n_seeds: int) -> tuple[Labels, Labels]:
    """Return labels (n,) with every class at least once, and predicted classes (2, seeds, n)."""
    n, n_classes = world.n_images, len(world.sizes)
    labels = random.choice(n_classes, n, p=np.array(world.sizes) / n)
    labels[:n_classes] = np.arange(
        n_classes
    )  # studies without an image of a class are rejected before training
    rates = np.array([world.rates(candidate) for candidate in range(2)])
    by_seed = rates[:, None, :] * factors(random, world, (2, n_seeds))[..., None]
    wrong = latent(random, world, (n,), n_seeds) < ndtri(by_seed[..., labels])
    other = (labels + random.integers(1, n_classes, n)) % n_classes
    return labels, np.where(wrong, other, labels)


def probabilities_of(random: np.random.Generator, metric: str, world: World, predicted: Labels) -> Array:
    """Return the scores of each class, shape (2, seeds, n, classes); ROC AUC depends on their order only."""
    n_classes = len(world.sizes)
    found: Array = np.eye(n_classes)[predicted]
    if metric == "roc-auc":
        found = GAP * found + latent(random, world, (predicted.shape[-1], n_classes), predicted.shape[1])
    return found


def area(rates: Array, proportions: Array) -> float:
    """Return the true mean area over classes: an image of another class may have the scores of this class."""
    found, ordered = [], float(ndtr(GAP / 2**0.5))
    for own, rate in enumerate(rates):
        others = np.delete(proportions, own)
        missed = float(others @ np.delete(rates, own) / others.sum()) / (len(rates) - 1)
        found.append(
            (1 - rate) * ((1 - missed) * ordered + missed / 2)
            + rate * ((1 - missed) / 2 + missed * (1 - ordered))
        )
    return float(np.mean(found))


def truths(metric: str, world: World) -> tuple[float, float]:
    """Return each candidate's metric on infinitely many images, as a mean over the factors of seeds."""
    reach = world.seed * 3**0.5
    steps = 1 + reach * (2 * (np.arange(N_FACTORS) + 0.5) / N_FACTORS - 1)
    proportions, n_classes, values = np.array(world.sizes) / world.n_images, len(world.sizes), []
    for candidate in range(2):
        of_factors = []
        for step in steps if world.seed else [1.0]:
            rates = world.rates(candidate) * step
            errors = np.outer(proportions * rates, np.full(n_classes, 1 / (n_classes - 1)))
            np.fill_diagonal(errors, proportions * (1 - rates))
            of_factors.append(area(rates, proportions) if metric == "roc-auc" else VALUE_OF[metric](errors))
        values.append(np.mean(of_factors))
    return float(values[0]), float(values[1])


def _f1(table: Array) -> Array:
    both = table.sum(axis=-1) + table.sum(axis=-2)
    return np.divide(2 * np.einsum("...ii->...i", table), both, out=np.zeros_like(both), where=both > 0)


def _macro_f1(table: Array) -> Array:
    found: Array = _f1(table).mean(axis=-1)
    return found


def _kappa(table: Array) -> Array:
    n = table.sum(axis=(-1, -2))
    chance = (table.sum(axis=-1) * table.sum(axis=-2)).sum(axis=-1) / n**2
    found: Array = (np.einsum("...ii->...", table) / n - chance) / np.maximum(1 - chance, 1e-12)
    return found


def _mcc(table: Array) -> Array:
    true, predicted, n = table.sum(axis=-1), table.sum(axis=-2), table.sum(axis=(-1, -2))
    covariance = np.einsum("...ii->...", table) * n - (true * predicted).sum(axis=-1)
    spread = (n**2 - (true**2).sum(axis=-1)) * (n**2 - (predicted**2).sum(axis=-1))
    found: Array = covariance / np.sqrt(np.maximum(spread, 1e-12))
    return found


VALUE_OF = {"macro-f1": _macro_f1, "kappa": _kappa, "mcc": _mcc}
"""The metrics of many confusion matrices at once, shape (..., classes, classes)."""


def tables(metric: Metric, labels: Labels, probabilities: Array) -> Array:
    """Return the pseudo-values of both candidates, shape (2, seeds, n)."""
    n_seeds = probabilities.shape[1]
    models = probabilities.reshape(2 * n_seeds, *probabilities.shape[2:])
    found = np.array([metric.contributions(labels, each) for each in models])
    return found.reshape(2, n_seeds, -1)


def jackknife(
    metric: Metric, labels: Labels, probabilities: Array
) -> tuple[Difference, Difference, Interval]:
    """Return the difference of a study without and with pseudo-observations, and the first candidate's interval."""
    first, second = tables(metric, labels, probabilities)
    size = metric.largest_change(labels, probabilities.shape[-1])
    plain = two_way_difference(first, second, pseudo_observations=0.0)
    found = two_way_difference(first, second, pseudo_observations=size)
    found = replace(found, n_images=int(len(labels) / size), limit=metric.high - metric.low)
    return plain, found, set_interval(first, metric.low, metric.high, size)


def bootstrap(
    random: np.random.Generator, metric: str, labels: Labels, predicted: Labels, n_classes: int
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a two-way bootstrap, for a metric of the confusion matrix."""
    n_seeds, n = predicted.shape[1:]
    wide = np.eye(n_classes**2, dtype=np.float32)[labels * n_classes + predicted]
    picks = random.integers(0, n, (RESAMPLES, n)) + n * np.arange(RESAMPLES)[:, None]
    weights = np.bincount(picks.ravel(), minlength=RESAMPLES * n).reshape(RESAMPLES, n).astype(np.float32)
    counts = weights @ wide.transpose(2, 0, 1, 3).reshape(n, -1)
    shape = (RESAMPLES, 2, n_seeds, n_classes, n_classes)
    values = VALUE_OF[metric](counts.reshape(shape).astype(np.float64))
    seeds = random.integers(0, n_seeds, (RESAMPLES, n_seeds))
    means = np.take_along_axis(values[:, 0] - values[:, 1], seeds, axis=1).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


@dataclass
class Line:
    """What a line of the table counts: coverage, false claims, and half-widths."""

    covered: float = 0.0
    false: float = 0.0
    width: float = 0.0

    def add(self, low: float, high: float, true: float, is_false: bool) -> None:
        self.covered += low <= true <= high
        self.false += is_false
        self.width += (high - low) / 2


def is_false(low: float, high: float, true: float, margin: float) -> bool:
    """Return whether an interval claims "better" or "worse" by more than the margin, and this is not true."""
    return (low > margin and true <= margin) or (high < -margin and true >= -margin)


def line(
    random: np.random.Generator,
    names: tuple[str, ...],
    world: World,
    n_seeds: int,
    studies: int,
    with_bootstrap: bool = False,
) -> dict[str, dict[str, Line]]:
    """Return coverage, false claims and mean half-widths: metric -> method -> line, as fractions of the studies."""
    methods = ("without", "with", "candidate", *(("bootstrap",) if with_bootstrap else ()))
    found = {name: {method: Line() for method in methods} for name in names}
    values = {name: truths(name, world) for name in names}
    true = {name: first - second for name, (first, second) in values.items()}
    for _ in range(studies):
        labels, predicted = draw(random, world, n_seeds)
        for name in names:
            metric = metric_named(name)
            probabilities = probabilities_of(random, name, world, predicted)
            plain, corrected, interval = jackknife(metric, labels, probabilities)
            found[name]["candidate"].add(interval.low, interval.high, values[name][0], False)
            for method, difference in (("without", plain), ("with", corrected)):
                low, high = difference.low, difference.high
                # Without any variation there is no interval and no claim.
                low, high = (0.0, 0.0) if low is None or high is None else (low, high)
                kind = make_verdict("a", "b", Measure("test", name), difference, metric.margin).kind
                false = kind == "equivalent" and abs(true[name]) > metric.margin
                false = false or is_false(low, high, true[name], metric.margin)
                found[name][method].add(low, high, true[name], false)
            if with_bootstrap:
                low, high = bootstrap(random, name, labels, predicted, len(world.sizes))
                false = is_false(low, high, true[name], metric.margin)
                found[name]["bootstrap"].add(low, high, true[name], false)
    for each in (each for of_name in found.values() for each in of_name.values()):
        each.covered, each.false, each.width = (
            each.covered / studies,
            each.false / studies,
            each.width / studies,
        )
    return found


def rows(studies: int, with_bootstrap: bool) -> Iterator[str]:
    """Yield the rows of the table."""
    names = METRICS[:2] if with_bootstrap else METRICS
    methods = ("with", "bootstrap") if with_bootstrap else ("without", "with")
    for number, world in enumerate(BOOTSTRAPPED if with_bootstrap else WORLDS):
        for n_seeds in SEEDS:
            random = np.random.default_rng([number, n_seeds])
            found = line(random, names, world, n_seeds, studies, with_bootstrap)
            for name in names:
                percent = metric_named(name).unit == "percent"
                cells = []
                for method in methods:
                    each = found[name][method]
                    width = each.width * (100 if percent else 1)
                    cells += [f"{100 * each.covered:.1f}", f"{100 * each.false:.1f}"]
                    cells.append(f"{width:.{2 if percent else 4}f}")
                if not with_bootstrap:
                    cells.append(f"{100 * found[name]['candidate'].covered:.1f}")
                yield f"| {world.name} | {n_seeds} | {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("method", nargs="?", choices=("jackknife", "bootstrap"), default="jackknife")
    parser.add_argument("--studies", type=int, default=STUDIES)
    chosen = parser.parse_args()
    with_bootstrap = chosen.method == "bootstrap"
    cells = ["covers{}, %", "false{}, %", "half-width{}"]
    ends = ("", ", bootstrap") if with_bootstrap else (", without", "")
    names = [cell.format(end) for end in ends for cell in cells]
    names += [] if with_bootstrap else ["one candidate covers, %"]
    print(f"| simulated truth | seeds | metric | {' | '.join(names)} |")
    print(f"| --- | ---: | --- |{' ---: |' * len(names)}")
    for row in rows(chosen.studies, with_bootstrap):
        print(row, flush=True)


if __name__ == "__main__":
    main()
