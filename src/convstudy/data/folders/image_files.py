"""Reads image files below a folder. The sources of folders and of tables share this reader."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.listing import Stamp
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_FILE_BYTES = 1 << 30
"""The largest size of one image file in bytes. A decoder needs the whole file in memory."""
NO_STAMP: Stamp = (-1, -1, -1)
"""The stamp in :meth:`FileReader.stamps` of a file that cannot be examined."""


@dataclass(frozen=True)
class FileReader:
    """Reads image files by their names relative to a folder.

    Args:
        root: the absolute path of the folder.
        names: the relative paths, with ``/``.
    """

    root: str
    names: Sequence[str]

    def stamp(self, position: int) -> Stamp:
        return stamp_of(os.stat(self._path(position)))  # noqa: PTH116 - pathlib takes three times as long

    def stamps(self) -> npt.NDArray[np.int64]:
        """Return the stamps of all images, int64 of shape (n, 3); -1 for a file that cannot be examined."""
        import numpy as np

        found = []
        for position in range(len(self.names)):
            try:
                found.append(self.stamp(position))
            except (OSError, ValueError):
                found.append(NO_STAMP)
        return np.array(found, np.int64).reshape(-1, 3)

    def read(self, position: int) -> bytes:
        return read_file(Path(self._path(position)))

    def as_json(self) -> dict[str, Any]:
        return {"root": self.root, "names": list(self.names)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FileReader:
        """Create the reader from the values of :meth:`as_json`."""
        return cls(values["root"], values["names"])

    def _path(self, position: int) -> str:
        return f"{self.root}/{self.names[position]}"


def read_file(path: Path) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        DataError: if the file is missing, cannot be read, or is larger than :data:`MAX_FILE_BYTES`.
    """
    where = Location(str(path))
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
                raise DataError(Problem(f"the file is larger than {MAX_FILE_BYTES:,} bytes", where))
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        what = "this symbolic link leads to no file" if path.is_symlink() else "there is no such file"
        raise DataError(Problem(what, where)) from None
    except (OSError, ValueError) as error:
        raise DataError(Problem(f"cannot read the file: {reason(error)}", where)) from None


def reason(error: Exception) -> str:
    """Return why a file cannot be read, in the words of the system."""
    return getattr(error, "strerror", None) or " ".join(str(error).split())[:200] or type(error).__name__


def stamp_of(status: os.stat_result) -> Stamp:
    """Return size, modification time and inode; an inode beyond int64 loses its highest bit."""
    return status.st_size, status.st_mtime_ns, status.st_ino & (2**63 - 1)
