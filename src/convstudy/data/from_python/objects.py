"""Arrays of other libraries, and values that need a conversion: torch, pandas, polars, Pillow, floats, text labels.

A value is converted only where no other reading is possible. Where a guess could be wrong, the checks of
:mod:`convstudy.data.parts` report the value with a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import TYPE_CHECKING, Any

from convstudy.data.listing import class_order
from convstudy.data.tables.cells import MISSING
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CHUNK_BYTES = 1 << 24
PILLOW_MODES = ("1", "L", "RGB", "I;16")
"""Modes of Pillow's images that have one reading as an array."""
MISSING_TYPES = ("NAType", "NaTType")
"""Names of the types of pandas' missing values."""


def as_array(values: object, name: str) -> npt.NDArray[Any]:
    """Return an argument as a NumPy array: an array of any library, a table of one column, or a list of images.

    Args:
        values: the argument.
        name: its name in errors.

    Raises:
        DataError: if the argument cannot become an array.
    """
    import numpy as np

    where = Location(key=(name,))
    # asarray would drop the mask and use the masked values.
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(Problem(where=where, expected="an array without a mask", got="a masked array"))
    try:
        array = _converted(values, where)
    except DataError:
        raise
    except Exception as error:  # an object of another library can raise any exception here
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(Problem(f"this cannot become a NumPy array: {reason}", where)) from None
    if array.dtype == object and not array.ndim:
        raise DataError(Problem(where=where, expected="a NumPy array", got=type(values).__name__))
    return array


def _converted(values: Any, where: Location) -> npt.NDArray[Any]:
    import numpy as np

    if _is_of("torch", values):
        # Works for a tensor on any device, and for one that needs a gradient.
        array: npt.NDArray[Any] = values.numpy(force=True)
        return array
    if isinstance(values, list | tuple) and values:
        if _is_of("PIL", values[0]):
            return _stacked([_pillow_array(image, where) for image in values], where)
        if _is_of("torch", values[0]):
            return _stacked([image.numpy(force=True) for image in values], where)
        if any(isinstance(value, str) for value in values):
            # NumPy would turn numbers and NaN among texts into texts.
            return np.array(values, dtype=object)
    return np.asarray(values)


def _is_of(library: str, value: object) -> bool:
    """Return whether a value is of a library, without importing it."""
    return type(value).__module__.partition(".")[0] == library


def _pillow_array(image: Any, where: Location) -> npt.NDArray[Any]:
    import numpy as np

    if image.mode not in PILLOW_MODES:
        expected = f"images of the modes {', '.join(PILLOW_MODES)}"
        hint = 'use image.convert("RGB") or image.convert("L")'
        raise DataError(Problem(where=where, expected=expected, got=f"mode {image.mode}", hint=hint))
    return np.asarray(image)


def _stacked(images: Sequence[npt.NDArray[Any]], where: Location) -> npt.NDArray[Any]:
    """Return images of equal shape as one array."""
    import numpy as np

    shapes = sorted({image.shape for image in images})
    if len(shapes) > 1:
        what, hint = "all images must have the same shape", "save them as files, one folder per class"
        raise DataError(Problem(what, where, f"{shapes[0]} and {shapes[1]}", hint=hint))
    return np.stack(images)


