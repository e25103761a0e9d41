"""Image size, channels and value range that a study does not give, from the training images alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median_low

SIDES = (16, 20, 24, 28, 32, 40, 48, 64, 80, 96, 112, 128)
"""The default sizes. A grid keeps the size when a few images are added."""


def default_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the (height, width) of decoded images.

    If all training images have one size of at most 128 × 128, it is kept. Otherwise images become square, with the
    largest side of :data:`SIDES` that is not above the median of their shorter sides.

    Args:
        sizes: (height, width) of the training images.

    >>> default_size([(28, 28)] * 9)
    (28, 28)
    >>> default_size([(480, 640), (375, 500), (70, 90)])
    (128, 128)
    """
    shapes = Counter(sizes)
    if len(shapes) == 1 and max(sizes[0]) <= SIDES[-1]:
        return sizes[0]
    shorter = median_low(min(size) for size in sizes)
    side = max((side for side in SIDES if side <= shorter), default=SIDES[0])
    return side, side


def default_channels(channels: Sequence[int]) -> int:
    """Return the number of channels of decoded images: 3 if a training image has colour, 1 if all are grey.

    Images of another number of channels must all have that number; the decoder refuses the others.

    Args:
        channels: the number of channels of each training image.

    >>> default_channels([1, 1, 3]), default_channels([1, 1]), default_channels([5, 5])
    (3, 1, 5)
    """
    found = Counter(channels)
    if set(found) <= {1, 3}:
        return max(found)
    return found.most_common(1)[0][0]
