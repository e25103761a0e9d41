"""Simulate the error rates of verdicts on balanced accuracy, log-loss and Brier score.

    python -m benchmarks.statistics.metric_simulation   # 1,000 studies per row, about five minutes
    python -m benchmarks.statistics.metric_simulation --studies 200

The script prints the tables "Other metrics" of docs/statistics.md. The true difference is 0 in every row, so each
"better" and each "worse" is false. For balanced accuracy there are ten classes; the smallest has a hundredth of the
images of the largest. Either both candidates are equal, or the first is better on nine classes by the same amount as it
is worse on the smallest. For log-loss and Brier score, the logits of one candidate are too small and those of the other
too large, so one is slightly better on most images and much worse on a few.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from convstudy.analysis.methods import pseudo_observations
from convstudy.metrics import metric_named
from convstudy.stats.measure import Measure
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import make_verdict

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator], tuple[Array, Array]]
STUDIES = 1000
LARGEST = (500, 2000)
SEEDS = (3, 10)
N_IMAGES = (360, 1000, 5000)
NOISE = 0.3
"""The standard deviation between seeds of the margin of an image."""


def class_sizes(shape: str, largest: int) -> npt.NDArray[np.int64]:
    """Return the number of images of ten classes: geometric down to ``largest / 100``, or one rare class ("step")."""
    if shape == "step":
        return np.array([largest] * 9 + [largest // 100])
    return np.round(largest * 100 ** (-np.arange(10) / 9)).astype(np.int64)


def balanced(sizes: npt.NDArray[np.int64], first: Array, second: Array, n_seeds: int, alike: bool) -> Draw:
    """Return a function that draws the weighted correct predictions of both candidates, each (seeds, images).

    Args:
        sizes: the number of images of each class.
        first: the error rate of the first candidate, by class.
        second: the error rate of the second candidate, by class.
        n_seeds: the number of seeds.
        alike: whether all seeds of a candidate err on the same images.
    """
    labels = np.repeat(np.arange(len(sizes)), sizes)
    weights = len(labels) / (len(sizes) * sizes[labels])

    def draw(random: np.random.Generator) -> tuple[Array, Array]:
        uniform = random.random((2, 1 if alike else n_seeds, len(labels)))
        tables = [(np.repeat(each, n_seeds, axis=0) if alike else each) for each in uniform]
        return (tables[0] >= first[labels]) * weights, (tables[1] >= second[labels]) * weights

    return draw


def values_of(metric: str, scale: float, margins: Array) -> Array:
    """Return the log-loss or Brier score of images with two classes, from the margins of their logits."""
    if metric == "log-loss":
        return np.logaddexp(0, -scale * margins)
    return 2 / (1 + np.exp(np.clip(scale * margins, -50, 50))) ** 2


def sharpened(metric: str, part: float) -> tuple[Array, float, float]:
    """Return the margins of images, and two scales of the logits with equal true values.

    Args:
        metric: "log-loss" or "brier".
        part: the smaller scale as a fraction of the best scale; the larger one is above the best scale.
    """
    random = np.random.default_rng(5)
    margins = 3 + 1.6 * random.standard_t(5, 200_000)
    seen = margins + NOISE * random.normal(size=margins.shape)
    scales = np.geomspace(0.2, 20, 60)
    best = float(scales[int(np.argmin([values_of(metric, scale, seen).mean() for scale in scales]))])
    equal, low, high = values_of(metric, part * best, seen).mean(), best, 100.0
    for _ in range(25):
        middle = (low + high) / 2
        low, high = (middle, high) if values_of(metric, middle, seen).mean() < equal else (low, middle)
    return margins, part * best, low


def scored(metric: str, part: float, n_images: int, n_seeds: int) -> Draw:
    """Return a function that draws the log-losses or Brier scores of both candidates, each (seeds, images)."""
    margins, small, large = sharpened(metric, part)

    def draw(random: np.random.Generator) -> tuple[Array, Array]:
        own = random.choice(margins, n_images)
        seen = own + NOISE * random.normal(size=(2, n_seeds, n_images))
        return values_of(metric, small, seen[0]), values_of(metric, large, seen[1])

    return draw


def line(metric: str, draw: Draw, studies: int, weights: Array | None = None) -> str:
    """Return table cells: coverage and rate of false claims without pseudo-observations and with convstudy's method."""
    random, which = np.random.default_rng(1), metric_named(metric)
    covered: Counter[str] = Counter()
    false: Counter[str] = Counter()
    widths = {"without": 0.0, "with": 0.0}
    for _ in range(studies):
        first, second = draw(random)
        largest = max(float(first.max()), float(second.max()))
        change = None if weights is None else float(weights.max())
        size = pseudo_observations(which, largest, first.shape[1], change)
        for name, difference in (
            ("without", two_way_difference(first, second, pseudo_observations=0.0)),
            ("with", two_way_difference(first, second, pseudo_observations=size, weights=weights)),
        ):
            low, high = difference.low, difference.high
            covered[name] += low is not None and high is not None and low <= 0 <= high
            widths[name] += difference.half_width(0.95)
            kind = make_verdict("a", "b", Measure("test", metric), difference, which.margin).kind
            false[name] += kind in ("better", "worse")
    cells = [
        f"{100 * count[name] / studies:.1f}" for name in ("without", "with") for count in (covered, false)
    ]
    factor = 100 if which.unit == "percent" else 1
    return " | ".join([*cells, f"{factor * widths['with'] / studies:.2{'f' if factor == 100 else 'g'}}"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=STUDIES)
    studies = parser.parse_args().studies
    head = "covers, without, % | false, without, % | covers, % | false, % | half-width"
    print(f"| classes | smallest | seeds | simulated truth | {head} |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    even, better, worse = np.full(10, 0.05), np.r_[np.full(9, 0.01), 0.1], np.r_[np.full(9, 0.02), 0.01]
    for shape in ("long tail", "step"):
        for largest in LARGEST:
            sizes = class_sizes(shape, largest)
            weights = np.repeat(sizes.sum() / (10 * sizes), sizes)
            for n_seeds in SEEDS:
                for truth, first, second, alike in (
                    ("equal", even, even, False),
                    ("equal, seeds err alike", even, even, True),
                    ("opposite on the smallest, seeds err alike", better, worse, True),
                ):
                    draw = balanced(sizes, first, second, n_seeds, alike)
                    found = line("balanced-accuracy", draw, studies, weights)
                    print(f"| {shape} | {sizes.min()} | {n_seeds} | {truth} | {found} |", flush=True)
    print(f"\n| metric | images | seeds | scale of the logits / best | {head} |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for metric in ("log-loss", "brier"):
        for n_images in N_IMAGES:
            for n_seeds in SEEDS:
                for part in (0.5, 0.8):
                    found = line(metric, scored(metric, part, n_images, n_seeds), studies)
                    print(f"| {metric} | {n_images:,} | {n_seeds} | {part} | {found} |", flush=True)


if __name__ == "__main__":
    main()
