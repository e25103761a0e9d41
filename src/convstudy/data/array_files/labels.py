"""Labels of an array as text, and images of an array as blocks: the rules that all sources of arrays share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convstudy.data.tables.cells import MISSING
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_CHANNELS_FIRST = 4
PIXEL_KINDS = "biuf"
"""The ``dtype.kind`` characters of pixels: booleans, integers and floats."""


def label_texts(values: npt.NDArray[Any], where: Location) -> list[str | None]:
    """Return labels as text: integers without a decimal point, ``None`` for NaN, empty text and "nan".

    Args:
        values: integers, booleans, whole floats or text, of shape (n,) or (n, 1).
        where: the name of the array in errors.

    Raises:
        DataError: if the type or shape is wrong, such as one-hot labels, or a float is not whole.
    """
    import numpy as np

    got = f"{values.dtype} of shape {values.shape}"
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and values.dtype.kind in "biuf":
        hint = "for one-hot labels, save y.argmax(axis=1); an image with several classes is not supported"
        raise DataError(
            Problem("there must be one label per image", where, got, "shape (n,) or (n, 1)", hint)
        )
    if values.ndim != 1 or values.dtype.kind not in "biufUS":
        expected = "integers or text of shape (n,) or (n, 1)"
        raise DataError(Problem("labels have the wrong type or shape", where, got, expected))
    if values.dtype.kind == "S":
        try:
            values = np.char.decode(values, "utf-8")
        except UnicodeDecodeError:
            raise DataError(Problem("labels must be text in UTF-8", where, got)) from None
    names: dict[Any, str | None] = {}
    texts = []
    for value in values.tolist():
        if value not in names or value != value:
            names[value] = _label_text(value, where)
        texts.append(names[value])
    return texts


def _label_text(value: object, where: Location) -> str | None:
    """Return one label as text; equal labels of different number formats have the same text."""
    if isinstance(value, str):
        # NumPy turns a NaN among texts into the text "nan".
        return None if value in MISSING else value or None
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if not value.is_integer():
            what = "a label must be a whole number or text"
            raise DataError(Problem(what, where, str(value), hint="a column of measured values is no label"))
    assert isinstance(value, int | float)
    return str(int(value))


@dataclass(frozen=True)
class ImageForm:
    """How the images are stored along the axes of an array.

    Args:
        shape: the shape of one image as stored, or (side, side) of a flat row.
        axes: the order of these axes that gives (height, width, channels); empty if it is that order.
        note: what was decided, as a sentence; empty if nothing was.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...] = ()
    note: str = ""


def image_form(shape: tuple[int, ...], dtype: npt.DTypeLike, where: Location) -> ImageForm:
    """Return how the images of an array are stored.

    Args:
        shape: the shape of the array; the first axis counts the images.
        dtype: its number format.
        where: the name of the array in errors.

    Raises:
        DataError: if the array cannot be images, or its shape has more than one meaning.
    """
    import numpy as np

    dtype = np.dtype(dtype)
    got = f"{dtype} of shape {shape}"
    forms = "(n, height, width), (n, height, width, channels) or (n, pixels of a square)"
    if dtype.kind not in PIXEL_KINDS or not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise DataError(Problem("images must be numbers", where, got, f"shape {forms}"))
    image = shape[1:]
    if len(image) == 1:
        side = math.isqrt(image[0])
        if side * side != image[0] or side < 2:
            hint = "save the array with x.reshape(n, height, width, channels)"
            what = f"a row of {image[0]:,} values is no square image"
            raise DataError(Problem(what, where, got, forms, hint))
        return ImageForm(
            (side, side), note=f"a row of {image[0]:,} values is an image of {side} × {side} pixels"
        )
    if len(image) == 3:
        first, height, width = image
        if first <= MAX_CHANNELS_FIRST and first != 2 and min(height, width) > MAX_CHANNELS_FIRST:
            note = f"an image of shape {image} has its {first} channels first"
            return ImageForm(image, (1, 2, 0), note)
        if first == height == width and width > MAX_CHANNELS_FIRST:
            what, hint = "these look like volumes, not images", "save one slice, such as x[:, :, :, 14]"
            raise DataError(Problem(what, where, got, forms, hint))
    return ImageForm(image)
