"""Test images that are training images as well: the same pixels, or nearly so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.audit.perceptual_hashes import READ_AT_ONCE, PerceptualHashes, at_mean_0_and_length_1
from convstudy.data.images import Images

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]

NEAR = 0.99
"""Two images are near duplicates from this correlation of their pixels on.

Brightness and contrast do not matter to it. Copies with noise of 10 of 255 levels, or saved as JPEG of quality 75, stay
above it; of MNIST's 600 million pairs of a training and a test image, one does (docs/statistics.md).
"""
MOST_SHOWN = 20
"""So many pairs are kept by their rows; all are counted."""
MOST_COMPARED = 2_000_000
"""So many pairs are compared pixel by pixel; of images that are all alike there would be no end of them."""
TILE = (2048, 256)
"""So many training and test images are compared at a time: their distances stay in a processor's cache."""


@dataclass(frozen=True)
class Pair:
    """A training image and a test image that are alike, by their rows; ``correlation`` is that of their pixels."""

    train_row: int
    test_row: int
    train_label: int
    test_label: int
    correlation: float


@dataclass(frozen=True)
class Pairs:
    """Pairs of a training and a test image that are alike.

    Attributes:
        n_pairs: how many there are.
        n_test: how many test images are in one or more of them.
        n_otherwise_labelled: how many of the pairs have two labels.
        shown: the first few, by correlation and rows.
    """

    n_pairs: int
    n_test: int
    n_otherwise_labelled: int
    shown: tuple[Pair, ...]


def repeats(prints: PerceptualHashes, labels: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Return how many images of one part have the pixels of an earlier one, and how many of these another label."""
    first: dict[bytes, int] = {}
    n_repeated = n_otherwise = 0
    for exact, label in zip(prints.exact, labels.tolist(), strict=True):
        if exact in first:
            n_repeated += 1
            n_otherwise += label != first[exact]
        else:
            first[exact] = label
    return n_repeated, n_otherwise


def exact_pairs(
    train: PerceptualHashes, test: PerceptualHashes, train_labels: Rows, test_labels: Rows
) -> Pairs:
    """Return the pairs whose pixels are the same.

    Labels are int64 of the shapes (n_train,) and (n_test,).
    """
    rows: dict[bytes, list[int]] = {}
    for row, exact in enumerate(train.exact):
        rows.setdefault(exact, []).append(row)
    n_pairs = n_test = n_otherwise = 0
    shown: list[Pair] = []
    for test_row, exact in enumerate(test.exact):
        twins = rows.get(exact)
        if twins is None:
            continue
        label = int(test_labels[test_row])
        n_test += 1
        n_pairs += len(twins)
        n_otherwise += int((train_labels[twins] != label).sum())
        for row in twins[: MOST_SHOWN - len(shown)]:
            shown.append(Pair(row, test_row, int(train_labels[row]), label, 1.0))
    return Pairs(n_pairs, n_test, n_otherwise, tuple(shown))


def near_duplicate_pairs(
    train: Images, test: Images, train_prints: PerceptualHashes, test_prints: PerceptualHashes
) -> Pairs | None:
    """Return the pairs whose pixels correlate by :data:`NEAR` or more and are not the same; ``None`` if too many might.

    Two rows of mean 0 and length 1 with correlation r are √(2 − 2r) apart, and their fingerprints no further. So all
    pairs of fingerprints are compared first, in blocks, and the pixels of those that are near enough. Constant images
    correlate with nothing.
    """
    import numpy as np

    n_compared = n_pairs = n_otherwise = 0
    in_pair = np.zeros(len(test), dtype=bool)
    shown: list[Pair] = []
    for train_rows, test_rows in _candidates(train_prints, test_prints):
        n_compared += len(train_rows)
        if n_compared > MOST_COMPARED:
            return None
        correlations = _correlations(train, test, train_rows, test_rows)
        found = np.flatnonzero(correlations >= NEAR)
        found = found[[train_prints.exact[train_rows[i]] != test_prints.exact[test_rows[i]] for i in found]]
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
        shown = sorted(shown, key=lambda pair: (-pair.correlation, pair.test_row, pair.train_row))[
            :MOST_SHOWN
        ]
    return Pairs(n_pairs, int(in_pair.sum()), n_otherwise, tuple(shown))


def _candidates(train: PerceptualHashes, test: PerceptualHashes) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows of training and test images whose fingerprints are near enough, a block at a time."""
    import numpy as np

    # Products of rows (a, |a|², 1) and (−2b, 1, |b|²) are |a − b|² = |a|² + |b|² − 2ab.
    squares = _squares(test)
    second = np.column_stack((-2 * test.low, np.ones_like(squares), squares))
    squares = _squares(train)
    most = 2 - 2 * NEAR + 1e-4  # a little more, for rounding in float32
    for train_start in range(0, len(squares), TILE[0]):
        part = slice(train_start, train_start + TILE[0])
        first = np.column_stack((train.low[part], squares[part], np.ones_like(squares[part])))
        for test_start in range(0, len(second), TILE[1]):
            near_duplicates = first @ second[test_start : test_start + TILE[1]].T <= most
            if near_duplicates.any():
                train_rows, test_rows = np.nonzero(near_duplicates)
                yield train_rows + train_start, test_rows + test_start


def _squares(prints: PerceptualHashes) -> npt.NDArray[np.float32]:
    """Return the squared length of each fingerprint, at most 1; of a constant image so much that it is near nothing."""
    import numpy as np

    squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", prints.low, prints.low)
    squares[prints.constant] = 9
    return squares


def _correlations(train: Images, test: Images, train_rows: Rows, test_rows: Rows) -> npt.NDArray[np.float32]:
    """Return the correlation of the pixels of each pair, some pairs at a time."""
    import numpy as np

    height, width, channels = train.image_shape
    n_at_once = max(1, READ_AT_ONCE // max(1, height * width * channels))
    correlations = np.empty(len(train_rows), dtype=np.float32)
    for start in range(0, len(train_rows), n_at_once):
        part = slice(start, start + n_at_once)
        first, second = (
            at_mean_0_and_length_1(images.take(rows[part]).pixels)
            for images, rows in ((train, train_rows), (test, test_rows))
        )
        correlations[part] = np.einsum("ij,ij->i", first, second)
    return correlations
