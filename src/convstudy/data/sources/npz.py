"""One ``.npz`` file, as written by ``np.savez``: the names of Keras, MedMNIST, scikit-learn and similar ones."""

from __future__ import annotations

import zipfile
from contextlib import closing
from math import prod
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from convstudy.data.array_files.image_blocks import BlockReader, ImageBlock, check_image_size
from convstudy.data.array_files.labels import image_form
from convstudy.data.array_files.store import check_label_size, check_plain, listing_of_store
from convstudy.data.arrays import NpyHeader, read_header
from convstudy.data.folders.entries import is_file
from convstudy.data.listing import ListedSource, Listing, SourceOptions
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy.typing as npt

MAX_ARRAYS = 10_000
"""The largest number of arrays in a file."""
MAX_VERIFIED_BYTES = 1 << 30
"""The checksum of an uncompressed array up to this size is verified. That of a compressed array is always."""
NAMES = "x_train, y_train, x_test, y_test; train_images, train_labels, …; or X and y"
PATH_FORM = f"a .npz file with the arrays {NAMES}"


class _Archive:
    """An open ``.npz`` file."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path, self.archive = path, archive
        if len(archive.filelist) > MAX_ARRAYS:
            got, expected = f"{len(archive.filelist):,}", f"at most {MAX_ARRAYS:,}"
            raise DataError(Problem("there are too many arrays", Location(str(path)), got, expected))
        self.names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]

    @property
    def place(self) -> Location:
        return Location(str(self.path))

    def where(self, name: str) -> Location:
        return Location(str(self.path), key=(name,))

    def header(self, name: str) -> tuple[NpyHeader, int]:
        """Return the header of an array and its size in bytes; check that the array has the bytes that it declares."""
        info = self.archive.getinfo(f"{name}.npy")
        with self.archive.open(info) as member:
            header = read_header(member)
            size = member.tell()
        check_plain(header, name, self.where(name))
        n_bytes = prod(header.shape) * header.dtype.itemsize
        if info.file_size != size + n_bytes:
            what = (
                "the array ends too early"
                if info.file_size < size + n_bytes
                else "bytes follow the last value"
            )
            got, expected = f"{info.file_size:,} bytes", f"exactly {size + n_bytes:,} bytes"
            raise DataError(Problem(what, self.where(name), got, expected))
        return header, size

    def block(self, name: str) -> tuple[ImageBlock, str]:
        """Return the images of an array without reading them, and a note on what was decided."""
        header, size = self.header(name)
        form = image_form(header.shape, header.dtype, self.where(name))
        info = self.archive.getinfo(f"{name}.npy")
        is_stored = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & 1
        if is_stored and info.file_size <= MAX_VERIFIED_BYTES:
            with self.archive.open(info) as member:
                while member.read(1 << 20):  # the last piece verifies the checksum
                    pass
        block = ImageBlock(
            str(self.path),
            header.shape[0],
            form.shape,
            header.dtype.str,
            size + (self._start(info) if is_stored else 0),
            axes=form.axes,
            packing="" if is_stored else "zip",
            member=info.filename,
            is_fortran=header.is_fortran,
        )
        check_image_size(block)
        return block, form.note

    def array(self, name: str) -> npt.NDArray[Any]:
        """Return an array that is not images.

        Raises:
            DataError: if it is too large.
        """
        import numpy as np

        header, size = self.header(name)
        n_bytes = prod(header.shape) * header.dtype.itemsize
        check_label_size(n_bytes, self.where(name))
        with self.archive.open(f"{name}.npy") as member:
            content = member.read(size + n_bytes + 1)[size:]  # read to the end, which verifies the checksum
        order = "F" if header.is_fortran else "C"
        return np.frombuffer(content, header.dtype).reshape(header.shape, order=order)  # type: ignore[call-overload,no-any-return]

    def _start(self, info: zipfile.ZipInfo) -> int:
        """Return the position of the content of a member that is not compressed, after its header."""
        file: IO[bytes] | None = self.archive.fp
        assert file is not None
        file.seek(info.header_offset + 26)
        name, extra = file.read(2), file.read(2)
        return info.header_offset + 30 + int.from_bytes(name, "little") + int.from_bytes(extra, "little")


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of a file. Labels are read; of the images, only the header is."""
    try:
        with open_regular(path) as file, closing(zipfile.ZipFile(file)) as archive:
            return listing_of_store(_Archive(path, archive), options, NAMES)
    except DataError:
        raise
    except OSError as error:
        what = f"cannot read the file: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)), expected=PATH_FORM)) from None
    except Exception as error:  # zipfile, zlib and NumPy do not document what they raise for a damaged file
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        hint = "save it again with np.savez"
        raise DataError(
            Problem(f"this is not a valid .npz file: {reason}", Location(str(path)), hint=hint)
        ) from None


def recognise(path: Path) -> bool:
    """Return whether a path is a file with the ending ``.npz``."""
    return path.suffix.lower() == ".npz" and is_file(path)


LISTED_SOURCE = ListedSource(
    "npz", PATH_FORM, recognise, listing, BlockReader.from_json, ("image", "label", "group", "time", "weight")
)
