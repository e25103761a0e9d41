"""A file or folder of named arrays, and its listing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from convstudy.data.array_files.image_blocks import ImageBlock
from convstudy.data.array_files.labels import label_texts
from convstudy.data.array_files.parts import ArrayPart, listing_of_parts
from convstudy.data.array_files.roles import roles_of
from convstudy.data.arrays import NpyHeader
from convstudy.data.listing import Listing, SourceOptions
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_LABEL_BYTES = 1 << 30
"""The largest size of an array that is not images, in bytes."""


class ArrayStore(Protocol):
    """A file or folder of named arrays."""

    @property
    def names(self) -> Sequence[str]:
        """The names of all arrays."""
        ...

    @property
    def place(self) -> Location:
        """The file or folder in errors."""
        ...

    def where(self, name: str) -> Location:
        """Return the place of an array in errors."""
        ...

    def block(self, name: str) -> tuple[ImageBlock, str]:
        """Return the images of an array without reading them, and a note on what was decided; empty if nothing was."""
        ...

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array that is not images."""
        ...


def listing_of_store(store: ArrayStore, options: SourceOptions, expected: str) -> Listing:
    """Return the listing of named arrays. Labels are read; of the images, only the header is.

    Args:
        store: the arrays.
        options: the names that the user gives.
        expected: the usual names, for errors.

    Raises:
        DataError: if images or labels are missing or do not fit each other.
    """
    roles = roles_of(store.names, options, store.place, expected)
    parts, notes = [], list[str]()
    for role in roles.parts:
        block, note = store.block(role.images)
        notes += [f"{note} ({role.images})"] if note else []
        where = store.where(role.labels)
        labels = label_texts(store.array(role.labels), where)
        columns = {key: store.array(name) for key, name in role.columns.items()}
        parts.append(ArrayPart.of(role.part, block, labels, where, columns))
    used = {key: name for role in roles.parts for key, name in role.columns.items()}
    if used:
        notes.append("columns: " + ", ".join(f"{name} ({key})" for key, name in used.items()))
    if roles.unused:
        notes.append(f"arrays that are not used: {', '.join(roles.unused)}")
    names = store.array(roles.class_names) if roles.class_names else None
    has_names = names is not None and names.dtype.kind == "U" and names.ndim == 1
    return listing_of_parts(parts, names.tolist() if names is not None and has_names else None, notes)


def check_plain(header: NpyHeader, name: str, where: Location) -> None:
    """Raise :class:`DataError` if an array has Python objects."""
    if header.dtype.hasobject:
        what = "this array has Python objects (dtype=object), which are not read because they can run code"
        hint = f"save text as text, with np.asarray({name}, dtype=str)"
        raise DataError(Problem(what, where, header.description, hint=hint))


def check_label_size(n_bytes: int, where: Location) -> None:
    """Raise :class:`DataError` if an array that is not images has more than ``MAX_LABEL_BYTES`` bytes."""
    if n_bytes > MAX_LABEL_BYTES:
        got, expected = f"{n_bytes:,} bytes", f"at most {MAX_LABEL_BYTES:,} bytes"
        raise DataError(Problem("this array is too large", where, got, expected))
