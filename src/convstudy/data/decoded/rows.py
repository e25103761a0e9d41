"""Files of rows of equal size: the pixels of decoded images, and their perceptual hashes.

Rows are read and written with ordinary calls instead of a memory map. A write to a full disk then raises an error
instead of ending the process, and the pages do not count as memory of the process.
"""

from __future__ import annotations

import io
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class RowFile:
    """A file of rows of ``row_bytes`` bytes each, open until :meth:`close`.

    Args:
        path: the file.
        row_bytes: the size of a row.
        writable: whether rows can be written; the file is created if it is missing.

    Raises:
        OSError: if the file cannot be opened.
    """

    def __init__(self, path: Path, row_bytes: int, writable: bool = False) -> None:
        self.row_bytes = row_bytes
        self._file: io.RawIOBase
        if writable:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0)
        else:
            self._file = open_regular(path).detach()

    def close(self) -> None:
        self._file.close()

    def read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return rows, uint8 (m, ``row_bytes``), in this order; rows beyond the end of the file are 0.

        Raises:
            OSError: if the file cannot be read.
        """
        import numpy as np

        found = np.zeros((len(rows), self.row_bytes), dtype=np.uint8)
        space = found.reshape(-1).data
        # Runs of consecutive rows are read with one call each.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        ends = np.append(starts, len(rows))[1:]
        for start, end, row in zip(starts.tolist(), ends.tolist(), rows[starts].tolist(), strict=True):
            self._file.seek(row * self.row_bytes)
            _fill(self._file, space[start * self.row_bytes : end * self.row_bytes])
        return found

    def write(self, row: int, values: npt.NDArray[np.uint8] | bytes) -> None:
        """Write consecutive rows from ``row`` on.

        Args:
            row: the first row.
            values: uint8 (m, ``row_bytes``), or the bytes of the rows.

        Raises:
            OSError: if the disk is full or the file cannot be written.
        """
        left = memoryview(values if isinstance(values, bytes) else values.reshape(-1).data)
        self._file.seek(row * self.row_bytes)
        while left:
            left = left[self._file.write(left) or 0 :]


CHECKSUM_BYTES = 4
"""The size of the checksum at the end of a row of a perceptual hash. Pixels have a hash in the index."""


def with_checksums(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return rows, uint8 (m, k), with the CRC-32 of each row at its end, uint8 (m, k + 4)."""
    import numpy as np

    return np.concatenate((rows, _checksums(rows)), axis=1)


def are_intact(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return for each row of :func:`with_checksums` whether its checksum is right; a row of zeros is not intact."""
    found, recorded = _checksums(rows[:, :-CHECKSUM_BYTES]), rows[:, -CHECKSUM_BYTES:]
    intact: npt.NDArray[np.bool_] = (found == recorded).all(axis=1)
    return intact


def _checksums(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    import numpy as np

    checksums = np.array([zlib.crc32(row.tobytes()) for row in rows], dtype="<u4")
    return checksums.view(np.uint8).reshape(-1, CHECKSUM_BYTES)


def _fill(file: io.RawIOBase, space: memoryview) -> None:
    """Fill ``space`` from the file; one ``readinto`` can return fewer bytes than asked for."""
    while space:
        n_read = file.readinto(space)
        if not n_read:
            return
        space = space[n_read:]
