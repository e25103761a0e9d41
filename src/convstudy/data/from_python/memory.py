"""A dataset of arrays in memory, which a run writes as four ``.npy`` files into its runs folder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from convstudy.atomic_write import atomic_write
from convstudy.data.from_python.objects import as_array, as_uint8, check_range, numbered_labels
from convstudy.data.from_python.set_aside import set_aside
from convstudy.data.images import Images, Part, n_groups
from convstudy.data.parts import checked_images, checked_n_classes, checked_weights
from convstudy.data.source import Found, PartDigests
from convstudy.data.times import given_times
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.sources.npy import NpySource


HOW_TO_SEPARATE = "give an image that belongs to no other a group of its own, such as its name"


@dataclass(frozen=True)
class MemorySource(PartDigests):
    """Arrays in the memory of this process. Two sources are equal if their digests are equal.

    JSON cannot describe this source; :meth:`write` writes files that other processes can read.
    """

    train_digest: str
    test_digest: str
    train: Images = field(compare=False, repr=False)
    test: Images = field(compare=False, repr=False)

    @property
    def keys(self) -> Mapping[str, Any]:
        return {}

    def fetch(self, download: bool = True) -> None:
        """Do nothing, because the images are in memory."""

    def read(self, part: Part) -> Images:
        """Return the training or test images; raise :class:`DataError` if their arrays have been changed."""
        images = self.train if part == "train" else self.test
        hint = "do not change the arrays after from_arrays"
        return self.verified(images, part, Location(subject="arrays"), hint)

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        return (self.train if part == "train" else self.test).labels

    @property
    def n_groups(self) -> int:
        return n_groups(self.train)

    @property
    def has_times(self) -> bool:
        return self.train.times is not None

    def read_times(self, part: Part) -> npt.NDArray[np.int64] | None:
        return (self.train if part == "train" else self.test).times

    def read_groups(self, part: Part) -> npt.NDArray[np.int64] | None:
        return (self.train if part == "train" else self.test).groups

    def as_json(self, folder: Path | None = None) -> NoReturn:
        """Raise :class:`DataError`."""
        what = "arrays in memory cannot be described in JSON"
        raise DataError(Problem(what, hint="run_study writes them into the runs folder first"))

    @classmethod
    def from_json(cls, values: object, folder: Path) -> NoReturn:
        """Raise ``ValueError``."""
        raise ValueError("arrays in memory cannot be described in JSON")

    def write(self, folder: Path) -> NpySource:
        """Write the arrays into a folder and return the source that reads them from there.

        Existing files with this content are verified and kept. Each file is written atomically.

        Raises:
            DataError: if the arrays have been changed since ``from_arrays``.
            OSError: if the folder cannot be written.
        """
        import numpy as np
        from numpy.lib import format as npy

        from convstudy.data.sources.npy import NpySource

        digests = self.train_digest, self.test_digest
        counts = len(self.train), len(self.test)
        source = NpySource(
            str(folder.absolute()), self.train.image_shape, *counts, *digests, self.n_groups, self.has_times
        )
        parts: tuple[tuple[Part, Images], ...] = (("train", self.train), ("test", self.test))
        for part, images in parts:
            # Files of an earlier run are kept if their digest is right, and written again if it is not.
            with suppress(DataError):
                source.read(part)
                continue
            self.read(part)  # raises if the arrays have been changed since from_arrays
            for name, array in _columns(images):
                path = folder / f"{part}-{name}.npy"
                if array is None:  # an optional file of other content would be read
                    path.unlink(missing_ok=True)
                    continue
                # C order, because PixelFile reads single images from consecutive bytes.
                with atomic_write(path) as partial, partial.open("wb") as file:
                    npy.write_array(file, np.ascontiguousarray(array), allow_pickle=False)
        return source


def found_in_arrays(
    x_train: object,
    y_train: object,
    x_test: object,
    y_test: object,
    groups: object = None,
    sample_weight: object = None,
    class_names: object = None,
    fraction: object = 0.2,
    times: object = None,
    test_groups: object = None,
) -> tuple[Found, Any]:
    """Return the source of arrays with its sizes, and the class names, which labels can define.

    See :meth:`convstudy.data.dataset.Dataset.from_arrays`.
    """
    if (x_test is None) != (y_test is None):
        missing = "x_test" if x_test is None else "y_test"
        what, hint = "test images and test labels must be given together", "give both, or none of them"
        raise DataError(Problem(what, Location(key=(missing,)), hint=hint))
    has_test = x_test is not None
    raw = as_array(x_train, "x_train")
    pixels = as_uint8(raw, as_array(x_test, "x_test") if has_test else raw[:0])
    train_labels, test_labels, class_names = numbered_labels(
        as_array(y_train, "y_train"), as_array(y_test, "y_test") if has_test else None, class_names
    )
    train = checked_images(pixels[0], train_labels, _places("x_train", "y_train"))
    if groups is not None:
        train = replace(train, groups=_numbers(groups, len(train), "groups"))
    if test_groups is not None and (groups is None or not has_test):
        what = "test_groups can be given only with groups and x_test"
        hint = "without x_test, the groups of the test images are those of groups"
        raise DataError(
            Problem(what, Location(key=("test_groups",)), hint=hint if groups is not None else "")
        )
    if sample_weight is not None:
        where = Location(key=("sample_weight",))
        weights = checked_weights(as_array(sample_weight, "sample_weight"), len(train), where)
        train = replace(train, weights=weights)
    if times is not None:
        train = replace(train, times=given_times(times, len(train), Location(key=("times",))))
    where = Location(subject="arrays")
    if test_labels is not None:
        test = checked_images(pixels[1], test_labels, _places("x_test", "y_test"))
        if test_groups is not None:
            test = replace(test, groups=_numbers(test_groups, len(test), "test_groups"))
    else:
        n_classes = checked_n_classes(train, train, where)
        train, test, is_test = set_aside(train, fraction, n_classes)
        check_range(raw, raw[~is_test])
    n_classes = checked_n_classes(train, test, where)
    source = MemorySource(train.digest(), test.digest(), train, test)
    return Found(source, train.image_shape, len(train), len(test), n_classes), class_names


def _columns(images: Images) -> Iterator[tuple[str, npt.NDArray[Any] | None]]:
    """Yield the name of each file of a part and its array; ``None`` for an optional one that does not exist."""
    yield "images", images.pixels
    yield "labels", images.labels.astype("<i8")  # little-endian on every machine
    yield "groups", None if images.groups is None else images.groups.astype("<i8")
    yield "weights", None if images.weights is None else images.weights.astype("<f4")
    yield "times", None if images.times is None else images.times.astype("<i8")


def _numbers(groups: object, n_images: int, argument: str) -> npt.NDArray[np.int64]:
    """Return the groups of images as numbers; the argument ``groups`` has one hashable value per image.

    Raises:
        DataError: if ``groups`` is not a sequence of this length, or a value is missing or not hashable.
    """
    import numpy as np

    where = Location(key=(argument,))
    kind = "training" if argument == "groups" else "test"
    expected = f"a sequence with one value per {kind} image, such as the names of patients"
    # The letters of a text and the keys of a mapping are not the groups of images; a set has no order.
    if isinstance(groups, str | bytes | Mapping | Set) or not isinstance(groups, Iterable):
        raise DataError(Problem(where=where, expected=expected, got=type(groups).__name__))
    values = groups.tolist() if isinstance(groups, np.ndarray) else list(groups)
    if len(values) != n_images:
        got = f"{len(values):,} groups for {n_images:,} images"
        raise DataError(Problem("there must be one group per image", where, got))
    numbers: dict[Any, int] = {}
    found = np.empty(n_images, dtype=np.int64)
    for row, value in enumerate(values):
        try:
            found[row] = numbers.setdefault(value, len(numbers))
        except TypeError:
            got = f"{type(value).__name__} for image {row}"
            raise DataError(Problem(where=where, expected="hashable values", got=got)) from None
        if _is_missing(value):
            what = f"each {kind} image must have a group"
            raise DataError(Problem(what, where, f"{value} for image {row}", hint=HOW_TO_SEPARATE))
    return found


def _is_missing(value: object) -> bool:
    """Return whether a value is None, NaN, or pandas' NaT or NA, which would otherwise become groups."""
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or type(value).__name__ in ("NaTType", "NAType")


def _places(pixels: str, labels: str) -> tuple[Location, Location]:
    return Location(key=(pixels,)), Location(key=(labels,))
