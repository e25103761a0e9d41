"""Images of several files, one file after the other, and the place of an image among them."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from convstudy.data.listing import Stamp

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class HasPath(Protocol):
    """A file, or a part of one."""

    @property
    def path(self) -> str: ...


F = TypeVar("F", bound=HasPath)
Opened = TypeVar("Opened")


class ConsecutiveFiles(Generic[F, Opened]):
    """Base class of readers whose positions count through several files in their order.

    Attributes:
        files: the files, or the parts of files.
        lock: two threads must not move the same open file.

    Args:
        files: the files.
        counts: the number of images of each.
    """

    def __init__(self, files: Sequence[F], counts: Sequence[int]) -> None:
        self.files = tuple(files)
        self.lock = threading.Lock()
        self._starts = (0, *accumulate(counts))
        self._open: dict[int, Opened] = {}

    def __len__(self) -> int:
        """Return the number of images of all files."""
        return self._starts[-1]

    def stamp(self, position: int) -> Stamp:
        status = Path(self.place(position)[1].path).stat()
        return status.st_size, status.st_mtime_ns, status.st_ino

    def stamps(self) -> npt.NDArray[np.int64]:
        """Return all stamps, int64 of shape (n, 3); −1 where the file cannot be examined."""
        import numpy as np

        stamps = np.full((len(self), 3), -1, dtype=np.int64)
        for start, end in zip(self._starts, self._starts[1:], strict=False):
            if start < end:
                with suppress(OSError):
                    stamps[start:end] = self.stamp(start)
        return stamps

    def place(self, position: int) -> tuple[int, F, int]:
        """Return the number of the file, the file, and the row in this file.

        Raises:
            IndexError: if there is no image at this position.
        """
        if not 0 <= position < len(self):
            raise IndexError(f"position must be in [0, {len(self) - 1}]; got {position}")
        number = bisect_right(self._starts, position) - 1
        return number, self.files[number], position - self._starts[number]
