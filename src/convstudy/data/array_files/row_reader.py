"""Reads images from text files in which each line is one image."""

from __future__ import annotations

import io
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isqrt
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from convstudy.data.array_files.image_blocks import as_data_error
from convstudy.data.array_files.number_rows import RowFormat, data_lines, opened
from convstudy.data.consecutive import ConsecutiveFiles
from convstudy.data.source import from_json
from convstudy.data.value_range import ImageBounds
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_BYTES_IN_MEMORY = 1 << 25
"""The unpacked text of a gzip file up to this size stays in memory."""


@dataclass(frozen=True)
class RowFile:
    """A text file of images.

    Args:
        path: the file.
        n_rows: the number of images.
        separator: see :class:`RowFormat`, as text.
        n_columns: see :class:`RowFormat`.
        decimal_comma: see :class:`RowFormat`.
        has_header: whether the first line has names of columns.
        first: the first column of pixels.
        last: the column after the last column of pixels.
    """

    path: str
    n_rows: int
    separator: str
    n_columns: int
    decimal_comma: bool
    has_header: bool
    first: int
    last: int

    @property
    def format(self) -> RowFormat:
        return RowFormat(self.separator.encode(), (), self.n_columns, self.decimal_comma)


class RowReader(ConsecutiveFiles[RowFile, "_Rows"]):
    """Reads the images of one or more files of rows; positions count through the files in their order."""

    def __init__(self, files: Sequence[RowFile]) -> None:
        super().__init__(files, [file.n_rows for file in files])
        self.bounds = ImageBounds(self.read, len(self), "text")

    def read(self, position: int) -> npt.NDArray[np.uint8 | np.float64]:
        """Return one image of shape (side, side): uint8 for whole numbers from 0 to 255, else float64."""
        number, file, row = self.place(position)
        with self.lock, as_data_error(Location(file.path)):
            if number not in self._open:
                self._open[number] = _Rows(file)
            return self._open[number].read(row)

    def as_json(self) -> dict[str, Any]:
        return {"files": [asdict(file) for file in self.files]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> RowReader:
        """Create the reader from the values of :meth:`as_json`."""
        return cls([from_json(RowFile, file) for file in values["files"]])


class _Rows:
    """An open file with the offset of each row."""

    def __init__(self, file: RowFile) -> None:
        path = Path(file.path)
        self.spec, self.format, self.where = file, file.format, Location(file.path)
        self.offsets, self.line_numbers = array("q"), array("q")
        with opened(path) as text:
            for number, offset, _ in data_lines(text, self.where):
                self.offsets.append(offset)
                self.line_numbers.append(number)
        if file.has_header:
            del self.offsets[:1], self.line_numbers[:1]
        if len(self.offsets) != file.n_rows:
            raise DataError(
                Problem("the file was changed while it was in use", self.where, hint="start again")
            )
        self.file: IO[bytes] = opened(path)
        if path.suffix == ".gz" and self.offsets and self.offsets[-1] <= MAX_BYTES_IN_MEMORY:
            with self.file as packed:
                self.file = io.BytesIO(packed.read(2 * MAX_BYTES_IN_MEMORY))

    def read(self, row: int) -> npt.NDArray[np.uint8 | np.float64]:
        self.file.seek(self.offsets[row])
        values = self.format.numbers(self.file.readline(), slice(self.spec.first, self.spec.last))
        n_pixels = self.spec.last - self.spec.first
        if values is None:
            where = Location(self.spec.path, self.line_numbers[row])
            raise DataError(Problem(f"the {n_pixels:,} pixels of an image must be numbers", where))
        return values.reshape(isqrt(n_pixels), -1)
