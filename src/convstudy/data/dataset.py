"""A dataset as a value: what is known of it before an image is read, and where the images are."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
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
"""What the name of a dataset must match."""
MOST_CLASSES = 100_000
LONGEST_TEXT = 1_000
_KEYS = {"name", "title", "digest", "image_shape", "class_names", "n_train", "n_test", "kind", "source"}


@dataclass(frozen=True)
class Dataset:
    """What is known of a dataset before an image is read; a hashable value.

    Args:
        name: what a study file and a report call it.
        title: one line that says what it is.
        image_shape: (height, width, channels) of every image.
        class_names: the name of each class, in the order of the labels 0, 1, …
        n_train: the number of training images.
        n_test: the number of test images.
        source: where the images are; it knows and checks the digests.

    Raises:
        DataError: where a value is out of its range, or a class name is empty or there twice.

    >>> from convstudy.data import BUILT_IN_DATASETS
    >>> digits = BUILT_IN_DATASETS["digits"]
    >>> digits.image_shape, digits.n_classes, digits.n_train, digits.n_test
    ((28, 28, 1), 10, 1437, 360)
    >>> digits.load().train.pixels.shape
    (1437, 28, 28, 1)

    Arrays are a dataset too:

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
        """Return the hash of the digest: equal datasets have equal digests, and thousands of fits share one."""
        return hash(self.digest)

    @classmethod
    def from_arrays(
        cls,
        x_train: npt.ArrayLike,
        y_train: npt.ArrayLike,
        x_test: npt.ArrayLike,
        y_test: npt.ArrayLike,
        class_names: Sequence[str] | None = None,
        name: str = "arrays",
    ) -> Dataset:
        """Return the dataset of four arrays, as Keras and scikit-learn have them.

        The arrays stay in memory, and must not be changed. :func:`convstudy.run_study` writes them once into the runs
        folder, where worker processes read them.

        Args:
            x_train: training images, uint8 of shape (n, height, width) or (n, height, width, channels).
            y_train: their labels, integers of shape (n,) or (n, 1): 0, 1, 2, …, each class with an image.
            x_test: test images, of the same shape; they are locked until a study evaluates its models.
            y_test: their labels.
            class_names: a name for each class, in the order of the labels; ``"0"``, ``"1"``, … by default.
            name: what reports call the dataset.

        Raises:
            DataError: where an array is of another type or shape, labels and images differ in number, a part is
                empty, or a class has no training image.

        >>> from sklearn.datasets import load_digits
        >>> images, labels = load_digits(return_X_y=True)
        >>> images = (15 * images).astype("uint8").reshape(-1, 8, 8)
        >>> dataset = Dataset.from_arrays(images[:1500], labels[:1500], images[1500:], labels[1500:])
        >>> dataset.image_shape, dataset.n_classes, dataset.n_train, dataset.n_test
        ((8, 8, 1), 10, 1500, 297)
        """
        from convstudy.data.in_memory import found_in_arrays

        found = found_in_arrays(x_train, y_train, x_test, y_test)
        return cls.of(found, name, class_names)

    @classmethod
    def of(cls, found: Found, name: str, class_names: Sequence[str] | None = None) -> Dataset:
        """Return the dataset of what a source holds; raise :class:`DataError` where the class names do not fit."""
        names = _class_names(class_names, found.n_classes)
        return cls(name, name, found.image_shape, names, found.n_train, found.n_test, found.source)

    @property
    def n_classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)

    @cached_property
    def digest(self) -> str:
        """One SHA-256 (hex) of the whole content; each part is verified when it is read."""
        return self.source.digest

    def load(self, download: bool = True) -> LoadedDataset:
        """Return the images: the training part read and verified, the test part locked.

        The test images are not read. Their files are located, and downloaded where ``download`` allows, so that
        missing files show before a study trains.

        Raises:
            DataError: where the files are missing, damaged, or not what they must be.
        """
        self.source.fetch(download)
        return LoadedDataset(self, read_part(self, "train"), LockedTest(self))

    def load_labels(self, part: Part, download: bool = True) -> npt.NDArray[np.int64]:
        """Return the labels of a part, int64 of shape (n,), each of them the index of a class.

        No image is read. Labels show before anything trains whether each class has enough images, and whether the
        test part can be scored.

        Raises:
            DataError: where the labels are missing, damaged, or not what they must be.
        """
        self.source.fetch(download)
        labels = self.source.read_labels(part)
        expected = self.n_train if part == "train" else self.n_test
        if labels.shape != (expected,):
            what = f"the {part} part has another number of labels"
            raise DataError(
                Problem(what, Location(subject=self.name), got=str(labels.shape), expected=str((expected,)))
            )
        check_labels(self, part, labels)
        return labels

    @property
    def kind(self) -> str:
        """The kind of its source, such as ``"npy"``; empty for arrays in memory."""
        return next((name for name, kind in SOURCES.items() if isinstance(self.source, kind.type)), "")

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back; paths in ``folder`` are relative to it.

        Raises:
            DataError: for arrays in memory.
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
        """Return the dataset of these plain values, which any program may have written.

        Args:
            values: what :meth:`as_json` returned.
            folder: what relative paths start from.

        Raises:
            DataError: where they are not the values of a dataset.
        """
        if not isinstance(values, Mapping) or set(values) != _KEYS:
            raise DataError(Problem("this does not describe a dataset", expected=", ".join(sorted(_KEYS))))
        kind = SOURCES.get(values["kind"]) if isinstance(values["kind"], str) else None
        shape, names = values["image_shape"], values["class_names"]
        if kind is None or not isinstance(shape, list) or not isinstance(names, list):
            raise DataError(
                Problem("this does not describe a dataset", expected="a kind, a shape and class names")
            )
        try:
            source = kind.type.from_json(values["source"], folder)
        except (TypeError, ValueError) as error:
            what = f'the source of a dataset is not one of kind "{kind.name}"'
            raise DataError(Problem(what, got=" ".join(str(error).split())[:200])) from None
        height_width_channels: Any = tuple(shape)  # checked by the value
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
            what = "the digest of a dataset is not that of its source"
            raise DataError(Problem(what, got=str(values["digest"])[:64], expected=dataset.digest))
        return dataset


