"""Simulate verdicts on a rare class: balanced accuracy, log-loss and Brier score.

    python -m benchmarks.statistics.rare_class_simulation   # 2,000 studies per row, about four minutes

The script prints the tables "A rare class" of docs/statistics.md. The test set has five classes; about 20 images belong
to the rarest one. For balanced accuracy, the candidates have the same error rate on the other classes. For log-loss and
Brier score both candidates are equal, and much worse on the rare class than on the others.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.statistics.metric_simulation import values_of
from benchmarks.statistics.set_metric_simulation import World, draw, is_false
from convstudy.analysis.methods import pseudo_observations
from convstudy.metrics import metric_named
from convstudy.stats.differences import Difference
from convstudy.stats.measure import Measure
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import make_verdict

Array = npt.NDArray[np.float64]
STUDIES = 2000
SEEDS = (2, 3, 5)
SIZES = (8000, 6000, 4000, 1980, 20)
WORLDS = (
    World("recall of the class 0.9 and 0.3", SIZES, (0.002, 0.002), (0.1, 0.7)),
    World("recall of the class 0.6 and 0.6", SIZES, (0.002, 0.002), (0.4, 0.4)),
)
LOSS_SIZES = (800, 600, 400, 180, 20)
MARGINS, NOISE = (4.0, 0.5), 0.5
"""The mean margin of the logits of images of common classes and of the rare class; the noise of one prediction."""


def _kind(difference: Difference, metric: str) -> str:
    return make_verdict("a", "b", Measure("test", metric), difference, metric_named(metric).margin).kind


def balanced_line(
    random: np.random.Generator, world: World, n_seeds: int, studies: int
) -> tuple[Counter[str], float]:
    """Return how many studies cover the truth and what they claim, and the mean half-width."""
    balanced, found, width = metric_named("balanced-accuracy"), Counter[str](), 0.0
    true = float((world.rates(1) - world.rates(0)).mean())
    for _ in range(studies):
        labels, predicted = draw(random, world, n_seeds)
        right = (predicted == labels).astype(np.float64)
        weights = balanced.weights(labels)
        change = balanced.largest_change(labels, len(world.sizes))
        difference = two_way_difference(*(right * weights), pseudo_observations=change, weights=weights)
        low, high = difference.low, difference.high
        assert low is not None and high is not None
        found["covers"] += low <= true <= high
        found["false"] += is_false(low, high, true, balanced.margin)
        found[_kind(difference, "balanced-accuracy")] += 1
        found["accuracy: equivalent"] += _kind(two_way_difference(*right), "accuracy") == "equivalent"
        width += (high - low) / 2
    return found, width / studies


def loss_line(
    random: np.random.Generator, metric: str, n_seeds: int, studies: int
) -> tuple[Counter[str], float]:
    """Return how many studies cover the true difference of 0 and claim a difference, and the mean half-width."""
    which, found, width = metric_named(metric), Counter[str](), 0.0
    n = sum(LOSS_SIZES)
    for _ in range(studies):
        is_rare = random.random(n) < LOSS_SIZES[-1] / n
        own = np.where(is_rare, MARGINS[1], MARGINS[0]) + 1.2 * random.standard_t(5, n)
        of_candidates = own + NOISE * random.standard_normal((2, 1, n))
        margins = of_candidates + NOISE * random.standard_normal((2, n_seeds, n))
        first, second = values_of(metric, 1.0, margins)
        size = pseudo_observations(which, max(float(first.max()), float(second.max())), n)
        difference = two_way_difference(first, second, pseudo_observations=size)
        low, high = difference.low, difference.high
        assert low is not None and high is not None
        found["covers"] += low <= 0 <= high
        found["false"] += is_false(low, high, 0.0, which.margin)
        width += (high - low) / 2
    return found, width / studies


def rows(studies: int) -> Iterator[str]:
    """Yield the rows of both tables."""
    yield (
        "| simulated truth | seeds | covers, % | false, % | better, % | half-width, pp | accuracy: equivalent, % |\n"
        f"| --- |{' ---: |' * 6}"
    )
    for number, world in enumerate(WORLDS):
        for n_seeds in SEEDS:
            found, width = balanced_line(np.random.default_rng([number, n_seeds]), world, n_seeds, studies)
            cells = [100 * found[key] / studies for key in ("covers", "false", "better")]
            cells += [100 * width, 100 * found["accuracy: equivalent"] / studies]
            yield f"| {world.name} | {n_seeds} | {' | '.join(f'{cell:.1f}' for cell in cells)} |"
    yield f"\n| metric | seeds | covers, % | false, % | half-width |\n| --- |{' ---: |' * 4}"
    for metric in ("log-loss", "brier"):
        for n_seeds in SEEDS:
            found, width = loss_line(np.random.default_rng(n_seeds), metric, n_seeds, studies)
            covers, false = (100 * found[key] / studies for key in ("covers", "false"))
            yield f"| {metric} | {n_seeds} | {covers:.1f} | {false:.1f} | {width:.2g} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=STUDIES)
    for row in rows(parser.parse_args().studies):
        print(row, flush=True)


if __name__ == "__main__":
    main()
