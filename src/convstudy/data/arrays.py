"""NumPy's ``.npy`` files, read strictly, and images that stay in such a file because memory is too small for them.

The pixels of a large dataset are mapped, to look at a few of them, and read a batch at a time, for training.
A batch is not gathered out of the map: images in random order touch every page of it, a kernel maps up to two
megabytes at each touch, and so the whole file would count as resident after a few batches.
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

LONGEST_HEADER = 10_000
"""In bytes; NumPy's own are some hundred."""


def map_array(path: Path, dtype: str, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[Any]]:
    """Return the array of a ``.npy`` file as a read-only memory map; nothing of it is read yet but the header.

    Args:
        path: the file.
        dtype: the type that its values must have, such as ``"|u1"``; objects are never read.
        shape: the shape that it must have.

    Raises:
        DataError: if the file cannot be read, or is anything but a file of that type and shape, in C order.
    """
    header = _header(path)
    if header.dtype.str != dtype or header.shape != shape or header.is_fortran:
        expected = f"{dtype} of shape {shape}"
        raise DataError(
            Problem("an array of another type or shape", Location(str(path)), header.description, expected)
        )
    return _mapped(path, header)


def open_array(path: Path, kinds: str, what: str) -> np.memmap[Any, np.dtype[Any]]:
    """Return the array of a ``.npy`` file as a read-only memory map, whatever its shape is.

    Args:
        path: the file.
        kinds: the kinds of type that its values may have, as NumPy abbreviates them, such as ``"iu"``.
        what: what the array must be, for the error.

    Raises:
        DataError: where the file cannot be read, is empty or damaged, or has values of another kind.
    """
    header = _header(path)
    if header.dtype.kind not in kinds or not header.shape or min(header.shape) < 1:
        raise DataError(Problem("this array cannot be used", Location(str(path)), header.description, what))
    if header.is_fortran:
        hint = "save it with np.save(path, np.ascontiguousarray(array))"
        raise DataError(
            Problem(
                "this array is in Fortran order", Location(str(path)), header.description, "C order", hint
            )
        )
    return _mapped(path, header)


@dataclass(frozen=True)
class NpyHeader:
    """What a ``.npy`` file says of its array."""

    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[Any]

    @property
    def description(self) -> str:
        """The header in words."""
        order = ", in Fortran order" if self.is_fortran else ""
        return f"{self.dtype.str} of shape {self.shape}{order}"


def read_header(file: IO[bytes]) -> NpyHeader:
    """Read the header of a ``.npy`` file, up to where its values begin; a damaged one raises what NumPy raises."""
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    return NpyHeader(*readers[npy.read_magic(file)](file, max_header_size=LONGEST_HEADER))


@dataclass(frozen=True)
class _Header(NpyHeader):
    """The header, where the values begin, and the size of the file."""

    offset: int
    n_bytes: int


def _header(path: Path) -> _Header:
    """Return the header of a file and its sizes."""
    try:
        with open_regular(path) as file:
            found = read_header(file)
            size = os.fstat(file.fileno()).st_size
            return _Header(found.shape, found.is_fortran, found.dtype, file.tell(), size)
    except OSError as error:
        what = "cannot read the file"
        raise DataError(Problem(what, Location(str(path)), got=error.strerror or str(error))) from None
    except Exception as error:  # what NumPy raises over a header that another program wrote is not documented
        raise DataError(
            Problem("this is not a sound .npy file", Location(str(path)), got=_short(error))
        ) from None


def _mapped(path: Path, header: _Header) -> np.memmap[Any, np.dtype[Any]]:
    """Return the map of an array whose header is fine; the file must have exactly its bytes."""
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
    """A file that holds images, from which some can be read at a time.

    Args:
        path: the file.
        offset: where the first image begins, in bytes.
        image_shape: (height, width, channels) of every image.
        stamp: size and time of the file's last change, which differ for another file in its place.
    """

    path: Path
    offset: int
    image_shape: tuple[int, int, int]
    stamp: tuple[int, int]

    @classmethod
    def of(cls, pixels: np.memmap[Any, np.dtype[Any]], path: Path) -> PixelFile:
        """Return the file behind a map of images, uint8 (n, height, width, channels)."""
        _, height, width, channels = pixels.shape
        return cls(path, pixels.offset, (height, width, channels), _stamp(path.stat()))

    def read(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return the images at these rows, in this order; neighbours are read together.

        Args:
            rows: integers, shape (m,), each the number of an image that is there; they may repeat.

        Returns:
            uint8, shape (m, height, width, channels).

        Raises:
            DataError: if the file cannot be read, or is not the one any more that it was.
        """
        import numpy as np

        pixels = np.empty((len(rows), *self.image_shape), dtype=np.uint8)
        size = prod(self.image_shape)
        starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
        ends = np.append(starts, len(rows))[1:]
        space = pixels.reshape(-1).data
        try:
            with open_regular(self.path).detach() as file:
                if _stamp(os.fstat(file.fileno())) != self.stamp:
                    raise DataError(
                        Problem(
                            "this file was changed while it was in use",
                            Location(str(self.path)),
                            hint="run again",
                        )
                    )
                for start, end, row in zip(
                    starts.tolist(), ends.tolist(), rows[starts].tolist(), strict=True
                ):
                    file.seek(self.offset + row * size)
                    self._fill(file, space[start * size : end * size])
        except OSError as error:
            what = "cannot read the file any more"
            raise DataError(
                Problem(what, Location(str(self.path)), got=error.strerror or str(error))
            ) from None
        return pixels

    def _fill(self, file: io.RawIOBase, space: memoryview) -> None:
        """Read until there is no space left."""
        while space:
            n_read = file.readinto(space)
            if not n_read:
                raise DataError(Problem("the file ends too early", Location(str(self.path))))
            space = space[n_read:]


def _stamp(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
