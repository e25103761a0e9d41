"""A dataset as a value: its name, shapes and classes, and the source of its images."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

from convstudy.data.images import Part
from convstudy.data.loaded import LoadedDataset, LockedTest, check_labels, read_part
from convstudy.data.source import Found, Source
from convstudy.data.sources import SOURCES
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""The pattern of a dataset's name."""
MAX_CLASSES = 100_000
MAX_TEXT_LENGTH = 1_000
_KEYS = {"name", "title", "digest", "image_shape", "class_names", "n_train", "n_test", "kind", "source"}


@dataclass(frozen=True)
class Dataset:
    """A dataset as an immutable, hashable value. :meth:`load` reads the images.

    Args:
        name: the name in study files and reports, 1 to 64 letters, digits, dots, dashes and underscores.
        title: a description on one line.
        image_shape: (height, width, channels) of every image, each from 1 to 65,536.
        class_names: the name of each class, in the order of the labels 0, 1, …; at least two different names.
        n_train: the number of training images, at least 1.
        n_test: the number of test images, at least 1.
        source: the source of the images, which also verifies their digests.

    Raises:
        DataError: if a value is out of range, or a class name is empty or given twice.

    >>> from convstudy.data import BUILT_IN_DATASETS
    >>> digits = BUILT_IN_DATASETS["digits"]
    >>> digits.image_shape, digits.n_classes, digits.n_train, digits.n_test
    ((28, 28, 1), 10, 1437, 360)
    >>> digits.load().train.pixels.shape
    (1437, 28, 28, 1)

    A dataset can be made from arrays:

    >>> import numpy as np
    >>> images, labels = np.zeros((150, 28, 28), "uint8"), np.arange(150) % 3
    >>> Dataset.from_arrays(images[:120], labels[:120], images[120:], labels[120:]).n_classes
    3
    """

    name: str
    title: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    n_train: int
    n_test: int
    source: Source

    def __post_init__(self) -> None:
        wrong = _wrong_value(self)
        if wrong is not None:
            raise DataError(wrong)

    def __hash__(self) -> int:
        """Return the hash of the digest, which is cached: a plan hashes the dataset of thousands of fits."""
        return hash(self.digest)

    @classmethod
    def from_arrays(
        cls,
        x_train: npt.ArrayLike,
        y_train: npt.ArrayLike,
        x_test: npt.ArrayLike | None = None,
        y_test: npt.ArrayLike | None = None,
        class_names: Sequence[str] | None = None,
        name: str = "arrays",
        groups: Sequence[Hashable] | npt.NDArray[Any] | None = None,
        sample_weight: npt.ArrayLike | None = None,
        test: float = 0.2,
        times: Sequence[Any] | npt.NDArray[Any] | None = None,
        test_groups: Sequence[Hashable] | npt.NDArray[Any] | None = None,
    ) -> Dataset:
        """Return a dataset of four arrays, in the form of Keras' datasets; or of two, with a test part set aside.

        Arrays can be those of NumPy, torch, pandas, polars or another library with ``__array__``, lists, and lists of
        Pillow images. They stay in memory and must not be changed. :func:`convstudy.run_study` writes them once into
        the runs folder, where worker processes read them.

        Args:
            x_train: training images of shape (n, height, width) or (n, height, width, channels), or rows of n² pixels.
                Values are uint8. Booleans, floats from 0 to 1, other numbers from 0 to 255 and uint16 are converted,
                unless their range is in doubt: see :func:`convstudy.data.from_python.objects.as_uint8`.
            y_train: training labels of shape (n,) or (n, 1): class names (text or booleans), or integers; each of 0, 1,
                2, … up to the largest label must occur.
            x_test: test images of the same height, width and channels; they are locked until a study evaluates its
                models on them. Without test images, a test part of the training images is set aside: the same images
                always give the same part. Classes are balanced, groups stay whole, and near-duplicates count as one
                group.
            y_test: test labels.
            class_names: the name of each class, in the order of the labels. Default: the class names of both parts, as
                numbers if all are integers, otherwise by name; for integers ``"0"``, ``"1"``, ….
            name: the name of the dataset in reports.
            groups: the group of each training image, such as the patient: hashable values, equal for images of one
                group. No split has images of one group in training and in validation. By default, there are no groups.
            sample_weight: the weight of each training image in the training loss, positive numbers of shape (n,). Only
                proportions count, and scores are not weighted. By default, all weights are equal.
            test: the fraction of images that is set aside if there are no test images, in (0, 1).
            times: the time of each training image: numbers, datetime64, dates, or texts in ISO form. Splits are then in
                order of time, the test part that is set aside is the latest, and all verdicts are descriptive only.
            test_groups: the group of each image of ``x_test``, if ``groups`` are given. Without them, intervals count
                test images as independent, and say so.

        Raises:
            DataError: if an array has the wrong type or shape, there is not one label (or group, or weight) per image,
                there are no training or test images, a class has no training image, or a weight is not positive.

        >>> from sklearn.datasets import load_digits
        >>> images, labels = load_digits(return_X_y=True)
        >>> images = (15 * images).astype("uint8").reshape(-1, 8, 8)
        >>> dataset = Dataset.from_arrays(images[:1500], labels[:1500], images[1500:], labels[1500:])
        >>> dataset.image_shape, dataset.n_classes, dataset.n_train, dataset.n_test
        ((8, 8, 1), 10, 1500, 297)

        Labels can be names:

        >>> parity = ["odd" if label % 2 else "even" for label in labels]
        >>> Dataset.from_arrays(images[:1500], parity[:1500], images[1500:], parity[1500:]).class_names
        ('even', 'odd')

        Without test images, a test part is set aside:

        >>> dataset = Dataset.from_arrays(images, labels)
        >>> dataset.n_train, dataset.n_test
        (1438, 359)
        """
        from convstudy.data.from_python.memory import found_in_arrays

        found, names = found_in_arrays(
            x_train, y_train, x_test, y_test, groups, sample_weight, class_names, test, times, test_groups
        )
        return cls.of(found, name, names)

    @classmethod
    def of(cls, found: Found, name: str, class_names: Sequence[str] | None = None) -> Dataset:
        """Return the dataset of a source.

        Args:
            found: the source and the shapes of its images.
            name: the name of the dataset.
            class_names: the name of each class; ``"0"``, ``"1"``, … by default.

        Raises:
            DataError: if there is not one name per class.
        """
        names = _class_names(class_names, found.n_classes)
        return cls(name, name, found.image_shape, names, found.n_train, found.n_test, found.source)

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 (hex) of the training and test sets; each set is verified when it is read."""
        return self.source.digest

    def load(self, download: bool = True) -> LoadedDataset:
        """Return the training images, read and verified, and the locked test set.

        The test images are not read. Their files are located or downloaded, so that missing files are reported before a
        study trains.

        Args:
            download: whether missing files can be downloaded.

        Raises:
            DataError: if a file is missing or damaged, or its content has the wrong shape.
        """
        self.source.fetch(download)  # first, so that missing test files are reported before a study trains
        return LoadedDataset(self, read_part(self, "train"), LockedTest(self))

    def load_labels(self, part: Part, download: bool = True) -> npt.NDArray[np.int64]:
        """Return the training or test labels, int64 of shape (n,), each in [0, ``n_classes``).

        No image is read. A study uses the labels before it trains, to check that each class has enough images and that
        the metric is defined on the test set.

        Args:
            part: ``"train"`` or ``"test"``.
            download: whether missing files can be downloaded.

        Raises:
            DataError: if the labels are missing or damaged, or have the wrong number or range.
        """
        self.source.fetch(download)
        labels = self.source.read_labels(part)
        expected = self.n_train if part == "train" else self.n_test
        if labels.shape != (expected,):
            what = f"the {part} labels have the wrong shape"
            raise DataError(
                Problem(what, Location(subject=self.name), got=str(labels.shape), expected=str((expected,)))
            )
        check_labels(self, part, labels)
        return labels

    def load_groups(self, part: Part, download: bool = True) -> npt.NDArray[np.int64] | None:
        """Return the group of each training or test image, int64 of shape (n,); ``None`` if there are no groups.

        No image is read.

        Args:
            part: ``"train"`` or ``"test"``.
            download: whether missing files can be downloaded.

        Raises:
            DataError: if the groups are damaged, or there is not one per image.
        """
        self.source.fetch(download)
        return self.source.read_groups(part)

    def load_times(self, part: Part, download: bool = True) -> npt.NDArray[np.int64] | None:
        """Return the rank of each training image in time, int64 of shape (n,); ``None`` if there are no times.

        Args:
            part: ``"train"``, or ``"test"``, whose images have no times.
            download: whether missing files can be downloaded.

        Raises:
            DataError: if the times are damaged, or there is not one per image.
        """
        self.source.fetch(download)
        return self.source.read_times(part)

    @property
    def has_times(self) -> bool:
        """Whether the training images have times: splits are then in order of time, and verdicts descriptive."""
        return self.source.has_times

    @property
    def n_groups(self) -> int:
        """The number of groups of the training images; 0 if they have no groups."""
        return self.source.n_groups

    @property
    def kind(self) -> str:
        """The kind of the source, such as ``"npy"``; empty for arrays in memory."""
        return next((name for name, kind in SOURCES.items() if isinstance(self.source, kind.type)), "")

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return JSON values for :meth:`from_json`; paths inside ``folder`` become relative to ``folder``.

        Raises:
            DataError: if the dataset is made of arrays in memory.
        """
        return {
            "name": self.name,
            "title": self.title,
            "digest": self.digest,
            "image_shape": list(self.image_shape),
            "class_names": list(self.class_names),
            "n_train": self.n_train,
            "n_test": self.n_test,
            "kind": self.kind,
            "source": self.source.as_json(folder),
        }

    @classmethod
    def from_json(cls, values: object, folder: Path = Path()) -> Dataset:
        """Create the dataset from the values of :meth:`as_json`, which are validated.

        Args:
            values: the JSON values.
            folder: the folder of relative paths.

        Raises:
            DataError: if the values do not describe a dataset.
        """
        if not isinstance(values, Mapping) or set(values) != _KEYS:
            raise DataError(Problem("this does not describe a dataset", expected=", ".join(sorted(_KEYS))))
        # The values may come from a file that another program wrote, so each type is checked before it is used.
        kind = SOURCES.get(values["kind"]) if isinstance(values["kind"], str) else None
        shape, names = values["image_shape"], values["class_names"]
        if kind is None or not isinstance(shape, list) or not isinstance(names, list):
            raise DataError(
                Problem("this does not describe a dataset", expected="a kind, a shape and class names")
            )
        try:
            source = kind.type.from_json(values["source"], folder)
        except (TypeError, ValueError) as error:
            what = f'the source is not of kind "{kind.name}"'
            raise DataError(Problem(what, got=" ".join(str(error).split())[:200])) from None
        height_width_channels: Any = tuple(shape)  # checked by __post_init__
        dataset = cls(
            values["name"],
            values["title"],
            height_width_channels,
            tuple(names),
            values["n_train"],
            values["n_test"],
            source,
        )
        if dataset.digest != values["digest"]:
            what = "the digest of the dataset is not that of its source"
            raise DataError(Problem(what, got=str(values["digest"])[:64], expected=dataset.digest))
        return dataset


