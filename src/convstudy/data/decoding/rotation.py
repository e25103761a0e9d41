"""The eight EXIF orientations: an image is fitted as it is stored, and the small result is rotated.

Rotating a photo of 12 megapixels takes more than twice as long as decoding it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

MIRRORS_COLUMNS = (2, 3, 6, 7)
MIRRORS_ROWS = (3, 4, 7, 8)
SWAPS_AXES = (5, 6, 7, 8)
"""Orientations: first the axes are swapped, then rows and columns are mirrored (EXIF 3.0, tag 0x0112)."""

Box = tuple[int, int, int, int]


def rotated(image: Image.Image, turn: int) -> Image.Image:
    """Return a stored image in its upright position; ``turn`` is its orientation, 1 to 8."""
    if turn == 1:
        return image
    from PIL.Image import Transpose

    operation = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }[turn]
    return image.transpose(operation)


def swapped(size: tuple[int, int], turn: int) -> tuple[int, int]:
    """Return the upright size of a stored size, and the other way round.

    >>> swapped((3, 4), 6)
    (4, 3)
    """
    return (size[1], size[0]) if turn in SWAPS_AXES else size


def stored_box(box: Box, source: tuple[int, int], turn: int) -> Box:
    """Return the place in the stored image of a part of the upright image.

    Args:
        box: (left, top, right, bottom) in the upright image.
        source: (height, width) of the upright image.
        turn: the orientation, 1 to 8.

    >>> stored_box((0, 0, 1, 2), (10, 20), 6)  # the upper left corner is stored in the lower left corner
    (0, 19, 2, 20)
    """
    (left, top, right, bottom), (height, width) = box, source
    if turn in MIRRORS_COLUMNS:
        left, right = width - right, width - left
    if turn in MIRRORS_ROWS:
        top, bottom = height - bottom, height - top
    return (top, left, bottom, right) if turn in SWAPS_AXES else (left, top, right, bottom)
