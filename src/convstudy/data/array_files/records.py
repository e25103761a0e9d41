"""Files of records of equal size without a header, such as those of CIFAR-10 and STL-10, and lists of class names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import check_regular, open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_NAMES_BYTES = 1 << 20
"""The largest size of a file of class names in bytes."""


def n_records(path: Path, record_bytes: int) -> int:
    """Return the number of records of a file.

    Raises:
        DataError: if the file cannot be read, is empty, or ends within a record.
    """
    try:
        check_regular(path)
        size = path.stat().st_size
    except OSError as error:
        what = f"cannot read the file: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)))) from None
    if not size or size % record_bytes:
        what, expected = "the file has a wrong size", f"a multiple of {record_bytes:,} bytes"
        raise DataError(Problem(what, Location(str(path)), f"{size:,} bytes", expected))
    return size // record_bytes


def record_bytes_at(path: Path, record_bytes: int, at: int) -> npt.NDArray[np.uint8]:
    """Return one byte of each record of a file, uint8 of shape (n,).

    Args:
        path: the file.
        record_bytes: the size of a record.
        at: the position of the byte in its record.

    Raises:
        DataError: see :func:`n_records`.
    """
    import numpy as np

    shape = (n_records(path, record_bytes), record_bytes)
    return np.array(np.memmap(path, np.uint8, "r", shape=shape)[:, at])


def names_in(path: Path) -> tuple[str, ...] | None:
    """Return the lines of a file of class names without empty lines, or ``None`` if there is no such file.

    Raises:
        DataError: if the file cannot be read, is too large or is not text.
    """
    if not path.exists():
        return None
    try:
        with open_regular(path) as file:
            content = file.read(MAX_NAMES_BYTES + 1)
        if len(content) > MAX_NAMES_BYTES:
            raise ValueError(f"more than {MAX_NAMES_BYTES:,} bytes")
        names = [line.strip() for line in content.decode("utf-8").splitlines()]
    except (OSError, ValueError) as error:
        what = f"cannot read the class names: {' '.join(str(error).split())[:200]}"
        raise DataError(Problem(what, Location(str(path)))) from None
    return tuple(name for name in names if name)


def named_labels(
    labels: npt.NDArray[np.uint8], names: tuple[str, ...] | None, first: int, where: Location
) -> list[str | None]:
    """Return the class name of each label, or its number if there are no names.

    Args:
        labels: shape (n,).
        names: the class names.
        first: the label of the first name.
        where: the file of the labels in errors.

    Raises:
        DataError: if a label has no name.
    """
    lowest, highest = int(labels.min()), int(labels.max())
    if names is None:
        return [str(label) for label in labels.tolist()]
    last = first + len(names) - 1
    if lowest < first or highest > last:
        expected = f"labels from {first} to {last}, one per class name"
        raise DataError(
            Problem("a label has no class name", where, f"labels from {lowest} to {highest}", expected)
        )
    return [names[label - first] for label in labels.tolist()]
