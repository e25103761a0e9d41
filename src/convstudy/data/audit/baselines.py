"""Baselines that cost nothing: the majority class, a linear model on pixels, nearest neighbours on pixels.

A network that is not better than these has learned nothing that a few lines of scikit-learn do not find in seconds. The
baselines have no seed and no settings to choose, so they need no validation images. Limits keep them cheap: pixels are
averaged over blocks, and large training sets are sampled. Each record says how many images a baseline was fitted to.

The reduced pixels are integers, and the distances of the nearest neighbours are exact: they are the same everywhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convstudy.data.images import CHUNK_BYTES, Images
from convstudy.data.split import Fold, Split
from convstudy.data.splits import split_indices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Features = npt.NDArray[np.float32]
    Labels = npt.NDArray[np.int64]
    Predict = Callable[[Features], Labels]
    Fit = Callable[[Features, Labels], Predict]

BASELINES = ("majority class", "linear model", "nearest neighbours")
"""The names of the baselines, in the order of all records."""

MAX_VALUES = 256
"""The number of values per image after reduction: 14 × 14 for an image of 28 × 28, 8 × 8 × 3 for one of 32 × 32 × 3."""
MAX_LINEAR = 100_000
"""The number of training images of the linear model; larger training sets are sampled."""
MAX_DISTANCES = 600_000_000
"""The number of distances between images: 60,000 training images for MNIST's 10,000 test images. Together for all folds
of a search, so that a search takes no longer than the test set."""
N_NEIGHBOURS = 5
RIDGE = 1.0
"""The penalty of the linear model, for pixels in [0, 1]."""


@dataclass(frozen=True, eq=False)
class BaselinePredictions:
    """The predictions of the baselines for the evaluated images of a split.

    Attributes:
        images: int64 row numbers of the n images, in the test set for a holdout, in the training set for a fold.
        labels: int64, shape (n,).
        predicted: int64, shape (3, n), in the order of :data:`BASELINES`.
        n_train: the number of training images of each baseline.
        seconds: the time that each baseline took to fit and to predict.
    """

    images: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    n_train: tuple[int, ...]
    seconds: tuple[float, ...]


def baseline_key(split: Split) -> str:
    """Return a key of the images that baselines of a split use, for the name of a file.

    >>> from convstudy.data import Fold, Holdout
    >>> baseline_key(Holdout(0.2, seed=3)), baseline_key(Fold(0, 5, seed=0, subset=100))
    ('test', 'fold-1-of-5-seed-0-subset-100')
    """
    subset = "" if split.subset is None else f"-subset-{split.subset}"
    if not isinstance(split, Fold):
        return f"test{subset}"
    within = "" if split.within is None else f"-within-{split.within.index + 1}-of-{split.within.of}"
    return f"fold-{split.index + 1}-of-{split.of}-seed-{split.seed}{subset}{within}"


def baseline_predictions(train: Images, test: Images, split: Split) -> BaselinePredictions:
    """Fit the baselines, and predict the images that the networks of a split are scored on.

    Args:
        train: the training set.
        test: the test set; a fold does not use it.
        split: a fold, whose baselines are fitted to its training images and predict its validation images; or a
            holdout, whose baselines are fitted to all its images, of training and validation, and predict the test set.
    """
    import numpy as np

    if not isinstance(split, Fold):
        split = replace(split, half=None)
    rows, held_out = split_indices(train.labels, split, train.groups, train.times)
    if isinstance(split, Fold):
        scored, images, n_folds = train, held_out, split.of
    else:
        rows = np.sort(np.concatenate([rows, held_out]))
        scored, images, n_folds = test, np.arange(len(test), dtype=np.int64), 1
    n_pairs = max(1, MAX_DISTANCES // n_folds // max(1, len(images)))
    own = [sampled(rows, train.labels, limit) for limit in (len(rows), MAX_LINEAR, n_pairs)]
    seconds = [0.0] * len(BASELINES)
    predict: list[Predict] = []
    for number, fit in enumerate((_majority, _linear, _nearest)):
        started = time.perf_counter()
        predict.append(_fitted(fit, train, own[number]))
        seconds[number] += time.perf_counter() - started
    predicted: list[list[Labels]] = []
    for block in _blocks(scored, images):
        predicted.append([])
        for number, each in enumerate(predict):
            started = time.perf_counter()
            predicted[-1].append(each(block))
            seconds[number] += time.perf_counter() - started
    labels = scored.labels[images]
    together = np.concatenate(predicted, axis=1)
    return BaselinePredictions(images, labels, together, tuple(map(len, own)), tuple(seconds))


def sampled(rows: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Return at most ``limit`` of the rows, at about equal distances after sorting them by class.

    >>> import numpy as np
    >>> sampled(np.arange(6), np.array([0, 1, 0, 1, 0, 1]), 4).tolist()
    [0, 2, 1, 3]
    """
    import numpy as np

    if len(rows) <= limit:
        return rows
    by_class = rows[np.argsort(labels[rows], kind="stable")]
    chosen: npt.NDArray[np.int64] = by_class[np.arange(limit) * len(rows) // limit]
    return chosen


def reduced_values(pixels: npt.NDArray[np.uint8]) -> Features:
    """Return the means of square blocks of pixels, rounded to integers, at most :data:`MAX_VALUES` per image.

    Args:
        pixels: uint8, shape (n, height, width, channels). Rows and columns that fill no block are left out.

    Returns:
        float32 in 0 to 255, shape (n, values).

    >>> import numpy as np
    >>> reduced_values(np.zeros((2, 28, 28, 1), np.uint8)).shape
    (2, 196)
    """
    import numpy as np

    n, height, width, channels = pixels.shape
    side = 1
    while True:
        high, wide = min(side, height), min(side, width)
        rows, columns = height // high, width // wide
        if rows * columns * channels <= MAX_VALUES or (high, wide) == (height, width):
            break
        side += 1
    blocks = pixels[:, : rows * high, : columns * wide].reshape(n, rows, high, columns, wide, channels)
    sums = blocks.sum(axis=(2, 4), dtype=np.uint32)
    size = high * wide
    found: Features = ((sums + size // 2) // size).astype(np.float32).reshape(n, -1)
    return found


def _blocks(images: Images, rows: npt.NDArray[np.int64]) -> Iterator[Features]:
    """Yield the reduced pixels of these rows, in blocks that fit into memory."""
    n_images = max(1, CHUNK_BYTES // max(1, images.pixels[:1].nbytes))
    for start in range(0, len(rows), n_images):
        yield reduced_values(images.take(rows[start : start + n_images]).pixels)


def _fitted(fit: Fit, train: Images, rows: npt.NDArray[np.int64]) -> Predict:
    import numpy as np

    labels = train.labels[rows]
    if fit is _majority or (labels == labels[0]).all():  # scikit-learn refuses a single class
        return _majority(np.zeros((0, 0), np.float32), labels)
    return fit(np.concatenate(list(_blocks(train, rows))), labels)


def _majority(features: Features, labels: Labels) -> Predict:
    import numpy as np

    largest = int(np.bincount(labels).argmax())
    return lambda block: np.full(len(block), largest, np.int64)


def _linear(features: Features, labels: Labels) -> Predict:
    """Fit least squares on one column of ±1 per class, in closed form."""
    import numpy as np
    from sklearn.linear_model import RidgeClassifier

    model = RidgeClassifier(alpha=RIDGE, solver="cholesky").fit(features / np.float64(255), labels)
    return lambda block: np.asarray(model.predict(block / np.float64(255)), np.int64)


def _nearest(features: Features, labels: Labels) -> Predict:
    import numpy as np
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(min(N_NEIGHBOURS, len(labels)), algorithm="brute").fit(features, labels)
    return lambda block: np.asarray(model.predict(block), np.int64)
