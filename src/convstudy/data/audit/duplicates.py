"""Duplicates and near-duplicates between training and test images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from convstudy.data.audit.perceptual_hashes import CHUNK_SIZE, PerceptualHashes, at_mean_0_and_length_1
from convstudy.data.images import Images

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]
    Pixels = Callable[[Rows], npt.NDArray[np.uint8]]
    """Returns the pixels of images at some rows, uint8 of shape (m, height, width, channels)."""

MIN_CORRELATION = 0.99
"""Two images are near-duplicates if their pixels correlate by this much or more.

The correlation does not depend on brightness and contrast. Copies with noise of 10 of 255 levels, or saved as JPEG of
quality 75, are above the limit. MNIST has 600 million pairs of a training and a test image; one pair is above it
(docs/statistics.md).
"""
MAX_SHOWN = 20
"""The maximum number of pairs whose rows are stored; all pairs are counted."""
MAX_COMPARED = 2_000_000
"""The maximum number of pairs whose pixels are compared. Without this limit, a dataset of similar images could require
the comparison of all pairs."""
MAX_COMPARED_VALUES = 5_000_000_000
"""The maximum number of pixel values in these pairs, for images of any size. Pixels that are read from the cache take
about 10 ns per value on one core."""
TILE = (2048, 256)
"""The numbers of training and test images that are compared at a time, so that their distances fit in a CPU cache."""


@dataclass(frozen=True)
class Pair:
    """A training and a test image that are duplicates: their rows, labels and the correlation of their pixels."""

    train_row: int
    test_row: int
    train_label: int
    test_label: int
    correlation: float


@dataclass(frozen=True)
class Pairs:
    """The pairs of a training and a test image that are duplicates.

    Attributes:
        n_pairs: the number of pairs.
        n_test: the number of test images in at least one pair.
        n_otherwise_labelled: the number of pairs with two different labels.
        shown: the pairs with the highest correlations, at most :data:`MAX_SHOWN`; pairs with equal correlations are in
            the order of rows.
    """

    n_pairs: int
    n_test: int
    n_otherwise_labelled: int
    shown: tuple[Pair, ...]


def count_repeats(hashes: PerceptualHashes, labels: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Return the number of images equal to an earlier image, and the number of those whose labels differ.

    Args:
        hashes: the hashes of the training images, or of the test images.
        labels: the labels of these images, shape (n,).
    """
    first: dict[bytes, int] = {}
    n_repeated = n_otherwise = 0
    for exact, label in zip(hashes.exact, labels.tolist(), strict=True):
        if exact in first:
            n_repeated += 1
            n_otherwise += label != first[exact]
        else:
            first[exact] = label
    return n_repeated, n_otherwise


def exact_pairs(
    train: PerceptualHashes, test: PerceptualHashes, train_labels: Rows, test_labels: Rows
) -> Pairs:
    """Return the pairs with equal pixels; labels are int64 of shape (n_train,) and (n_test,)."""
    rows: dict[bytes, list[int]] = {}
    for row, exact in enumerate(train.exact):
        rows.setdefault(exact, []).append(row)
    n_pairs = n_test = n_otherwise = 0
    shown: list[Pair] = []
    for test_row, exact in enumerate(test.exact):
        equal_rows = rows.get(exact)
        if equal_rows is None:
            continue
        label = int(test_labels[test_row])
        n_test += 1
        n_pairs += len(equal_rows)
        n_otherwise += int((train_labels[equal_rows] != label).sum())
        for row in equal_rows[: MAX_SHOWN - len(shown)]:
            shown.append(Pair(row, test_row, int(train_labels[row]), label, 1.0))
    return Pairs(n_pairs, n_test, n_otherwise, tuple(shown))


def near_duplicate_pairs(
    train: Images, test: Images, train_hashes: PerceptualHashes, test_hashes: PerceptualHashes
) -> Pairs | None:
    """Return the pairs whose pixels correlate by :data:`MIN_CORRELATION` or more and are not equal.

    The result is ``None`` if more than :func:`max_compared` pairs would have to be compared.

    Two images as vectors of mean 0, length 1 and correlation r have the distance √(2 − 2r), and the distance of their
    hashes is at most this distance. So the search compares all hashes first, and then the pixels of the pairs with
    close hashes. Constant images have no correlation and are in no pair.
    """
    import numpy as np

    n_compared = n_pairs = n_otherwise = 0
    in_pair = np.zeros(len(test), dtype=bool)
    shown: list[Pair] = []
    for train_rows, test_rows in _candidates(train_hashes, test_hashes):
        n_compared += len(train_rows)
        if n_compared > max_compared(prod(train.image_shape)):
            return None  # a partial count would mislead
        correlations = pair_correlations(_pixels_of(train), _pixels_of(test), train_rows, test_rows)
        found = np.flatnonzero(correlations >= MIN_CORRELATION)
        # Equal pixels are exact duplicates, which exact_pairs() counts.
        found = found[[train_hashes.exact[train_rows[i]] != test_hashes.exact[test_rows[i]] for i in found]]
        n_pairs += len(found)
        in_pair[test_rows[found]] = True
        n_otherwise += int((train.labels[train_rows[found]] != test.labels[test_rows[found]]).sum())
        shown += [
            Pair(
                int(train_rows[i]),
                int(test_rows[i]),
                int(train.labels[train_rows[i]]),
                int(test.labels[test_rows[i]]),
                float(correlations[i]),
            )
            for i in found
        ]
        # Cut after each tile, so that memory does not grow with the number of pairs.
        shown = sorted(shown, key=lambda pair: (-pair.correlation, pair.test_row, pair.train_row))[:MAX_SHOWN]
    return Pairs(n_pairs, int(in_pair.sum()), n_otherwise, tuple(shown))


