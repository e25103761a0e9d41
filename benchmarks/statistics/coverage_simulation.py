"""Simulate the coverage of intervals for nested searches and for errors that all seeds share.

    python -m benchmarks.statistics.coverage_simulation   # 10,000 studies per row
    python -m benchmarks.statistics.coverage_simulation shared --studies 1000

The script prints tables of docs/statistics.md. It calls convstudy's functions once per study.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from benchmarks.statistics.statistics_simulation import (
    Array,
    batches,
    percent,
    print_header,
    print_row,
    run,
)
from convstudy.stats.intervals import wilson
from convstudy.stats.resampled import fold_mean
from convstudy.stats.two_way import accuracy_interval


def nested(random: np.random.Generator, n_studies: int) -> None:
    """The accuracy of the winners of a search over outer folds: nearest centroids, each with its own features.

    "Winners" is the mean true accuracy of the winners of this study, "all winners" that of all studies. With one
    candidate there is no search. "Plain t" assumes independent folds.
    """
    print_header(
        "images",
        "features",
        "candidates",
        "outer folds",
        "covers winners, %",
        "covers all winners, %",
        "plain t covers all winners, %",
        "half-width, pp",
    )
    for (n, n_features), (n_candidates, k) in product(
        ((300, 5), (60, 30)), ((1, 3), (1, 5), (1, 10), (5, 3), (5, 5))
    ):
        rates, half_width = nested_line(random, n_studies, n, n_features, n_candidates, k)
        print_row(n, n_features, n_candidates, k, *map(percent, rates), f"{half_width * 100:.1f}")


def nested_line(
    random: np.random.Generator, n_studies: int, n: int, n_features: int, n_candidates: int, k: int
) -> tuple[list[float], float]:
    """Return the coverage of the three intervals, and the mean half-width of the corrected interval."""
    found = [_nested(random, size, n, n_features, n_candidates, k) for size in batches(n_studies)]
    scores, truth = (np.concatenate(part) for part in zip(*found, strict=True))
    sizes = [n // k] * k
    intervals = [fold_mean(each, sizes, 1 / (k - 1)) for each in scores.tolist()]
    low, high = (np.array([getattr(each, end) for each in intervals]) for end in ("low", "high"))
    mean, half = scores.mean(axis=1), stdtrit(k - 1, 0.975) * scores.std(axis=1, ddof=1) / k**0.5
    low_plain, high_plain = mean - half, mean + half
    everyone = truth.mean()
    rates = [
        float(((low <= truth) & (truth <= high)).mean()),
        float(((low <= everyone) & (everyone <= high)).mean()),
        float(((low_plain <= everyone) & (everyone <= high_plain)).mean()),
    ]
    return rates, float((high - low).mean()) / 2


def _nested(
    random: np.random.Generator, size: int, n: int, n_features: int, n_candidates: int, k: int
) -> tuple[Array, Array]:
    """Return the winners' scores on the outer folds, shape (studies, folds), and their mean true accuracy."""
    labels, folds = np.where(np.arange(n) % 2, 1.0, -1.0), np.arange(n) // 2 % k
    shift = 1.1 / n_features**0.5
    data = random.normal(size=(size, n_candidates, n, n_features)) + shift * labels[:, None]
    scores, truth, every = np.empty((size, k)), np.empty((size, k)), np.arange(size)
    for outer in range(k):
        if n_candidates == 1:
            won = np.zeros(size, dtype=np.int64)
        else:
            inner = [
                _fitted(data, labels, (folds == outer) | (folds == fold), folds == fold, shift)[0]
                for fold in range(k)
                if fold != outer
            ]
            won = np.sum(inner, axis=0).argmax(axis=1)
        score, true = _fitted(data[every, won][:, None], labels, folds == outer, folds == outer, shift)
        scores[:, outer], truth[:, outer] = score[:, 0], true[:, 0]
    return scores, truth.mean(axis=1)


def _fitted(
    data: Array,
    labels: Array,
    unseen: npt.NDArray[np.bool_],
    evaluated: npt.NDArray[np.bool_],
    shift: float,
) -> tuple[Array, Array]:
    """Return the measured and the true accuracies of nearest centroids, both of shape (studies, candidates).

    Args:
        data: shape (studies, candidates, images, features).
        labels: 1 or −1, shape (images,).
        unseen: the images that are excluded from training, shape (images,).
        evaluated: the images for the measured accuracy, shape (images,).
        shift: the mean of each feature is ``shift`` times the label.
    """
    one = data[:, :, ~unseen & (labels > 0)].mean(axis=2)
    other = data[:, :, ~unseen & (labels < 0)].mean(axis=2)
    weights = one - other
    middle = ((one + other) / 2 * weights).sum(axis=2)
    side = np.einsum("scnf,scf->scn", data[:, :, evaluated], weights) - middle[..., None]
    reach, width = weights.sum(axis=2) * shift, np.sqrt((weights**2).sum(axis=2))
    truth = (ndtr((reach - middle) / width) + ndtr((reach + middle) / width)) / 2
    return ((side > 0) == (labels[evaluated] > 0)).mean(axis=2), truth


HARD_IMAGES = (
    (3, 100, 0.01, 0.002),
    (10, 100, 0.01, 0.002),
    (10, 36, 0.01, 0.002),
    (3, 360, 0.005, 0.001),
    (5, 360, 0.005, 0.001),
    (10, 360, 0.005, 0.001),
    (5, 1000, 0.002, 0.002),
    (10, 1000, 0.002, 0.002),
)
"""Seeds, images, the proportion of images on which all seeds err, and of the others on which each seed errs alone."""


def shared(random: np.random.Generator, n_studies: int) -> None:
    """The accuracy of a candidate whose seeds all err on some hard images, and each on others alone."""
    print_header(
        "seeds",
        "images",
        "all seeds miss, %",
        "one seed misses, %",
        "covers, %",
        "claims too much, %",
        "as if S · n images, %",
    )
    for n_seeds, n_images, hard, own in HARD_IMAGES:
        rates = shared_line(random, n_studies, n_seeds, n_images, hard, own)
        print_row(n_seeds, f"{n_images:,}", f"{hard * 100:g}", f"{own * 100:g}", *map(percent, rates))


def shared_line(
    random: np.random.Generator, n_studies: int, n_seeds: int, n_images: int, hard: float, own: float
) -> tuple[float, float, float]:
    """Return three rates: the interval covers the truth, the whole interval is above it, and Wilson's covers it.

    Wilson's interval treats the predictions of all seeds as predictions of different images.
    """
    truth = (1 - hard) * (1 - own)
    found, plain = [], []
    for _ in range(n_studies):
        wrong = (random.random(n_images) < hard) | (random.random((n_seeds, n_images)) < own)
        found.append(accuracy_interval(1.0 - wrong))
        plain.append(wilson(1 - float(wrong.mean()), n_seeds * n_images))
    covers, naive = (
        float(np.mean([each.low <= truth <= each.high for each in side])) for side in (found, plain)
    )
    return covers, float(np.mean([each.low > truth for each in found])), naive


PARTS = {"nested": nested, "shared": shared}

if __name__ == "__main__":
    run(__doc__, PARTS)
