"""Checks of the arrays of a user: types, shapes and labels, with one error message per kind of fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convstudy.data.images import Images
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.arrays import PixelFile

PIXELS_FORM = "uint8 of shape (n, height, width) or (n, height, width, channels)"
LABELS_FORM = "integers of shape (n,) or (n, 1)"
GROUPS_FORM = "integers of shape (n,) or (n, 1), or texts"
WEIGHTS_FORM = "numbers of shape (n,) or (n, 1)"
MAX_SHOWN = 10


def checked_pixels(pixels: npt.NDArray[Any], where: Location) -> npt.NDArray[np.uint8]:
    """Return pixels as uint8 of shape (n, height, width, channels), without a copy.

    Args:
        pixels: uint8 of shape (n, height, width) or (n, height, width, channels).
        where: the name of the array in errors.

    Raises:
        DataError: if the type or shape is wrong, there is no image, or the channels seem to be first.
    """
    got = f"{pixels.dtype} of shape {pixels.shape}"
    if str(pixels.dtype) != "uint8":
        raise DataError(Problem(f"images must be {PIXELS_FORM}", where, got, hint=_to_uint8(pixels)))
    if pixels.ndim not in (3, 4):
        raise DataError(Problem(f"images must be {PIXELS_FORM}", where, got))
    if min(pixels.shape) < 1:
        raise DataError(Problem("there must be at least one image", where, got))
    if pixels.ndim == 3:
        return pixels[..., None]
    # Channels first gives a "height" of 1, 3 or 4 and a large "channels"; such an image would train without an error.
    _, height, _, channels = pixels.shape
    if height in (1, 3, 4) and channels > 4:
        what, hint = "images must be of shape (n, height, width, channels)", "use x.transpose(0, 2, 3, 1)"
        raise DataError(Problem(what, where, got, hint=hint))
    return pixels


def checked_labels(labels: npt.NDArray[Any], n_images: int, where: Location) -> npt.NDArray[np.int64]:
    """Return labels as int64 of shape (n,).

    Args:
        labels: integers >= 0 of shape (n,) or (n, 1).
        n_images: the number of images.
        where: the name of the array in errors.

    Raises:
        DataError: if the type or shape is wrong, a label is negative, or there is not one label per image.
    """
    import numpy as np

    got = f"{labels.dtype} of shape {labels.shape}"
    # One-hot labels can be floats or booleans; their error has another hint.
    is_one_hot = labels.ndim == 2 and labels.shape[1] > 1
    what = f"labels must be {LABELS_FORM}"
    if labels.dtype.kind not in "iu" and not (is_one_hot and labels.dtype.kind in "bf"):
        hint = "use np.unique(labels, return_inverse=True), which returns class names and integers"
        raise DataError(Problem(what, where, got, hint=hint))
    if is_one_hot:
        raise DataError(Problem(what, where, got, hint="for one-hot labels, use y.argmax(axis=1)"))
    if labels.ndim not in (1, 2) or labels.shape[1:] == (0,):
        raise DataError(Problem(what, where, got))
    if len(labels) != n_images:
        counts = f"{len(labels):,} labels for {n_images:,} images"
        raise DataError(Problem("there must be one label per image", where, counts))
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest > np.iinfo(np.int64).max:
        what, got = "labels must be 0, 1, 2, …", f"labels from {lowest} to {highest}"
        raise DataError(Problem(what, where, got))
    return np.array(labels.reshape(-1), dtype=np.int64)  # a copy in memory, of a memory map too


def checked_groups(groups: npt.NDArray[Any], n_images: int, where: Location) -> npt.NDArray[np.int64]:
    """Return groups as int64 of shape (n,), numbered from 0 in the order of their first image.

    Only the partition remains: other numbers or names of the same groups give the same result.

    Args:
        groups: integers or texts of shape (n,) or (n, 1).
        n_images: the number of images.
        where: the name of the array in errors.

    Raises:
        DataError: if the type or shape is wrong, or there is not one group per image.
    """
    got = f"{groups.dtype} of shape {groups.shape}"
    if groups.dtype.kind not in "iubU" or groups.ndim not in (1, 2) or groups.shape[1:] not in ((), (1,)):
        raise DataError(Problem(f"groups must be {GROUPS_FORM}", where, got))
    if len(groups) != n_images:
        got = f"{len(groups):,} groups for {n_images:,} images"
        raise DataError(Problem("there must be one group per image", where, got))
    return numbered(groups.reshape(-1))


def checked_weights(weights: npt.NDArray[Any], n_images: int, where: Location) -> npt.NDArray[np.float32]:
    """Return weights as float32 of shape (n,).

    Args:
        weights: positive numbers of shape (n,) or (n, 1).
        n_images: the number of images.
        where: the name of the array in errors.

    Raises:
        DataError: if the type or shape is wrong, there is not one weight per image, or a weight is not positive and
            finite as float32.
    """
    import numpy as np

    got = f"{weights.dtype} of shape {weights.shape}"
    if weights.dtype.kind not in "iuf" or weights.ndim not in (1, 2) or weights.shape[1:] not in ((), (1,)):
        raise DataError(Problem(f"weights must be {WEIGHTS_FORM}", where, got))
    if len(weights) != n_images:
        counts = f"{len(weights):,} weights for {n_images:,} images"
        raise DataError(Problem("there must be one weight per image", where, counts))
    with np.errstate(over="ignore", under="ignore"):  # the checks below report what float32 cannot hold
        found = np.array(weights.reshape(-1), dtype=np.float32)
    wrong = np.flatnonzero(~((found > 0) & np.isfinite(found)))
    if len(wrong):
        more = f" and {len(wrong) - 1:,} more" if len(wrong) > 1 else ""
        got = f"{weights.reshape(-1)[wrong[0]]} for image {wrong[0]}{more}"
        hint = "remove the images that must not count"
        raise DataError(Problem("weights must be positive and finite", where, got, hint=hint))
    return found


def numbered(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return values of shape (n,) as int64 numbers from 0, in the order in which they first occur.

    >>> import numpy as np
    >>> numbered(np.array([7, 3, 7, 9])).tolist()
    [0, 1, 0, 2]
    """
    import numpy as np

    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    ranks = np.empty(len(first), dtype=np.int64)
    ranks[np.argsort(first, kind="stable")] = np.arange(len(first))
    return ranks[inverse.reshape(-1)]