def _candidates(train: PerceptualHashes, test: PerceptualHashes) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows of training and test images whose hashes are close, one tile at a time.

    Both are sorted by one frequency. Close hashes differ by little in it too, so each training image is compared only
    with a part of the test images: for MNIST, a third.
    """
    import numpy as np

    if not train.low.size or not test.low.size:
        return  # images of one pixel have no frequency
    axis = int(train.low.var(axis=0).argmax())  # it separates best
    train_order, test_order = (np.argsort(each.low[:, axis], kind="stable") for each in (train, test))
    # The product of the rows (a, |a|², 1) and (−2b, 1, |b|²) is |a − b|² = |a|² + |b|² − 2ab, so one matrix product
    # gives all squared distances of a tile.
    squares = squared_lengths(test)[test_order]
    second = np.column_stack((-2 * test.low[test_order], np.ones_like(squares), squares)).T.copy()
    squares = squared_lengths(train)[train_order]
    most = max_square()
    frequency = test.low[test_order, axis]
    for train_start in range(0, len(squares), TILE[0]):
        rows = train_order[train_start : train_start + TILE[0]]
        of_tile = squares[train_start : train_start + TILE[0]]
        first = np.column_stack((train.low[rows], of_tile, np.ones_like(of_tile)))
        low, high = train.low[rows[0], axis] - most**0.5, train.low[rows[-1], axis] + most**0.5
        start, end = np.searchsorted(frequency, low), np.searchsorted(frequency, high, side="right")
        for test_start in range(start, end, TILE[1]):
            distances = first @ second[:, test_start : min(test_start + TILE[1], end)]
            # Most tiles have no close pair; a minimum takes less time than a comparison.
            if distances.min() <= most:
                train_rows, test_rows = np.nonzero(distances <= most)
                yield rows[train_rows], test_order[test_start + test_rows]


def max_compared(n_values: int) -> int:
    """Return the maximum number of pairs to compare, for images of ``n_values`` values each.

    >>> max_compared(28 * 28), max_compared(128 * 128 * 3)
    (2000000, 101725)
    """
    return min(MAX_COMPARED, MAX_COMPARED_VALUES // max(1, n_values))


def max_square() -> float:
    """Return the largest squared distance of the hashes of two near-duplicates."""
    return 2 - 2 * MIN_CORRELATION + 1e-4  # 1e-4 covers the rounding in float32


def squared_lengths(hashes: PerceptualHashes) -> npt.NDArray[np.float32]:
    """Return the squared length of each hash: at most 1, or 9 for a constant image, so that no hash is close to it."""
    import numpy as np

    squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", hashes.low, hashes.low)
    squares[hashes.constant] = 9
    return squares


def pair_correlations(
    first: Pixels, second: Pixels, first_rows: Rows, second_rows: Rows
) -> npt.NDArray[np.float32]:
    """Return the correlation of the pixels of each pair of images, float32 of shape (n,), computed in batches of pairs.

    Args:
        first: returns the pixels of some of the first images.
        second: returns the pixels of some of the second images, which may be the first ones.
        first_rows: int64, shape (n,), the first image of each pair.
        second_rows: int64, shape (n,), the second image of each pair.
    """
    import numpy as np

    correlations = np.empty(len(first_rows), dtype=np.float32)
    n_at_once = max(1, CHUNK_SIZE // max(1, first(first_rows[:1]).size)) if len(first_rows) else 1
    for start in range(0, len(first_rows), n_at_once):
        part = slice(start, start + n_at_once)
        left, right = (
            at_mean_0_and_length_1(pixels(rows[part]))
            for pixels, rows in ((first, first_rows), (second, second_rows))
        )
        correlations[part] = np.einsum("ij,ij->i", left, right)
    return correlations


def _pixels_of(images: Images) -> Pixels:
    return lambda rows: images.take(rows).pixels
