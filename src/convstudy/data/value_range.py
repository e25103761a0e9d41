"""The range of the pixel values of arrays: which values become black (0) and white (255).

An image file has a fixed range, that of its number format. An array of floats or wide integers does not say its range:
0 to 1, −1 to 1, 0 to 16 and 0 to 255 are all common. The range is chosen once, from the training images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from convstudy.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

OWN_RANGE = ("bool", "uint8", "uint16")
"""Number formats that have a fixed range: 0 to 1, 0 to 255, 0 to 65,535."""


@dataclass(frozen=True)
class ValueBounds:
    """The lowest and highest pixel value of images.

    Args:
        lowest: the lowest finite value; 0 without a finite value.
        highest: the highest finite value; 0 without a finite value.
        dtype: the NumPy name of the number format, such as ``"float32"``; ``"text"`` for numbers in a text file.
        are_integers: whether all values are integers, in any number format.
    """

    lowest: float
    highest: float
    dtype: str
    are_integers: bool


def bounds_of(pieces: Iterable[npt.NDArray[Any]]) -> ValueBounds:
    """Return the bounds of arrays of pixels. NaN and infinite values do not count.

    Args:
        pieces: one or more arrays of numbers, of any shape.
    """
    import numpy as np

    lowest, highest, are_integers, dtype = math.inf, -math.inf, True, ""
    for piece in pieces:
        dtype = piece.dtype.name
        values = piece
        if piece.dtype.kind == "f":
            finite = np.isfinite(piece)
            values = piece if finite.all() else piece[finite]
            are_integers = are_integers and bool((values == np.rint(values)).all())
        if values.size:
            lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
    if lowest > highest:
        lowest = highest = 0.0
    return ValueBounds(lowest, highest, dtype, are_integers)


class ImageBounds:
    """The bounds of images of one number format. Each image is read at most once.

    Args:
        read: returns the pixels of an image. Images for which it raises :class:`DataError` do not count.
        n_images: the number of images.
        dtype: the number format, as in :class:`ValueBounds`.
    """

    def __init__(self, read: Callable[[int], npt.NDArray[Any]], n_images: int, dtype: str) -> None:
        self._read, self._n_images, self._dtype = read, n_images, dtype
        self._known: npt.NDArray[np.bool_] | None = None

    def __call__(self, positions: Sequence[int]) -> ValueBounds:
        """Return the bounds of the images at these positions."""
        import numpy as np

        # The values do not matter to 8-bit images, so they are not read.
        if self._dtype in ("bool", "uint8"):
            return ValueBounds(0, 0, self._dtype, True)
        if self._known is None:
            self._known = np.zeros(self._n_images, dtype=bool)
            self._lowest, self._highest = np.full((2, self._n_images), np.nan)
            self._has_integers = np.ones(self._n_images, dtype=bool)
        rows = np.sort(np.asarray(positions, dtype=np.int64))
        for row in rows[~self._known[rows]].tolist():
            with suppress(DataError):
                found = bounds_of([self._read(row)])
                self._lowest[row], self._highest[row] = found.lowest, found.highest
                self._has_integers[row] = found.are_integers
            self._known[row] = True
        rows = rows[~np.isnan(self._lowest[rows])]
        if not len(rows):
            return ValueBounds(0, 0, self._dtype, True)
        lowest, highest = float(self._lowest[rows].min()), float(self._highest[rows].max())
        return ValueBounds(lowest, highest, self._dtype, bool(self._has_integers[rows].all()))


def natural_range(bounds: ValueBounds) -> tuple[float, float] | None:
    """Return the values that become 0 and 255, or ``None`` if the number format has a fixed range.

    The range is the first of these that contains all values and fits them:

    ============================================  ======================================
    values                                        range
    ============================================  ======================================
    8-bit integers with a sign                    −128 to 127
    from 0 to 1                                   0 to 1
    from −1 to 1                                  −1 to 1
    integers from 0 to 16                         0 to 16
    integers from 0 to 255                        0 to 255
    numbers from 0 to 255, some greater than 127  0 to 255
    integers to 2ⁿ − 1, n = 10, 12, 14 to 16      0 to 2ⁿ − 1
    all others                                    from the lowest to the highest value
    ============================================  ======================================

    Args:
        bounds: the bounds of the training images.

    >>> natural_range(ValueBounds(-1.0, 0.98, "float32", False))
    (-1.0, 1.0)
    >>> natural_range(ValueBounds(0, 15, "float64", True))
    (0.0, 16.0)
    >>> natural_range(ValueBounds(0, 900, "uint16", True)) is None
    True
    """
    lowest, highest = bounds.lowest, bounds.highest
    if bounds.dtype in OWN_RANGE:
        return None
    if bounds.dtype == "int8":
        return -128.0, 127.0
    if lowest < 0:
        return (-1.0, 1.0) if lowest >= -1 and highest <= 1 else _observed(lowest, highest)
    if highest <= 1:
        return 0.0, 1.0
    if bounds.are_integers:
        for most in (16, 255, 1023, 4095, 16_383, 32_767, 65_535):
            if highest <= most:
                return 0.0, float(most)
    if 127 < highest <= 255:
        return 0.0, 255.0
    return _observed(lowest, highest)


def range_text(bounds: ValueBounds) -> str:
    """Return a sentence that states the range of training images, or an empty string if their format fixes it.

    Images of 10 to 15 bits in 16-bit numbers become dark: the sentence says so and names the range that avoids it.
    """
    chosen = natural_range(bounds)
    if chosen is None and bounds.dtype == "uint16" and 0 < bounds.highest < 32_768:
        fitting = natural_range(replace(bounds, dtype="int32"))
        assert fitting is not None
        found = f"the training images have values up to {bounds.highest:,.0f} of 65,535, so they become dark"
        return f"{found}; range = [0, {fitting[1]:g}] uses all levels from black to white"
    if chosen is None:
        return ""
    found = f"the training images have values from {bounds.lowest:g} to {bounds.highest:g} ({bounds.dtype})"
    return f"{found}; {chosen[0]:g} becomes black and {chosen[1]:g} white"


def _observed(lowest: float, highest: float) -> tuple[float, float]:
    return (lowest, highest) if highest > lowest else (lowest, lowest + 1)
