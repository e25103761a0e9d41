"""Simulate searches: the corrected score of a winner, and the best score by the number of trials.

    python -m benchmarks.statistics.search_scores   # 10,000 searches per row; a fifth of it for "winner"
    python -m benchmarks.statistics.search_scores winner --studies 2500

The script prints tables of docs/statistics.md. Intervals are those of the package; draws are computed for many searches
at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from benchmarks.statistics.statistics_simulation import percent, print_header, print_row, run
from convstudy.stats.expected_best import best_of, median_bounds
from convstudy.stats.intervals import Interval, wilson
from convstudy.stats.selected_score import corrected_interval

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FOLDS = 5
FEATURES = 5
DRAWS = 300
PART = 50
"""Searches that are simulated at once."""


@dataclass(frozen=True)
class Candidates:
    """Nearest-centroid classifiers of two classes, each on its own features.

    Attributes:
        distance: the distance between the classes in standard deviations; 2.2 gives an accuracy of 86 %.
        n: the number of candidates.
        spread: the share of the distance that the last candidate loses.
    """

    distance: float
    n: int
    spread: float = 0.0


WORLDS = tuple(
    (n_images, Candidates(distance, n, spread))
    for distance in (2.2, 4.6)
    for n_images, n, spread in (
        (100, 5, 0.0),
        (300, 2, 0.0),
        (300, 20, 0.0),
        (300, 5, 0.3),
        (300, 20, 0.3),
        (1000, 5, 0.0),
        (1000, 20, 0.3),
    )
)


def search(random: np.random.Generator, size: int, n: int, world: Candidates) -> tuple[Bools, Array]:
    """Return correctness on held-out images, shape (size, candidates, images), and true accuracies."""
    labels, folds = np.where(np.arange(n) % 2, 1.0, -1.0), np.arange(n) // 2 % FOLDS
    lost = 1 - world.spread * np.arange(world.n) / max(1, world.n - 1)
    shift = world.distance / 2 / FEATURES**0.5 * lost
    data = random.standard_normal((size, world.n, n, FEATURES), dtype=np.float32)
    data += (shift[:, None, None] * labels[None, :, None]).astype(np.float32)
    right, truth = np.empty((size, world.n, n), dtype=bool), np.zeros((size, world.n))
    for fold in range(FOLDS):
        out = folds == fold
        one = data[:, :, ~out & (labels > 0)].mean(axis=2)
        other = data[:, :, ~out & (labels < 0)].mean(axis=2)
        weights = one - other
        middle = ((one + other) / 2 * weights).sum(axis=2)
        side = np.einsum("scnf,scf->scn", data[:, :, out], weights) - middle[..., None]
        right[:, :, out] = (side > 0) == (labels[out] > 0)
        reach, width = weights.sum(axis=2) * shift, np.sqrt((weights**2).sum(axis=2))
        truth += (ndtr((reach - middle) / width) + ndtr((reach + middle) / width)) / 2 / FOLDS
    return right, truth


def intervals(right: Bools, times: npt.NDArray[np.float32]) -> tuple[int, Interval, Interval, Interval]:
    """Return the winner, and intervals of its score: plain percentiles, Wilson's without correction, the package's.

    Args:
        right: correctness, shape (candidates, images).
        times: how often each image is drawn, shape (draws, images).
    """
    table = right.T.astype(np.float32)
    n, scores = right.shape[1], right.mean(axis=1)
    best, every = int(scores.argmax()), np.arange(len(times))
    chosen = (times @ table).argmax(axis=1)
    left = (times == 0).astype(np.float32)
    outside = ((left @ table) / left.sum(axis=1, keepdims=True)).astype(np.float64)
    of_selected = outside[every, chosen]
    bias = float((outside[:, best] - of_selected).mean())
    low, high = np.percentile(of_selected, [2.5, 97.5])
    return (
        best,
        Interval(float(of_selected.mean()), float(low), float(high)),
        wilson(float(scores[best]), n),
        corrected_interval(float(scores[best]), bias, of_selected, float(left.mean()), n),
    )


def winner_rates(
    random: np.random.Generator, n_images: int, world: Candidates, n_studies: int
) -> tuple[list[float], list[float], float]:
    """Return coverages and mean widths of the three intervals, and the oracle's width.

    The oracle's width is that of an interval with the true standard deviation of the corrected score.
    """
    times = random.multinomial(n_images, np.full(n_images, 1 / n_images), DRAWS).astype(np.float32)
    covers, widths, errors = [], [], []
    for start in range(0, n_studies, PART):
        made = search(random, min(PART, n_studies - start), n_images, world)
        for right, truth in zip(*made, strict=True):
            best, *found = intervals(right, times)
            covers.append([each.low <= truth[best] <= each.high for each in found])
            widths.append([each.high - each.low for each in found])
            errors.append(found[2].estimate - truth[best])
    rates: list[float] = np.mean(covers, axis=0).tolist()
    mean: list[float] = np.mean(widths, axis=0).tolist()
    return rates, mean, 2 * 1.96 * float(np.std(errors))


def winner(random: np.random.Generator, n_studies: int) -> None:
    """Coverage and width of intervals of the winner's true score, trained as it was in the search."""
    print_header(
        "candidates",
        "number",
        "images",
        "accuracy of the best, %",
        "uncorrected: covers, %",
        "percentiles: covers, %",
        "width, pp",
        "corrected: covers, %",
        "width, pp",
        "oracle's width, pp",
    )
    for n_images, world in WORLDS:
        rates, widths, oracle = winner_rates(random, n_images, world, n_studies // 5)
        kind = "different" if world.spread else "equal"
        accuracy = percent(float(ndtr(world.distance / 2)))
        plain, uncorrected, corrected = map(percent, rates)
        cells = (uncorrected, plain, f"{widths[0] * 100:.1f}", corrected, f"{widths[2] * 100:.1f}")
        print_row(kind, world.n, f"{n_images:,}", accuracy, *cells, f"{oracle * 100:.1f}")


SCORE_KINDS = ("normal", "skewed", "many at chance")


def draw_scores(random: np.random.Generator, kind: str, shape: tuple[int, ...]) -> Array:
    """Return scores of random candidates: normal, with a long tail of bad ones, or with a third at chance."""
    if kind == "normal":
        return 0.9 + 0.02 * random.standard_normal(shape)
    if kind == "skewed":
        return 0.95 - 0.03 * random.standard_exponential(shape)
    return np.where(random.random(shape) < 1 / 3, 0.1, 0.9 + 0.02 * random.standard_normal(shape))


def trials_rates(
    random: np.random.Generator, kind: str, n_all: int, n: int, n_studies: int
) -> tuple[float, float, float, float]:
    """Return the bias of the expected best without and with replacement, and two coverages.

    The coverages are those of the range over orders, for the best of n of the same trials in a random order, and of the
    interval of the median best of n of a new search.
    """
    many = draw_scores(random, kind, (200_000, n)).max(axis=1)
    expected, median = float(many.mean()), float(np.median(many))
    ours, dodge, order, new = [], [], [], []
    weights = (np.arange(1, n_all + 1) / n_all) ** n - (np.arange(n_all) / n_all) ** n
    for scores in draw_scores(random, kind, (n_studies, n_all)):
        found = best_of(scores.tolist(), n)
        low, high = median_bounds(scores.tolist(), n, (0.0, 1.0))
        ours.append(found.expected)
        dodge.append(float(weights @ np.sort(scores)))
        order.append(found.worst <= random.permutation(scores)[:n].max() <= found.best)
        new.append(low - 1e-4 <= median <= high + 1e-4)
    return (
        float(np.mean(ours)) - expected,
        float(np.mean(dodge)) - expected,
        float(np.mean(order)),
        float(np.mean(new)),
    )


def trials(random: np.random.Generator, n_studies: int) -> None:
    """Bias of the expected best of n of N trials; coverage of its range over orders and of the median's interval."""
    print_header(
        "scores",
        "trials N",
        "n",
        "bias, pp",
        "with replacement: bias, pp",
        "range over orders covers, %",
        "median of new searches: covers, %",
    )
    for kind in SCORE_KINDS:
        for n_all, n in ((10, 2), (10, 5), (27, 3), (27, 10), (27, 27), (100, 10), (100, 50)):
            ours, dodge, order, new = trials_rates(random, kind, n_all, n, n_studies)
            print_row(
                kind, n_all, n, f"{ours * 100:+.2f}", f"{dodge * 100:+.2f}", percent(order), percent(new)
            )


if __name__ == "__main__":
    run(__doc__ or "", {"winner": winner, "trials": trials})
