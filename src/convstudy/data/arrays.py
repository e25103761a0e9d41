"""A strict reader of NumPy's ``.npy`` files, and images that stay in such a file because they are large.

A memory map gives access to a few images of a large dataset. Training reads batches from the file instead. In
random order, reads from the map would touch every page. The kernel maps up to 2 MB per access, so after a few batches
the whole file would count as resident memory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import io

    import numpy as np
    import numpy.typing as npt

MAX_HEADER_BYTES = 10_000
"""The maximum size of a header in bytes; headers that NumPy writes have a few hundred bytes."""


def map_array(path: Path, dtype: str, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[Any]]:
    """Return the array of a ``.npy`` file as a read-only memory map. Only the header is read.

    Args:
        path: the file.
        dtype: the expected dtype, such as ``"|u1"``; objects are never read.
        shape: the expected shape.

    Raises:
        DataError: if the file cannot be read, has another dtype or shape, or is in Fortran order.
    """
    header = file_header(path)
    if header.dtype.str != dtype or header.shape != shape or header.is_fortran:
        expected = f"{dtype} of shape {shape}"
        raise DataError(
            Problem(
                "the array has the wrong type or shape", Location(str(path)), header.description, expected
            )
        )
    return _memory_map(path, header)


def open_array(path: Path, kinds: str, expected: str) -> np.memmap[Any, np.dtype[Any]]:
    """Return the array of a ``.npy`` file as a read-only memory map, of any shape.

    Args:
        path: the file.
        kinds: the allowed ``dtype.kind`` characters, such as ``"iu"``.
        expected: what the array must be, for the error.

    Raises:
        DataError: if the file cannot be read, is empty or damaged, or has a dtype of another kind.
    """
    header = file_header(path)
    if header.dtype.kind not in kinds or not header.shape or min(header.shape) < 1:
        what = f"this array must not be empty, and must be {expected}"
        raise DataError(Problem(what, Location(str(path)), header.description))
    if header.is_fortran:
        what, hint = (
            "this array must be in C order",
            "save it with np.save(path, np.ascontiguousarray(array))",
        )
        raise DataError(Problem(what, Location(str(path)), header.description, hint=hint))
    return _memory_map(path, header)


@dataclass(frozen=True)
class NpyHeader:
    """The header of a ``.npy`` file."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]

    @property
    def description(self) -> str:
        """The header as text for errors."""
        order = ", in Fortran order" if self.is_fortran else ""
        return f"{self.dtype.str} of shape {self.shape}{order}"


def read_header(file: IO[bytes]) -> NpyHeader:
    """Read the header of a ``.npy`` file up to its values; a damaged header raises NumPy's exceptions."""
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    return NpyHeader(*readers[npy.read_magic(file)](file, max_header_size=MAX_HEADER_BYTES))


@dataclass(frozen=True)
class FileHeader(NpyHeader):
    """A header with the offset of the values and the size of the file, both in bytes."""

    offset: int
    n_bytes: int


def file_header(path: Path) -> FileHeader:
    """Read the header of a ``.npy`` file; raise :class:`DataError` if the file cannot be read or is damaged."""
    try:
        with open_regular(path) as file:
            found = read_header(file)
            size = os.fstat(file.fileno()).st_size
            return FileHeader(found.shape, found.is_fortran, found.dtype, file.tell(), size)
    except OSError as error:
        what = f"cannot read the file: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)))) from None
    except Exception as error:  # NumPy does not document what it raises for a damaged header
        what = f"this is not a valid .npy file: {_short(error)}"
        raise DataError(Problem(what, Location(str(path)))) from None


def _memory_map(path: Path, header: FileHeader) -> np.memmap[Any, np.dtype[Any]]:
    """Return the memory map of an array with a valid header; the file must have exactly the bytes of the array."""
    import numpy as np

    expected = header.offset + prod(header.shape) * header.dtype.itemsize
    if header.n_bytes != expected:
        what = "bytes follow the last value" if header.n_bytes > expected else "the file ends too early"
        raise DataError(
            Problem(what, Location(str(path)), f"{header.n_bytes:,} bytes", f"exactly {expected:,} bytes")
        )
    return np.memmap(path, dtype=header.dtype, mode="r", offset=header.offset, shape=header.shape)


@dataclass(frozen=True)
class PixelFile:
    """A file of images, from which single images can be read.

    Args:
        path: the file.
        offset: the offset of the first image in bytes.
        image_shape: (height, width, channels) of every image.
        stamp: the size and modification time of the file, which show a change of the file.
    """

    path: Path
    offset: int
    image_shape: tuple[int, int, int]
    stamp: tuple[int, int]

    @classmethod
    def of(cls, pixels: np.memmap[Any, np.dtype[Any]], path: Path) -> PixelFile:
        """Return the file of a memory map of images, uint8 of shape (n, height, width, channels)."""
        _, height, width, channels = pixels.shape
        return cls(path, pixels.offset, (height, width, channels), _stamp(path.stat()))

    def read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return the images of these rows, in this order.

        Args:
            rows: int64, shape (m,), row numbers of the file; they can repeat.

        Returns:
            uint8, shape (m, height, width, channels).

        Raises:
            DataError: if the file cannot be read, or has changed.
        """
        import numpy as np

        pixels = np.empty((len(rows), *self.image_shape), dtype=np.uint8)
        size = prod(self.image_shape)
        # Runs of consecutive rows are read with one call each.
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        ends = np.append(starts, len(rows))[1:]
        space = pixels.reshape(-1).data
        try:
            # detach() gives the unbuffered file, which reads into the array itself.
            with open_regular(self.path).detach() as file:
                # The open file is checked, because the path can point to another file by now.
                if _stamp(os.fstat(file.fileno())) != self.stamp:
                    raise DataError(
                        Problem(
                            "this file was changed while it was in use",
                            Location(str(self.path)),
                            hint="run the study again",
                        )
                    )
                for start, end, row in zip(
                    starts.tolist(), ends.tolist(), rows[starts].tolist(), strict=True
                ):
                    file.seek(self.offset + row * size)
                    self._fill(file, space[start * size : end * size])
        except OSError as error:
            what = f"cannot read the file any more: {error.strerror or error}"
            raise DataError(Problem(what, Location(str(self.path)))) from None
        return pixels

    def _fill(self, file: io.RawIOBase, space: memoryview) -> None:
        """Fill ``space`` from the file; one ``readinto`` can return fewer bytes than asked for."""
        while space:
            n_read = file.readinto(space)
            if not n_read:
                raise DataError(Problem("the file ends too early", Location(str(self.path))))
            space = space[n_read:]


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
