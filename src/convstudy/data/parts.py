"""The two parts of a dataset from arrays that are new to convstudy: what they must be, in one clear error each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convstudy.data.images import Images
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.arrays import PixelFile

PIXELS_WORDS = "uint8 of shape (n, height, width) or (n, height, width, channels)"
LABELS_WORDS = "integers of shape (n,) or (n, 1)"
MOST_SHOWN = 10


def checked_pixels(pixels: npt.NDArray[Any], where: Location) -> npt.NDArray[np.uint8]:
    """Return pixels as uint8 of shape (n, height, width, channels), without a copy.

    Args:
        pixels: uint8 of shape (n, height, width) or (n, height, width, channels).
        where: what an error calls them.

    Raises:
        DataError: where they are of another type or shape, have no image, or seem to have their channels first.
    """
    got = f"{pixels.dtype} of shape {pixels.shape}"
    if str(pixels.dtype) != "uint8":
        what = "images must be uint8" + (", not floats" if pixels.dtype.kind == "f" else "")
        raise DataError(Problem(what, where, got, PIXELS_WORDS, _to_uint8(pixels)))
    if pixels.ndim not in (3, 4):
        raise DataError(Problem("images must have three or four dimensions", where, got, PIXELS_WORDS))
    if min(pixels.shape) < 1:
        raise DataError(Problem("there must be images", where, got, PIXELS_WORDS))
    if pixels.ndim == 3:
        return pixels[..., None]
    _, height, _, channels = pixels.shape
    if height in (1, 3, 4) and channels > 4:
        what, hint = "images must have their channels last", "x.transpose(0, 2, 3, 1)"
        raise DataError(Problem(what, where, got, PIXELS_WORDS, hint))
    return pixels


def checked_labels(labels: npt.NDArray[Any], n_images: int, where: Location) -> npt.NDArray[np.int64]:
    """Return labels as int64 of shape (n,).

    Args:
        labels: integers, 0 or more, of shape (n,) or (n, 1).
        n_images: the number of images.
        where: what an error calls them.

    Raises:
        DataError: where they are of another type or shape, below 0, or not one for each image.
    """
    import numpy as np

    got = f"{labels.dtype} of shape {labels.shape}"
    of_rows = labels.ndim == 2 and labels.shape[1] > 1
    if labels.dtype.kind not in "iu" and not (of_rows and labels.dtype.kind in "bf"):
        hint = "np.unique(labels, return_inverse=True) gives class names and integers"
        raise DataError(Problem("labels must be integers", where, got, LABELS_WORDS, hint))
    if of_rows:
        hint = "from one-hot rows: y.argmax(axis=1)"
        raise DataError(Problem("labels must have one value for each image", where, got, LABELS_WORDS, hint))
    if labels.ndim not in (1, 2) or labels.shape[1:] == (0,):
        raise DataError(Problem("labels must have one value for each image", where, got, LABELS_WORDS))
    if len(labels) != n_images:
        counts = f"{len(labels):,} labels for {n_images:,} images"
        raise DataError(
            Problem("there must be one label for each image", where, counts, f"{n_images:,} labels")
        )
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest > np.iinfo(np.int64).max:
        what, expected = "labels must be class numbers", "0, 1, 2, …"
        raise DataError(Problem(what, where, f"from {lowest} to {highest}", expected))
    return np.array(labels.reshape(-1), dtype=np.int64)


def images_of(
    pixels: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    where: tuple[Location, Location],
    file: PixelFile | None = None,
) -> Images:
    """Return one part; ``where`` is what errors call the pixels and the labels. Raises :class:`DataError`."""
    checked = checked_pixels(pixels, where[0])
    return Images(checked, checked_labels(labels, len(checked), where[1]), file)


def n_classes_of(train: Images, test: Images, where: Location) -> int:
    """Return the number of classes of two parts that go together.

    Raises:
        DataError: where the image shapes differ, a class between 0 and the highest label has no training image, a
            test image is of none of these classes, or there is only one class.
    """
    import numpy as np

    if train.image_shape != test.image_shape:
        got = f"{train.image_shape} and {test.image_shape}"
        raise DataError(Problem("training and test images must have one shape", where, got))
    counts = np.bincount(train.labels, minlength=0) if int(train.labels.max()) < len(train) else None
    missing = [] if counts is None else np.flatnonzero(counts == 0).tolist()
    if counts is None or missing:
        what, expected = "each class must have training images", "labels 0, 1, 2, … without a gap"
        shown = ", ".join(map(str, missing[:MOST_SHOWN])) + (", …" if len(missing) > MOST_SHOWN else "")
        got = f"none of class {shown}" if missing else f"labels up to {int(train.labels.max()):,}"
        hint = "np.unique(labels, return_inverse=True) numbers the classes without a gap"
        raise DataError(Problem(what, where, got, expected, hint))
    if len(counts) < 2:
        raise DataError(Problem("there must be two or more classes", where, "all labels are 0"))
    if int(test.labels.max()) >= len(counts):
        what = "each test image must be of a class that has training images"
        got = f"test labels up to {int(test.labels.max()):,}"
        raise DataError(Problem(what, where, got, f"0 to {len(counts) - 1:,}"))
    return len(counts)


def _to_uint8(values: npt.NDArray[Any]) -> str:
    """Return how pixels of another type become uint8; nothing for what is no number."""
    import numpy as np

    if values.dtype.kind not in "biuf" or not values.size:
        return ""
    if values.dtype.kind == "b":
        return "255 * x.astype('uint8')"
    lowest, highest = float(np.min(values)), float(np.max(values))
    if not (lowest >= 0 and highest <= 255):
        return "scale them to values from 0 to 255"
    if values.dtype.kind == "f":
        scaled = "x" if highest > 1 else "(255 * x)"
        return f"values from 0 to {'255' if highest > 1 else '1'}: {scaled}.round().astype('uint8')"
    return "values from 0 to 255: x.astype('uint8')"
