"""The protocol of a source of images. Each kind of source is one module of :mod:`convstudy.data.sources`.

A *part* of a dataset is its training set (``"train"``) or its test set (``"test"``).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.images import Images, Part

S = TypeVar("S")


class Source(Protocol):
    """The place of a dataset's images and the digests that verify them, as a frozen, hashable value."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the whole content; it does not depend on names and paths."""
        ...

    def fetch(self, download: bool = True) -> None:
        """Make sure that the files of both parts exist, without reading them.

        Args:
            download: whether missing files can be downloaded.

        Raises:
            DataError: if a file is missing and cannot be downloaded.
        """
        ...

    def read(self, part: Part) -> Images:
        """Read one part and verify its digest; no file of the other part is read.

        Raises:
            DataError: if the part is missing or damaged, or has the wrong type, shape or digest.
        """
        ...

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        """Read the labels of one part, int64 of shape (n,), without the images.

        If only the digest of the whole part is known, the labels are not verified here but in :meth:`read`.

        Raises:
            DataError: if the labels are missing or damaged, or have the wrong type or shape.
        """
        ...

    @property
    def n_groups(self) -> int:
        """The number of groups of the training images; 0 if they have no groups."""
        ...

    @property
    def has_times(self) -> bool:
        """Whether the training images have times, which order their splits."""
        ...

    def read_times(self, part: Part) -> npt.NDArray[np.int64] | None:
        """Read the times of one part, int64 ranks of shape (n,), without the images; ``None`` if it has no times.

        Raises:
            DataError: if the times are damaged, or have the wrong type or shape.
        """
        ...

    def read_groups(self, part: Part) -> npt.NDArray[np.int64] | None:
        """Read the groups of one part, int64 of shape (n,), without the images; ``None`` if it has no groups.

        Like labels, they may be verified only in :meth:`read`.

        Raises:
            DataError: if the groups are damaged, or have the wrong type or shape.
        """
        ...

    @property
    def keys(self) -> Mapping[str, Any]:
        """The keys of ``[dataset]`` that name this source, such as ``path``; empty if a study file cannot name it."""
        ...

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return JSON values for :meth:`from_json`; a path inside ``folder`` becomes relative to ``folder``."""
        ...

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> Self:
        """Create the source from the values of :meth:`as_json`, which are validated.

        Args:
            values: the JSON values.
            folder: the folder of relative paths.

        Raises:
            ValueError: if the values do not describe a source of this kind.
        """
        ...


@dataclass(frozen=True)
class Found:
    """A source that was read for the first time, with the sizes of its content.

    Args:
        source: the source, with the digests of its content.
        image_shape: (height, width, channels).
        n_train: the number of training images.
        n_test: the number of test images.
        n_classes: the number of classes; labels are in [0, ``n_classes``).
    """

    source: Source
    image_shape: tuple[int, int, int]
    n_train: int
    n_test: int
    n_classes: int


@dataclass(frozen=True)
class SourceKind:
    """A kind of source. Its module defines it as ``SOURCE``; there is no list to extend.

    Args:
        name: the name in JSON and in a study file (``[dataset]`` with ``source = "npy"``).
        type: the class of its sources.
        find: reads the dataset at a path of a study file and raises :class:`~convstudy.errors.DataError` if there is
            none; ``None`` for a kind of built-in datasets only.
        path_form: what the path in a study file must be, such as "a folder with …".
    """

    name: str
    type: type[Source]
    find: Callable[[Path], Found] | None = None
    path_form: str = ""


def combine(identities: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of several identities, one per line, in this order."""
    return hashlib.sha256("".join(f"{identity}\n" for identity in identities).encode("ascii")).hexdigest()


class WithoutGroups:
    """Base class of a source whose images have neither groups nor times."""

    @property
    def n_groups(self) -> int:
        return 0

    @property
    def has_times(self) -> bool:
        return False

    def read_groups(self, part: Part) -> None:
        """Return ``None``."""

    def read_times(self, part: Part) -> None:
        """Return ``None``."""


class PartDigests:
    """Base class of a source that knows the digest of each part.

    The same images have the same digest in all such sources.

    Attributes:
        train_digest: SHA-256 (hex) of the training set, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: SHA-256 (hex) of the test set.
    """

    train_digest: str
    test_digest: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the digests of both parts."""
        return combine((f"content {self.train_digest}", f"content {self.test_digest}"))

    def verified(self, images: Images, part: Part, where: Location, hint: str) -> Images:
        """Return ``images`` if their digest is the expected one.

        Args:
            images: the images of the part.
            part: ``"train"`` or ``"test"``.
            where: the place in the error.
            hint: the hint of the error.

        Raises:
            DataError: if the digest of the images is not that of the source.
        """
        expected, got = self.train_digest if part == "train" else self.test_digest, images.digest()
        if got != expected:
            what = f"the {part} set has changed"
            raise DataError(Problem(what, where, f"SHA-256 {got}", f"SHA-256 {expected}", hint))
        return images


def exists(path: Path) -> bool:
    """Return whether a path exists; ``False`` for an invalid path, such as one that is too long."""
    try:  # a name that is too long raises OSError, a NUL byte ValueError
        return path.exists()
    except (OSError, ValueError):
        return False


def path_within(path: str, folder: Path | None) -> str:
    """Return a path for JSON: relative to ``folder`` if it is inside, else unchanged."""
    if folder is not None and Path(path).is_relative_to(folder.absolute()):
        return str(Path(path).relative_to(folder.absolute()))
    return path


def path_from(path: str, folder: Path) -> str:
    """Return the absolute path of a path from JSON; a relative path is relative to ``folder``."""
    return str((folder / path).absolute())


def from_json(kind: type[S], values: object) -> S:
    """Return an instance of a frozen dataclass from plain values, each checked against the type of its field.

    Raises:
        ValueError: if a value is missing or has the wrong type.
    """
    from pydantic import TypeAdapter

    # As JSON text, because pydantic's strict mode accepts a list for a tuple only in JSON.
    return TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
