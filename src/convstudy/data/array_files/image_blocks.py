"""Images that follow each other in a file without a header of their own, such as the rows of an array.

Single images are read from their offset. Many processes can read the same file: it is in memory once, in the file cache
of the operating system. A compressed file is read from its start to the image that is wanted, so images should be read
in their order.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from convstudy.data.consecutive import ConsecutiveFiles
from convstudy.data.source import from_json
from convstudy.data.value_range import ImageBounds
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import check_regular, open_regular

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_BYTES_IN_MEMORY = 1 << 25
"""A compressed block up to this size is unpacked once, because any other order than that of the images is slow."""
MAX_IMAGE_BYTES = 1 << 28
"""The largest size of one image in bytes."""


@dataclass(frozen=True)
class ImageBlock:
    """The images of one array in a file.

    Args:
        path: the file.
        n_images: the number of images.
        shape: the shape of one image as stored, in C order.
        dtype: the number format as NumPy writes it, such as ``"|u1"`` or ``">f4"``.
        offset: the position of the first image in the (unpacked) file, in bytes.
        stride: the distance between two images in bytes; 0 if they follow each other without a gap.
        axes: the order of the axes of ``shape`` that gives (height, width) or (height, width, channels); empty if it is
            that order.
        packing: ``""`` for a file that is not compressed, ``"gzip"``, or ``"zip"`` for a member of a ZIP archive.
        member: the name of that member.
        is_fortran: whether the whole array is in Fortran order: the first values of all images, then the second values,
            and so on.
    """

    path: str
    n_images: int
    shape: tuple[int, ...]
    dtype: str
    offset: int = 0
    stride: int = 0
    axes: tuple[int, ...] = ()
    packing: str = ""
    member: str = ""
    is_fortran: bool = False

    @property
    def image_bytes(self) -> int:
        """The size of one image in bytes."""
        import numpy as np

        return prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def end(self) -> int:
        """The position after the last image in the (unpacked) file, in bytes."""
        return self.offset + (self.n_images - 1) * (self.stride or self.image_bytes) + self.image_bytes

    @property
    def where(self) -> Location:
        """The place in errors: the file and the name of the array."""
        return Location(self.path, key=(self.member.removesuffix(".npy"),) if self.member else ())

    def opened(self) -> IO[bytes]:
        """Open the file or the member for reading (unpacked) bytes."""
        if self.packing == "gzip":
            return opened_gzip(Path(self.path))
        if self.packing == "zip":
            check_regular(Path(self.path))
            # Closed together with its only member, because the archive itself is no longer referred to.
            return zipfile.ZipFile(self.path).open(self.member)
        return open_regular(Path(self.path))


class BlockReader(ConsecutiveFiles[ImageBlock, "_Images"]):
    """Reads the images of one or more blocks of the same number format; positions count through all blocks."""

    def __init__(self, files: Sequence[ImageBlock]) -> None:
        import numpy as np

        super().__init__(files, [block.n_images for block in files])
        self.bounds = ImageBounds(self.read, len(self), np.dtype(files[0].dtype).name)

    def read(self, position: int) -> npt.NDArray[Any]:
        """Return one image, an array of shape (height, width) or (height, width, channels)."""
        number, block, row = self.place(position)
        with self.lock, as_data_error(block.where):
            if number not in self._open:
                self._open[number] = _FortranImages(block) if block.is_fortran else _Images(block)
            image = self._open[number].read(row)
        return image.transpose(block.axes) if block.axes else image

    def as_json(self) -> dict[str, Any]:
        return {"blocks": [asdict(block) for block in self.files]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> BlockReader:
        """Create the reader from the values of :meth:`as_json`."""
        return cls([from_json(ImageBlock, block) for block in values["blocks"]])


class _Images:
    """The open file of a block."""

    def __init__(self, block: ImageBlock) -> None:
        self.block = block
        self.file = block.opened()
        if block.packing and block.end <= MAX_BYTES_IN_MEMORY:
            with self.file:
                content = self.file.read(block.end)
            self.file = io.BytesIO(content)

    def read(self, row: int) -> npt.NDArray[Any]:
        import numpy as np

        block = self.block
        size = block.image_bytes
        self.file.seek(block.offset + row * (block.stride or size))
        content = self.file.read(size)
        if len(content) != size:
            raise DataError(Problem("the file ends too early", Location(block.path)))
        return np.frombuffer(content, dtype=block.dtype).reshape(block.shape)


class _FortranImages(_Images):
    """An array in Fortran order, whose images have their values far from each other: a memory map, or in memory."""

    def __init__(self, block: ImageBlock) -> None:
        import numpy as np

        self.block = block
        shape = (block.n_images, *block.shape)
        if block.packing:
            with block.opened() as file:
                file.seek(block.offset)
                content = file.read(block.n_images * block.image_bytes)
            self.array = np.frombuffer(content, block.dtype).reshape(shape, order="F")
        else:
            # A map of a file that is shorter than the array would kill the process when it is read.
            if Path(block.path).stat().st_size < block.end:
                raise DataError(Problem("the file ends too early", Location(block.path)))
            self.array = np.memmap(block.path, block.dtype, "r", block.offset, shape, "F")

    def read(self, row: int) -> npt.NDArray[Any]:
        import numpy as np

        return np.ascontiguousarray(self.array[row])


@contextmanager
def as_data_error(where: Location) -> Iterator[None]:
    """Turn the errors of a damaged file into :class:`DataError`."""
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        what = f"cannot read the file: {error.strerror or error}"
        raise DataError(Problem(what, where)) from None
    except (
        Exception
    ) as error:  # zipfile, gzip, zlib and NumPy do not document what they raise for a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError(Problem(f"the file is damaged: {reason}", where)) from None


def check_image_size(block: ImageBlock) -> None:
    """Raise :class:`DataError` if an image of the block is larger than ``MAX_IMAGE_BYTES``."""
    if block.image_bytes > MAX_IMAGE_BYTES:
        got, expected = f"{block.image_bytes:,} bytes per image", f"at most {MAX_IMAGE_BYTES:,} bytes"
        raise DataError(Problem("the images are too large", block.where, got, expected))


def check_size(block: ImageBlock) -> None:
    """Check that the (unpacked) file ends with the last image of the block.

    Raises:
        DataError: if the file cannot be read, is damaged, is shorter or longer, or an image is too large.
    """
    check_image_size(block)
    with as_data_error(block.where):
        size = _unpacked_size(block)
    if size != block.end:
        what = "bytes follow the last value" if size > block.end else "the file ends too early"
        got = f"at least {size:,} bytes" if block.packing == "gzip" else f"{size:,} bytes"
        raise DataError(Problem(what, block.where, got, f"exactly {block.end:,} bytes"))


def _unpacked_size(block: ImageBlock) -> int:
    """Return the size of the (unpacked) file in bytes; for a gzip file, at most one byte more than the block needs."""
    path = Path(block.path)
    if block.packing == "":
        return path.stat().st_size
    if block.packing == "zip":
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            return archive.getinfo(block.member).file_size
    # The last four bytes of a gzip file are the unpacked size, modulo 2^32, of its last member, mostly the only one.
    with open_regular(path) as file:
        file.seek(max(0, path.stat().st_size - 4))
        if int.from_bytes(file.read(4), "little") == block.end % (1 << 32):
            return block.end
    n_bytes = 0
    with opened_gzip(path) as unpacked:
        while n_bytes <= block.end and (piece := unpacked.read(min(1 << 20, block.end + 1 - n_bytes))):
            n_bytes += len(piece)
    return n_bytes


def opened_gzip(path: Path) -> IO[bytes]:
    """Open a gzip file for reading its unpacked bytes.

    Raises:
        OSError: if it is not a regular file; reading a damaged file raises ``OSError``, ``EOFError`` or ``zlib.error``.
    """
    packed = open_regular(path)
    unpacked = gzip.GzipFile(fileobj=packed)
    unpacked.myfileobj = packed  # type: ignore[assignment]  # closed together with the gzip file
    opened: IO[bytes] = unpacked  # type: ignore[assignment]
    return opened