def checked_images(
    pixels: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    where: tuple[Location, Location],
    file: PixelFile | None = None,
) -> Images:
    """Return the training or test images after checks of pixels and labels.

    Args:
        pixels: see :func:`checked_pixels`.
        labels: see :func:`checked_labels`.
        where: the names of pixels and labels in errors.
        file: the file of the pixels, if they are not in memory.

    Raises:
        DataError: if an array has the wrong type or shape.
    """
    checked = checked_pixels(pixels, where[0])
    return Images(checked, checked_labels(labels, len(checked), where[1]), file)


def checked_n_classes(train: Images, test: Images, where: Location) -> int:
    """Return the number of classes of a training and a test set.

    Args:
        train: the training images.
        test: the test images.
        where: the name of the dataset in errors.

    Raises:
        DataError: if the image shapes differ, a class from 0 to the largest label has no training image, a test label
            is not one of these classes, or there is only one class.
    """
    import numpy as np

    if train.image_shape != test.image_shape:
        got = f"{train.image_shape} and {test.image_shape}"
        raise DataError(Problem("training and test images must have the same shape", where, got))
    # bincount of a huge label would fill the memory; with such a label, some class has no image anyway.
    counts = np.bincount(train.labels, minlength=0) if int(train.labels.max()) < len(train) else None
    missing = [] if counts is None else np.flatnonzero(counts == 0).tolist()
    if counts is None or missing:
        what = "each class from 0 to the largest label must have training images"
        shown = ", ".join(map(str, missing[:MAX_SHOWN])) + (", …" if len(missing) > MAX_SHOWN else "")
        got = f"none of class {shown}" if missing else f"labels up to {int(train.labels.max()):,}"
        hint = "use np.unique(labels, return_inverse=True), which numbers the classes without a gap"
        raise DataError(Problem(what, where, got, hint=hint))
    if len(counts) < 2:
        raise DataError(Problem("there must be at least two classes", where, "only label 0"))
    if int(test.labels.max()) >= len(counts):
        what = f"test labels must be in [0, {len(counts) - 1}], the classes of the training images"
        raise DataError(Problem(what, where, f"labels up to {int(test.labels.max()):,}"))
    return len(counts)


def _to_uint8(values: npt.NDArray[Any]) -> str:
    """Return a hint on how to convert pixels to uint8; empty if they are not numbers."""
    import numpy as np

    if values.dtype.kind not in "biuf" or not values.size:
        return ""
    if values.dtype.kind == "b":
        return "use 255 * x.astype('uint8')"
    lowest, highest = float(np.min(values)), float(np.max(values))
    if not (lowest >= 0 and highest <= 255):
        return "scale them to values from 0 to 255"
    if values.dtype.kind == "f":
        # Floats up to 1 are probably pixels / 255; the hint shows the range, so that a user can check it.
        scaled = "x" if highest > 1 else "(255 * x)"
        return f"for values from 0 to {'255' if highest > 1 else '1'}, use {scaled}.round().astype('uint8')"
    return "for values from 0 to 255, use x.astype('uint8')"
