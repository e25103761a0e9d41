"""Choose images to show: a few of each class, evenly spread over its images."""

from __future__ import annotations

from typing import TYPE_CHECKING

MAX_SIDE = 96
"""Images are shown with a side of 64 pixels or less; a screen of high resolution can show some more."""

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def rows_of_classes(labels: npt.NDArray[np.int64], n_classes: int, n: int) -> list[list[int]]:
    """Return up to ``n`` rows of each class, evenly spread over its images.

    Args:
        labels: int64 of shape (m,).
        n_classes: the number of classes.
        n: the maximum number of rows of a class.

    >>> import numpy as np
    >>> rows_of_classes(np.array([0, 0, 0, 0, 0, 1, 1]), 3, 3)
    [[0, 2, 4], [5, 6], []]
    """
    import numpy as np

    found: list[list[int]] = []
    for label in range(n_classes):
        rows = np.flatnonzero(labels == label)
        places = np.linspace(0, len(rows) - 1, min(n, len(rows))).round().astype(np.int64)
        found.append(rows[places].tolist())
    return found


def rows_in_turn(labels: npt.NDArray[np.int64], n_classes: int, n: int) -> list[int]:
    """Return up to ``n`` rows, of one class after another, until each class has its share.

    Args:
        labels: int64 of shape (m,).
        n_classes: the number of classes.
        n: the maximum number of rows.

    >>> import numpy as np
    >>> rows_in_turn(np.array([0, 0, 0, 0, 0, 1, 1]), 3, 4)
    [0, 5, 4, 6]
    """
    rows = rows_of_classes(labels, n_classes, -(-n // n_classes))
    if sum(map(len, rows)) < n:  # some classes have fewer images than their share
        rows = rows_of_classes(labels, n_classes, n)
    longest = max(map(len, rows), default=0)
    return [each[place] for place in range(longest) for each in rows if place < len(each)][:n]


def reduced(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return an image with sides of at most :data:`MAX_SIDE`: the means of square blocks of pixels.

    Args:
        pixels: uint8 of shape (height, width, channels). Rows and columns that fill no block are left out.
    """
    import numpy as np

    height, width, channels = pixels.shape
    block = -(-max(height, width) // MAX_SIDE)
    if block == 1 or block > min(height, width):
        return pixels
    rows, columns = height // block, width // block
    blocks = pixels[: rows * block, : columns * block].reshape(rows, block, columns, block, channels)
    means: npt.NDArray[np.uint8] = np.rint(blocks.mean(axis=(1, 3))).astype(np.uint8)
    return means