def _class_names(names: object, n_classes: int) -> tuple[str, ...]:
    """Return the given names, or the class numbers as names.

    Raises:
        DataError: if ``names`` is not an ordered collection with one name per class.
    """
    where = Location(key=("class_names",))
    if names is None:
        return tuple(str(number) for number in range(n_classes))
    # A set has no order, a string would give one name per letter, and the keys of a mapping may be the labels.
    if isinstance(names, str | bytes | Set | Mapping) or not isinstance(names, Iterable):
        expected = "a list with one name per class, in the order of the labels"
        raise DataError(Problem(where=where, expected=expected, got=type(names).__name__))
    found: tuple[Any, ...] = tuple(str(name) if _is_number(name) else name for name in names)
    if len(found) != n_classes:
        what = "there must be one name per class"
        raise DataError(Problem(what, where, f"{len(found):,} names for {n_classes:,} classes"))
    return tuple(str(name) if isinstance(name, str) else name for name in found)  # np.str_ becomes str


def _is_number(value: object) -> bool:
    """Return whether a value is an integer of Python or NumPy."""
    return isinstance(value, SupportsIndex) and not isinstance(value, bool)


def _wrong_value(dataset: Dataset) -> Problem | None:
    """Return the first problem of the values of a dataset, or ``None``."""
    if not isinstance(dataset.name, str) or not re.fullmatch(NAME_PATTERN, dataset.name):
        form = "1 to 64 letters, digits, dots, dashes and underscores that begin with a letter or digit"
        return Problem(f"the name of a dataset must be {form}", got=_cut(dataset.name))
    if not _is_text(dataset.title):
        return Problem("the title of a dataset must be a text on one line", got=_cut(dataset.title))
    sizes = dataset.image_shape
    if len(sizes) != 3 or not all(_is_count(size, 1 << 16) for size in sizes):
        what = "the image shape must be (height, width, channels), three integers in [1, 65536]"
        return Problem(what, got=_cut(sizes))
    if not all(_is_count(count, 1 << 48) for count in (dataset.n_train, dataset.n_test)):
        got = f"{_cut(dataset.n_train)} and {_cut(dataset.n_test)}"
        return Problem("there must be at least one training and one test image", got=got)
    names = dataset.class_names
    if not 2 <= len(names) <= MAX_CLASSES:
        return Problem(f"the number of classes must be in [2, {MAX_CLASSES}]", got=str(len(names)))
    if not all(_is_text(name) for name in names):
        what = f"a class name must be a text of 1 to {MAX_TEXT_LENGTH:,} characters on one line"
        return Problem(what, got=_cut([name for name in names if not _is_text(name)]))
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        return Problem(f"two classes have the same name {_cut(twice)}")
    return None


def _is_text(value: object) -> bool:
    """Return whether a value is a text on one line, without control characters and lone surrogates."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT_LENGTH or not value.strip():
        return False
    # Control characters, lone surrogates, line and paragraph separators would break a terminal or a report.
    return all(unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") for letter in value)


def _is_count(value: object, most: int) -> bool:
    # type() instead of isinstance(), because bool is a subclass of int.
    return type(value) is int and 1 <= value <= most


def _cut(value: object) -> str:
    return repr(value)[:80]
