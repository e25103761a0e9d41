"""The images that a source contains, before any of them is decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.value_range import ValueBounds

ListedPart = Literal["", "train", "validation", "test"]
"""The part that a source names for an image; empty if it names none."""

Stamp = tuple[int, int, int]
"""Size in bytes, modification time in nanoseconds, and inode of the file that contains an image."""


class Reader(Protocol):
    """Reads the images of a listing by position. Decode processes receive a copy, as the JSON of :meth:`as_json`."""

    def stamp(self, position: int) -> Stamp:
        """Return the stamp of the file that contains this image, without reading it.

        Raises:
            OSError: if the file cannot be examined.
        """
        ...

    def stamps(self) -> npt.NDArray[np.int64]:
        """Return the stamps of all images, int64 of shape (n, 3), quickly; -1 for a file that cannot be examined."""
        ...

    def read(self, position: int) -> bytes | npt.NDArray[Any]:
        """Return one image.

        Returns:
            The bytes of an image file, or the pixels as an array of shape (height, width) or (height, width, channels).

        Raises:
            DataError: if the image cannot be read; the other images of the listing can still be read.
        """
        ...

    def as_json(self) -> dict[str, Any]:
        """Return JSON values from which ``SourceKind.reader`` creates an equal reader in another process."""
        ...


@dataclass(frozen=True, eq=False)
class Listing:
    """The images of a source with their labels. All columns have one value per image, in the same order.

    Args:
        reader: reads the images by position.
        names: the identity of each image within the source, unique: a relative path with ``/``, or ``row 17``.
        labels: the class name of each image; ``None`` if it has no label.
        class_names: all class names in their order, if the source defines them (a class may have no image); otherwise
            ``None``, and the classes are those of ``labels``, sorted by :func:`class_order`.
        parts: the part of each image; ``None`` if the source has no parts.
        groups: the group of each image, such as a patient; ``None`` if the source has no groups.
        times: the position of each image in time, such as a date in ISO form; ``None`` if the source has no times.
        weights: the weight of each image in the training loss, positive; ``None`` for equal weights.
        notes: what the reader decided or skipped, one sentence each. They are printed.
        bounds: returns the bounds of the pixel values of the images at these positions, if the images are arrays;
            ``None`` for image files. Call it for training images only.
        faults: position -> why this image cannot be used, such as "line 4 has no label". Images without a label need
            no entry.

    Raises:
        DataError: if there is no image, or a column has another length.
    """

    reader: Reader
    names: Sequence[str]
    labels: Sequence[str | None]
    class_names: tuple[str, ...] | None = None
    parts: Sequence[ListedPart] | None = None
    groups: Sequence[str] | None = None
    times: Sequence[str] | None = None
    weights: Sequence[float] | None = None
    notes: tuple[str, ...] = ()
    bounds: Callable[[Sequence[int]], ValueBounds] | None = None
    faults: Mapping[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.names:
            raise DataError(Problem("there is no image"))
        for column in ("labels", "parts", "groups", "times", "weights"):
            values = getattr(self, column)
            if values is not None and len(values) != len(self.names):
                got = f"{len(values):,} {column} for {len(self.names):,} images"
                raise DataError(Problem(f"there must be one value of {column} per image", got=got))

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)


@dataclass(frozen=True)
class SourceOptions:
    """The keys of ``[dataset]`` that say how a source is read.

    Args:
        image: the column of paths or images.
        label: the column of labels.
        group: the column of groups.
        part: the column of parts: "train", "validation" (or "val", "valid", "dev") or "test".
        weight: the column of weights in the training loss.
        time: the column of times; splits are then in order of time.
        parts: whether folders such as ``train/`` and ``test/`` are parts (``"auto"``: if all top-level folders are such
            words) or classes (``"ignore"``).
        transpose: whether images are stored transposed, as in EMNIST's files.
    """

    image: str | None = None
    label: str | None = None
    group: str | None = None
    part: str | None = None
    weight: str | None = None
    time: str | None = None
    parts: Literal["auto", "ignore"] = "auto"
    transpose: bool = False


@dataclass(frozen=True)
class ListedSource:
    """A kind of source that lists its images. Its module defines it as ``LISTED_SOURCE``; there is no list to extend.

    Args:
        name: the name in a study file (``[dataset]`` with ``source = "folder"``).
        path_form: what the path must be, such as "a folder with one folder per class"; empty for a kind that a study
            file cannot name.
        recognise: returns whether a path is of this kind, from its name and first bytes; it does not raise.
        listing: lists the images at a path, which exists, and raises :class:`~convstudy.errors.DataError` with all
            problems it finds.
        reader: creates the reader from the JSON values of :meth:`Reader.as_json`.
        options: the names of the :class:`SourceOptions` that the kind uses; others are refused.
        is_fallback: whether the kind is used only for a path that no other kind recognises.
    """

    name: str
    path_form: str
    recognise: Callable[[Path], bool]
    listing: Callable[[Path, SourceOptions], Listing]
    reader: Callable[[Mapping[str, Any]], Reader]
    options: tuple[str, ...] = ()
    is_fallback: bool = False


def class_order(names: set[str]) -> tuple[str, ...]:
    """Return class names in their order: as numbers if all of them are integers, otherwise as text.

    >>> class_order({"10", "9", "1"})
    ('1', '9', '10')
    >>> class_order({"dog", "cat", "10"})
    ('10', 'cat', 'dog')
    """
    if all(name.strip().lstrip("+-").isascii() and name.strip().lstrip("+-").isdigit() for name in names):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))
