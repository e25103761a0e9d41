"""IDX files of a user: MNIST, EMNIST and others in the same format, with any prefix of their names.

``data/idx.py`` reads the published files of the built-in datasets, whose shapes are known. Here, the header says the
shape, and the file must have exactly the bytes that the header declares.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.array_files.image_blocks import BlockReader, ImageBlock, check_size, opened_gzip
from convstudy.data.array_files.labels import image_form, label_texts
from convstudy.data.array_files.parts import ArrayPart, listing_of_parts
from convstudy.data.array_files.store import check_label_size
from convstudy.data.folders.entries import entry_names, is_file
from convstudy.data.folders.part_words import part_in_name
from convstudy.data.listing import ListedPart, ListedSource, Listing, SourceOptions
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

if TYPE_CHECKING:
    import numpy.typing as npt

TYPES = {0x08: "|u1", 0x09: "|i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""Type byte of an IDX file -> number format."""
MAX_DIMENSIONS = 4
MAX_MAPPING_BYTES = 1 << 20
NAMES = "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, …, each also with .gz"
PATH_FORM = f"a folder with the IDX files {NAMES}; or one of these files, if the folder has several datasets"

Kind = str
"""``"images"`` or ``"labels"``."""


@dataclass(frozen=True)
class _IdxName:
    """The meaning of the name of a file: ``emnist-letters-train-images-idx3-ubyte.gz``."""

    prefix: str
    part: ListedPart
    kind: Kind


def _meaning(name: str) -> _IdxName | None:
    """Return the meaning of the name of a file, or ``None`` if it does not say images or labels."""
    part, rest = part_in_name(name.removesuffix(".gz"))
    words = [
        word
        for word in rest.split("_")
        if not re.fullmatch(r"idx\d?|ubyte|byte|short|int|float|double", word)
    ]
    kinds = [word for word in words if word in ("images", "labels")]
    if len(kinds) != 1 or "mapping" in words:
        return None
    return _IdxName("-".join(word for word in words if word != kinds[0]), part, kinds[0])


def recognise(path: Path) -> bool:
    """Return whether a path is an IDX file of images or labels, or a folder that contains such files.

    If a file is damaged or missing, its name or another file is enough, so that the error names it.
    """
    if is_file(path):
        return _meaning(path.name) is not None and _starts_like_idx(path)
    found = {name: meaning for name in entry_names(path) if "idx" in name and (meaning := _meaning(name))}
    kinds = {meaning.kind for meaning in found.values()}
    return kinds == {"images", "labels"} or any(_starts_like_idx(path / name) for name in found)


