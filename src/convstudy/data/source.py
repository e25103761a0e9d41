"""What a source of a dataset must do. Each kind of source is one file of :mod:`convstudy.data.sources`."""

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
    """Where the images of a dataset are, and the digests by which they are verified: a frozen, hashable value."""

    @property
    def digest(self) -> str:
        """One SHA-256 (hex) of the whole content; it depends neither on names nor on paths."""
        ...

    def fetch(self, download: bool = True) -> None:
        """Make sure that both parts can be read later; look into neither. ``download`` allows a download.

        Raises:
            DataError: where a file is missing and cannot be downloaded.
        """
        ...

    def read(self, part: Part) -> Images:
        """Read one part and verify its digest; touch nothing of the other part.

        Raises:
            DataError: where the part is missing, damaged, or not what it must be.
        """
        ...

    def read_labels(self, part: Part) -> npt.NDArray[np.int64]:
        """Read the labels of one part, shape (n,), and no image.

        Where only the digest of the whole part is known, the labels are not verified: :meth:`read` does that.

        Raises:
            DataError: where the labels are missing, damaged, or not what they must be.
        """
        ...

    @property
    def path(self) -> str:
        """The path that a study file has for it; empty where a study file cannot name it."""
        ...

    def as_json(self, folder: Path | None = None) -> dict[str, Any]:
        """Return plain values that :meth:`from_json` reads back; a path in ``folder`` is relative to it."""
        ...

    @classmethod
    def from_json(cls, values: Mapping[str, Any], folder: Path) -> Self:
        """Return the source of these plain values, which any program may have written.

        Args:
            values: what :meth:`as_json` returned.
            folder: what relative paths start from.

        Raises:
            ValueError: where the values are not those of a source of this kind.
        """
        ...


@dataclass(frozen=True)
class Found:
    """What the files of a source hold, read for the first time.

    Args:
        source: the source, with the digests of what was read.
        image_shape: (height, width, channels).
        n_train: the number of training images.
        n_test: the number of test images.
        n_classes: the number of classes; labels are 0 to ``n_classes - 1``.
    """

    source: Source
    image_shape: tuple[int, int, int]
    n_train: int
    n_test: int
    n_classes: int


@dataclass(frozen=True)
class SourceKind:
    """A kind of source: its module exposes it as ``SOURCE``, and is found without a list.

    Args:
        name: the word in JSON, and in a study file (``[dataset]`` with ``source = "npy"``).
        type: the class.
        find: returns what is at a path, for a study file; ``None`` where only built-in datasets are of this kind.
            Raises :class:`~convstudy.errors.DataError` for what is no dataset.
        path_words: what the path in a study file must be, such as "a folder with …".
    """

    name: str
    type: type[Source]
    find: Callable[[Path], Found] | None = None
    path_words: str = ""


def combine(identities: Iterable[str]) -> str:
    """Return one SHA-256 (hex) over several identities, one per line, in their order."""
    return hashlib.sha256("".join(f"{identity}\n" for identity in identities).encode("ascii")).hexdigest()


class PartDigests:
    """Base of a source that knows the digest of each part; the same images have one digest from all such sources.

    Attributes:
        train_digest: SHA-256 (hex) of the training part, see :meth:`convstudy.data.images.Images.digest`.
        test_digest: that of the test part.
    """

    train_digest: str
    test_digest: str

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of both parts."""
        return combine((f"content {self.train_digest}", f"content {self.test_digest}"))

    def verified(self, images: Images, part: Part, where: Location, hint: str) -> Images:
        """Return the images of a part; raise :class:`DataError` where their digest is not the known one."""
        expected, got = self.train_digest if part == "train" else self.test_digest, images.digest()
        if got != expected:
            what = f"the {part} part is not the known one"
            raise DataError(Problem(what, where, f"SHA-256 {got}", f"SHA-256 {expected}", hint))
        return images


def is_there(path: Path) -> bool:
    """Return whether something is at a path; nothing is at what is no path, such as one that is too long."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def path_within(path: str, folder: Path | None) -> str:
    """Return a path as JSON has it: relative to a folder that it is in, or as it is."""
    if folder is not None and Path(path).is_relative_to(folder.absolute()):
        return str(Path(path).relative_to(folder.absolute()))
    return path


def path_from(path: str, folder: Path) -> str:
    """Return the absolute path of what JSON has; a relative one starts from the folder."""
    return str((folder / path).absolute())


def from_json(kind: type[S], values: object) -> S:
    """Return a frozen dataclass from plain values, each checked against the type of its field.

    Raises:
        ValueError: where a value is missing or has another type.
    """
    from pydantic import TypeAdapter

    # As JSON text: only there does the strict mode take a list for a tuple.
    return TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
