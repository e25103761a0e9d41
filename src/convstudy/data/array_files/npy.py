"""A folder of ``.npy`` files: images and labels, with or without parts, in all number formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.array_files.image_blocks import BlockReader, ImageBlock, check_size
from convstudy.data.array_files.labels import image_form
from convstudy.data.array_files.roles import IMAGE_WORDS, LABEL_WORDS
from convstudy.data.array_files.store import check_label_size, check_plain, listing_of_store
from convstudy.data.arrays import FileHeader, file_header
from convstudy.data.folders.entries import entry_names
from convstudy.data.folders.part_words import part_in_name
from convstudy.data.listing import ListedSource, Listing, SourceOptions
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy.typing as npt

NAMES = "images.npy and labels.npy, X.npy and y.npy, or train-images.npy, train-labels.npy, …"
PATH_FORM = f"a folder with {NAMES}"


class _Folder:
    """A folder of ``.npy`` files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = {file.stem: file for file in _npy_files(path.iterdir())}

    @property
    def names(self) -> Sequence[str]:
        return tuple(self.files)

    @property
    def place(self) -> Location:
        return Location(str(self.path))

    def where(self, name: str) -> Location:
        return Location(str(self.files[name]))

    def header(self, name: str) -> FileHeader:
        header = file_header(self.files[name])
        check_plain(header, name, self.where(name))
        return header

    def block(self, name: str) -> tuple[ImageBlock, str]:
        header = self.header(name)
        form = image_form(header.shape, header.dtype, self.where(name))
        block = ImageBlock(
            str(self.files[name]),
            header.shape[0],
            form.shape,
            header.dtype.str,
            header.offset,
            axes=form.axes,
            is_fortran=header.is_fortran,
        )
        check_size(block)
        return block, form.note

    def array(self, name: str) -> npt.NDArray[Any]:
        import numpy as np

        header = self.header(name)
        n_bytes = prod(header.shape) * header.dtype.itemsize
        check_label_size(n_bytes, self.where(name))
        if header.n_bytes != header.offset + n_bytes:
            what = (
                "the file ends too early"
                if header.n_bytes < header.offset + n_bytes
                else "bytes follow the last value"
            )
            got, expected = f"{header.n_bytes:,} bytes", f"exactly {header.offset + n_bytes:,} bytes"
            raise DataError(Problem(what, self.where(name), got, expected))
        with open_regular(self.files[name]) as file:
            content = file.read(header.n_bytes)[header.offset :]
        order = "F" if header.is_fortran else "C"
        return np.frombuffer(content, header.dtype).reshape(header.shape, order=order)  # type: ignore[call-overload,no-any-return]


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of a folder. Labels are read; of the images, only the header is."""
    try:
        return listing_of_store(_Folder(path), options, NAMES)
    except OSError as error:
        what = f"cannot read the folder: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)), expected=PATH_FORM)) from None


def recognise(path: Path) -> bool:
    """Return whether a path is a folder with one ``.npy`` file of images and one of labels."""
    files = [Path(name) for name in entry_names(path)]
    words = {part_in_name(file.stem)[1] for file in files if file.suffix.lower() == ".npy"}
    return not words.isdisjoint(IMAGE_WORDS) and not words.isdisjoint(LABEL_WORDS)


def _npy_files(entries: Iterable[Path]) -> list[Path]:
    """Return the ``.npy`` files, sorted by name; hidden files are not data."""
    return sorted(file for file in entries if file.suffix.lower() == ".npy" and not file.name.startswith("."))


LISTED_SOURCE = ListedSource(
    "npy", PATH_FORM, recognise, listing, BlockReader.from_json, ("image", "label", "group", "time", "weight")
)