def _starts_like_idx(path: Path) -> bool:
    try:
        with opened_gzip(path) if path.suffix == ".gz" else open_regular(path) as file:
            start = file.read(4)
    except (OSError, EOFError, zlib.error, ValueError):
        return False
    return start[:2] == b"\0\0" and len(start) == 4 and start[2] in TYPES and 1 <= start[3] <= MAX_DIMENSIONS


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of the files in a folder. Labels are read; of the images, only the header is."""
    folder, prefix = (path.parent, meaning.prefix) if (meaning := _file_meaning(path)) else (path, None)
    files = _files(folder, prefix, Location(str(path)))
    (prefix,) = {meaning.prefix for meaning in files}
    parts, notes = [], list[str]()
    names = _mapping(folder, prefix)
    for part in sorted({meaning.part for meaning in files}):
        images, labels = (files.get(_IdxName(prefix, part, kind)) for kind in ("images", "labels"))
        if images is None or labels is None:
            found = ", ".join(file.name for file in files.values())
            what = f"there is no file of {'labels' if images else 'images'}{f' of the {part} part' if part else ''}"
            raise DataError(Problem(what, Location(str(path)), found, NAMES))
        block = _block(images, options.transpose)
        values = _values(labels)
        if values.ndim == 2 and values.shape[1] > 1:
            notes.append(f"the first of {values.shape[1]} columns is the label ({labels.name})")
            values = values[:, 0]
        texts = label_texts(values, Location(str(labels)))
        parts.append(ArrayPart(part, (block,), texts, Location(str(labels))))
    if names is not None:
        numbers = {label for part in parts for label in part.labels}
        if numbers <= set(names):
            parts = [_with_names(part, names) for part in parts]
            notes.append("class names are taken from the file of the mapping")
        else:
            names = None
    if options.transpose:
        notes.append("the images are transposed, as transpose = true says")
    elif "emnist" in prefix:
        hint = "transpose = true turns them upright"
        notes.append(f"the name says EMNIST, whose files have rows and columns exchanged; {hint}")
    return listing_of_parts(parts, None if names is None else list(names.values()), notes)


def _file_meaning(path: Path) -> _IdxName | None:
    return _meaning(path.name) if is_file(path) else None


def _files(folder: Path, prefix: str | None, where: Location) -> dict[_IdxName, Path]:
    """Return the files of one dataset in a folder.

    Args:
        folder: the folder.
        prefix: the prefix of the dataset, or ``None`` if the folder should have only one.
        where: the path in errors.

    Raises:
        DataError: if the folder has no such files, or those of several datasets.
    """
    files: dict[_IdxName, Path] = {}
    # A file that is not compressed is sorted before the same file with .gz, and wins.
    for name in entry_names(folder):
        meaning = _meaning(name)
        if (
            meaning
            and prefix in (None, meaning.prefix)
            and is_file(folder / name)
            and _starts_like_idx(folder / name)
        ):
            files.setdefault(meaning, folder / name)
    if not files:
        raise DataError(Problem("there are no IDX files of images and labels", where, expected=NAMES))
    prefixes = sorted({meaning.prefix for meaning in files})
    if len(prefixes) > 1:
        first = next(file.name for meaning, file in files.items() if meaning.kind == "images")
        hint = f'name one file of the dataset, such as path = ".../{first}"'
        got = ", ".join(prefix or "without a prefix" for prefix in prefixes[:10])
        raise DataError(Problem("there are several datasets in this folder", where, got, hint=hint))
    return files


@dataclass(frozen=True)
class _Header:
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        return 4 + 4 * len(self.shape)


def _header(path: Path) -> _Header:
    """Read the header of a file."""
    where = Location(str(path))
    try:
        with opened_gzip(path) if path.suffix == ".gz" else open_regular(path) as file:
            start = file.read(4 + 4 * MAX_DIMENSIONS)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            Problem(f"cannot read the file: {' '.join(str(error).split())[:200]}", where)
        ) from None
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in TYPES or not 1 <= start[3] <= MAX_DIMENSIONS:
        expected = "00 00, a type from 08 to 0e and up to 4 dimensions"
        raise DataError(Problem("this is not an IDX file", where, start[:4].hex(" "), expected))
    n_dimensions = start[3]
    if len(start) < 4 + 4 * n_dimensions:
        raise DataError(Problem("the file ends within its header", where, f"{len(start)} bytes"))
    shape = tuple(int.from_bytes(start[at : at + 4], "big") for at in range(4, 4 + 4 * n_dimensions, 4))
    return _Header(TYPES[start[2]], shape)


def _block(path: Path, is_transposed: bool) -> ImageBlock:
    """Return the images of a file without reading them."""
    header = _header(path)
    form = image_form(header.shape, header.dtype, Location(str(path)))
    axes = form.axes
    if is_transposed:
        first, second, *others = axes or tuple(range(len(form.shape)))
        axes = (second, first, *others)
    packing = "gzip" if path.suffix == ".gz" else ""
    block = ImageBlock(
        str(path), header.shape[0], form.shape, header.dtype, header.size, axes=axes, packing=packing
    )
    check_size(block)
    return block


def _values(path: Path) -> npt.NDArray[Any]:
    """Return the values of a file of labels."""
    import numpy as np

    header = _header(path)
    n_bytes = prod(header.shape) * np.dtype(header.dtype).itemsize
    check_label_size(n_bytes, Location(str(path)))
    if n_bytes == 0:
        raise DataError(Problem("there are no labels", Location(str(path)), f"shape {header.shape}"))
    block = ImageBlock(
        str(path), 1, header.shape, header.dtype, header.size, packing="gzip" if path.suffix == ".gz" else ""
    )
    check_size(block)
    return BlockReader([block]).read(0)


def _mapping(folder: Path, prefix: str) -> dict[str, str] | None:
    """Return label -> class name from EMNIST's file ``PREFIX-mapping.txt``, or ``None`` without such a file.

    Each line is a label and one or more character codes: ``1 65 97`` is the letter in both cases.

    Raises:
        DataError: if the file has another form.
    """
    path = folder / f"{prefix}-mapping.txt"
    if not is_file(path):
        return None
    with open_regular(path) as file:
        content = file.read(MAX_MAPPING_BYTES + 1)
    names: dict[str, str] = {}
    try:
        if len(content) > MAX_MAPPING_BYTES:
            raise ValueError
        for line in content.decode("ascii").splitlines():
            if line.strip():
                label, *codes = (int(word) for word in line.split())
                names[str(label)] = "".join(chr(code) for code in codes)
        if not all(names.values()) or len(set(names.values())) < len(names):
            raise ValueError
    except (ValueError, OverflowError):
        what, expected = "this is not a mapping of labels", "lines of a label and the codes of its characters"
        raise DataError(Problem(what, Location(str(path)), expected=expected)) from None
    return names


def _with_names(part: ArrayPart, names: Mapping[str, str]) -> ArrayPart:
    labels: Sequence[str | None] = [None if label is None else names[label] for label in part.labels]
    return ArrayPart(part.part, part.blocks, labels, part.where)


LISTED_SOURCE = ListedSource("idx", PATH_FORM, recognise, listing, BlockReader.from_json, ("transpose",))
