"""How often verdicts on other metrics than the accuracy are wrong: the tables "Other metrics" of docs/statistics.md.

    python -m benchmarks.statistics.metric_simulation   # 1,000 studies a line, about five minutes
    python -m benchmarks.statistics.metric_simulation --studies 200

The true difference is 0 in every line, so that each "better" and each "worse" is false. Balanced accuracy: ten classes,
the rarest of which has a hundredth of the images of the largest; either both candidates are alike, or the first is
better on nine classes by as much as it is worse on the rarest. Log-loss and Brier score: the logits of one candidate
are too small, those of the other too large, so that one is a little better on most images and much worse on few.
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
from convstudy.stats.verdicts import judge

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator], tuple[Array, Array]]
STUDIES = 1000
LARGEST = (500, 2000)
SEEDS = (3, 10)
N_IMAGES = (360, 1000, 5000)
NOISE = 0.3
"""The standard deviation of what a seed adds to the margin of an image."""


def class_sizes(shape: str, largest: int) -> npt.NDArray[np.int64]:
    """Return the images of ten classes, from 1 to a hundredth: in equal ratios, or one rare class (``"step"``)."""
    if shape == "step":
        return np.array([largest] * 9 + [largest // 100])
    return np.round(largest * 100 ** (-np.arange(10) / 9)).astype(np.int64)


def balanced(sizes: npt.NDArray[np.int64], first: Array, second: Array, n_seeds: int, alike: bool) -> Draw:
    """Return what draws both tables of weighted right answers, from the error rates of each class.

    Args:
        sizes: the number of images of each class.
        first, second: error rates, one a class.
        n_seeds: the number of seeds.
        alike: whether all seeds of a candidate are wrong on the same images.
    """
    labels = np.repeat(np.arange(len(sizes)), sizes)
    weights = len(labels) / (len(sizes) * sizes[labels])

    def draw(random: np.random.Generator) -> tuple[Array, Array]:
        luck = random.random((2, 1 if alike else n_seeds, len(labels)))
        tables = [(np.repeat(each, n_seeds, axis=0) if alike else each) for each in luck]
        return (tables[0] >= first[labels]) * weights, (tables[1] >= second[labels]) * weights

    return draw


def values_of(metric: str, scale: float, margins: Array) -> Array:
    """Return the log-loss or Brier score of two-class images, from the margins of their logits."""
    if metric == "log-loss":
        return np.logaddexp(0, -scale * margins)
    return 2 / (1 + np.exp(np.clip(scale * margins, -50, 50))) ** 2


def sharpened(metric: str, part: float) -> tuple[Array, float, float]:
    """Return margins of images, and a scale below and one above the best at which the true values are equal."""
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
    """Return what draws both tables of log-losses or Brier scores."""
    margins, small, large = sharpened(metric, part)

    def draw(random: np.random.Generator) -> tuple[Array, Array]:
        own = random.choice(margins, n_images)
        seen = own + NOISE * random.normal(size=(2, n_seeds, n_images))
        return values_of(metric, small, seen[0]), values_of(metric, large, seen[1])

    return draw


def line(metric: str, draw: Draw, studies: int, weights: Array | None = None) -> str:
    """Return coverage and false claims, without pseudo-observations and as convstudy judges, as cells of a table."""
    random, which = np.random.default_rng(1), metric_named(metric)
    covered: Counter[str] = Counter()
    false: Counter[str] = Counter()
    widths: Counter[str] = Counter()
    for _ in range(studies):
        first, second = draw(random)
        largest = max(float(first.max()), float(second.max()))
        heaviest = 1.0 if weights is None else float(weights.max())
        size = pseudo_observations(which, largest, first.shape[1], heaviest)
        for name, difference in (
            ("without", two_way_difference(first, second, pseudo_observations=0.0)),
            ("with", two_way_difference(first, second, pseudo_observations=size, weights=weights)),
        ):
            low, high = difference.low, difference.high
            covered[name] += low is not None and high is not None and low <= 0 <= high
            widths[name] += difference.half_width(0.95)
            kind = judge("a", "b", Measure("test", metric), difference, which.margin).kind
            false[name] += kind in ("better", "worse")
    cells = [
        f"{100 * count[name] / studies:.1f}" for name in ("without", "with") for count in (covered, false)
    ]
    factor = 100 if which.unit == "percent" else 1
    return " | ".join([*cells, f"{factor * widths['with'] / studies:.2{'f' if factor == 100 else 'g'}}"])


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=STUDIES)
    studies = parser.parse_args().studies
    head = "covers, without, % | false, without, % | covers, % | false, % | half-width"
    print(f"| classes | rarest | seeds | true of the candidates | {head} |")
    print("| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    even, better, worse = np.full(10, 0.05), np.r_[np.full(9, 0.01), 0.1], np.r_[np.full(9, 0.02), 0.01]
    for shape in ("long tail", "step"):
        for largest in LARGEST:
            sizes = class_sizes(shape, largest)
            weights = np.repeat(sizes.sum() / (10 * sizes), sizes)
            for n_seeds in SEEDS:
                for words, first, second, alike in (
                    ("alike", even, even, False),
                    ("alike, seeds err alike", even, even, True),
                    ("opposite on the rarest, seeds err alike", better, worse, True),
                ):
                    draw = balanced(sizes, first, second, n_seeds, alike)
                    found = line("balanced-accuracy", draw, studies, weights)
                    print(f"| {shape} | {sizes.min()} | {n_seeds} | {words} | {found} |", flush=True)
    print(f"\n| metric | images | seeds | scale of the logits, of the best | {head} |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for metric in ("log-loss", "brier"):
        for n_images in N_IMAGES:
            for n_seeds in SEEDS:
                for part in (0.5, 0.8):
                    found = line(metric, scored(metric, part, n_images, n_seeds), studies)
                    print(f"| {metric} | {n_images:,} | {n_seeds} | {part} | {found} |", flush=True)


if __name__ == "__main__":
    main()