def _class_names(names: object, n_classes: int) -> tuple[str, ...]:
    """Return the names of classes: those given, or the numbers of the classes.

    Raises:
        DataError: where they are no sequence in the order of the labels, or there is not one for each class.
    """
    where = Location(key=("class_names",))
    if names is None:
        return tuple(str(number) for number in range(n_classes))
    # A set has no order, a text would be a name for each letter, and the keys of a mapping may be the labels.
    if isinstance(names, str | bytes | Set | Mapping) or not isinstance(names, Iterable):
        what, expected = "class names must be a list", "a name for each class, in the order of the labels"
        raise DataError(Problem(what, where, type(names).__name__, expected))
    found: tuple[Any, ...] = tuple(str(name) if _is_number(name) else name for name in names)
    if len(found) != n_classes:
        what = "there must be one name for each class"
        raise DataError(Problem(what, where, f"{len(found):,} names for {n_classes:,} classes"))
    return tuple(str(name) if isinstance(name, str) else name for name in found)  # np.str_ too


def _is_number(value: object) -> bool:
    """Return whether a value is a whole number, of Python or of NumPy."""
    return isinstance(value, SupportsIndex) and not isinstance(value, bool)


def _wrong_value(dataset: Dataset) -> Problem | None:
    """Return what is wrong with the values of a dataset, if anything."""
    if not isinstance(dataset.name, str) or not re.fullmatch(NAME_PATTERN, dataset.name):
        expected = "1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first"
        return Problem(
            "the name of a dataset must be a plain name", got=_cut(dataset.name), expected=expected
        )
    if not _is_text(dataset.title):
        return Problem("the title of a dataset must be a text", got=_cut(dataset.title))
    sizes = dataset.image_shape
    if len(sizes) != 3 or not all(_is_count(size, 1 << 16) for size in sizes):
        what = "the image shape must be (height, width, channels)"
        return Problem(what, got=_cut(sizes), expected="three whole numbers from 1 to 65,536")
    if not all(_is_count(count, 1 << 48) for count in (dataset.n_train, dataset.n_test)):
        got = f"{_cut(dataset.n_train)} and {_cut(dataset.n_test)}"
        return Problem("both parts of a dataset must have images", got=got, expected="1 or more in each")
    names = dataset.class_names
    if not 2 <= len(names) <= MOST_CLASSES:
        expected = f"from 2 to {MOST_CLASSES:,}"
        return Problem("a dataset must have two or more classes", got=str(len(names)), expected=expected)
    if not all(_is_text(name) for name in names):
        expected = f"texts of 1 to {LONGEST_TEXT:,} letters on one line"
        return Problem(
            "a class name must be a text", got=_cut([n for n in names if not _is_text(n)]), expected=expected
        )
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        return Problem("two classes have the same name", got=_cut(twice), expected="each name once")
    return None


def _is_text(value: object) -> bool:
    """Return whether a value is a text on one line: no control characters, and no half of a surrogate pair."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TEXT or not value.strip():
        return False
    return all(unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") for letter in value)


def _is_count(value: object, most: int) -> bool:
    return type(value) is int and 1 <= value <= most


def _cut(value: object) -> str:
    return repr(value)[:80]