def as_uint8(train: npt.NDArray[Any], test: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return training and test images as uint8 where the training images leave no doubt about the range of values.

    ==============================================  ======================================
    training images                                 become
    ==============================================  ======================================
    booleans                                        0 and 255
    floats from 0 to 1                              0 to 255
    floats or integers from 0 to 255, some > 127    rounded
    uint16, some > 32,767                           divided by 257 and rounded
    rows of n² values                               images of n × n pixels
    all others                                      unchanged, so that the checks report them
    ==============================================  ======================================

    Raises:
        DataError: if test images have another number format, or values outside of the range.
    """
    train, test = _square(train), _square(test)
    limits = _limits(train)
    if limits is None:
        return train, test
    where = Location(key=("x_test",))
    are_integers = limits[1] == 255 and {train.dtype.kind, test.dtype.kind} <= {"i", "u"}
    if not (
        train.dtype.name == test.dtype.name or train.dtype.kind == test.dtype.kind == "f" or are_integers
    ):
        what = "test images must have the number format of the training images"
        raise DataError(Problem(what, where, f"{test.dtype}", f"{train.dtype}"))
    if test.size and not (limits[0] <= float(test.min()) and float(test.max()) <= limits[1]):
        what = f"test images must be from {limits[0]} to {limits[1]}, as the training images are"
        raise DataError(Problem(what, where, f"{float(test.min()):g} to {float(test.max()):g}"))
    return _scaled(train, limits[1]), _scaled(test, limits[1])


def check_range(pixels: npt.NDArray[Any], train: npt.NDArray[Any]) -> None:
    """Check that the training images alone lead to the same range of values as all images.

    Args:
        pixels: all images, as :func:`as_uint8` received them.
        train: the training images among them.

    Raises:
        DataError: if the range would be in doubt, or another one.
    """
    if _limits(pixels) != _limits(train):
        what, hint = "the range of the training images is in doubt", "convert all images to uint8"
        got = f"values from {train.min():g} to {train.max():g}"
        raise DataError(Problem(what, Location(key=("x_train",)), got, hint=hint))


def _square(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows of n² values as images of shape (n, n); other arrays unchanged."""
    if pixels.ndim != 2 or pixels.shape[1] < 4 or isqrt(pixels.shape[1]) ** 2 != pixels.shape[1]:
        return pixels
    side = isqrt(pixels.shape[1])
    return pixels.reshape(-1, side, side)


def _limits(train: npt.NDArray[Any]) -> tuple[int, int] | None:
    """Return the values that become 0 and 255, or ``None`` if they are in doubt or the images are uint8."""
    kind = train.dtype.kind
    if kind == "b":
        return 0, 1
    if kind not in "iuf" or train.dtype.name == "uint8" or not train.size:
        return None
    lowest, highest = float(train.min()), float(train.max())
    if not lowest >= 0:  # also NaN
        return None
    if train.dtype.name == "uint16":
        return (0, 65_535) if highest > 32_767 else _byte_limits(highest)
    if kind == "f" and highest <= 1:
        return 0, 1
    return _byte_limits(highest)


def _byte_limits(highest: float) -> tuple[int, int] | None:
    return (0, 255) if 127 < highest <= 255 else None


def _scaled(pixels: npt.NDArray[Any], highest: int) -> npt.NDArray[np.uint8]:
    """Return pixels from 0 to ``highest`` as uint8, rounded half up as the decoder of files does."""
    import numpy as np

    scaled = np.empty(pixels.shape, dtype=np.uint8)
    n_images = max(1, CHUNK_BYTES // max(1, pixels[:1].nbytes))
    for start in range(0, len(pixels), n_images):
        piece = pixels[start : start + n_images].astype(np.float64)
        scaled[start : start + n_images] = np.floor(piece * (255 / highest) + 0.5)
    return scaled


def numbered_labels(
    y_train: npt.NDArray[Any], y_test: npt.NDArray[Any] | None, class_names: object
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None, object]:
    """Return labels as numbers, and the class names; numbers are returned as they are.

    Args:
        y_train: training labels: class names as text or booleans, or numbers.
        y_test: test labels of the same form; ``None`` if there are none.
        class_names: the class names in their order, or ``None``: all labels of both parts, as
            :func:`~convstudy.data.listing.class_order` sorts them.

    Raises:
        DataError: if only one part has text, a label is missing, is no class name, or has no training image.
    """
    import numpy as np

    train, test = _texts(y_train, "y_train"), None if y_test is None else _texts(y_test, "y_test")
    if train is None and test is None:
        return y_train, y_test, class_names
    if train is None or (y_test is not None and test is None):
        what = "the labels of both parts must be class names, or of both parts numbers"
        formats = [str(labels.dtype) for labels in (y_train, y_test) if labels is not None]
        raise DataError(Problem(what, Location(key=("y_train",)), " and ".join(formats)))
    if class_names is None or isinstance(class_names, str | bytes) or not isinstance(class_names, Sequence):
        order: tuple[str, ...] = class_order({*train, *(test or ())})
        class_names = order if class_names is None else class_names
    else:
        order = tuple(str(name) for name in class_names)
    numbers = {name: number for number, name in enumerate(order)}
    for key, texts in (("y_train", train), ("y_test", test or [])):
        unknown = sorted(set(texts) - set(numbers))
        if unknown:
            what = "each label must be one of class_names"
            raise DataError(Problem(what, Location(key=(key,)), ", ".join(unknown[:10])))
    missing = [name for name in order if name not in set(train)]
    if missing:
        what = "each class must have training images"
        got = f"none of {', '.join(missing[:10])}"
        raise DataError(Problem(what, Location(key=("y_train",)), got))
    return (
        np.array([numbers[text] for text in train], dtype=np.int64),
        None if test is None else np.array([numbers[text] for text in test], dtype=np.int64),
        class_names,
    )


def _texts(labels: npt.NDArray[Any], name: str) -> list[str] | None:
    """Return labels that are text or booleans as text, or ``None`` for numbers and other values.

    Raises:
        DataError: if some labels are text, and others are missing or have another type.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "UObT":
        return None
    values = labels.tolist()
    if not any(isinstance(value, str | bool) for value in values):
        return None
    texts = []
    for row, value in enumerate(values):
        is_missing = value is None or value != value or type(value).__name__ in MISSING_TYPES
        # NumPy turns a NaN among texts into the text "nan".
        if is_missing or value == "" or (isinstance(value, str) and value in MISSING):
            what, got = "each image must have a label", f"{value!r} for image {row}"
            raise DataError(Problem(what, Location(key=(name,)), got))
        if not isinstance(value, str | bool):
            what, got = "labels must be all text or all numbers", f"{type(value).__name__} for image {row}"
            raise DataError(Problem(what, Location(key=(name,)), got))
        texts.append(str(value))
    return texts
