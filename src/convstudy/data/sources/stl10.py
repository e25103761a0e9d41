"""The binary files of STL-10.

An image is 96 × 96 pixels of red, then green, then blue, one byte each, and each colour is stored column by column.
Labels are 1 to 10 (https://cs.stanford.edu/~acoates/stl10/).
"""

from __future__ import annotations

from pathlib import Path

from convstudy.data.array_files.image_blocks import BlockReader, ImageBlock
from convstudy.data.array_files.parts import ArrayPart, listing_of_parts
from convstudy.data.array_files.records import n_records, named_labels, names_in, record_bytes_at
from convstudy.data.folders.entries import entry_names
from convstudy.data.listing import ListedPart, ListedSource, Listing, SourceOptions
from convstudy.errors import DataError, Location, Problem

SHAPE = (3, 96, 96)
"""Colour, column, row."""
IMAGE_BYTES = 3 * 96 * 96
PARTS: tuple[ListedPart, ...] = ("train", "test")
PATH_FORM = "a folder with the binary files of STL-10 (train_X.bin, train_y.bin, test_X.bin, test_y.bin)"
UNUSED = {
    "unlabeled_X.bin": "the unlabelled images are not used",
    "fold_indices.txt": "the published folds of the training images are not used",
}


def recognise(path: Path) -> bool:
    """Return whether a path is a folder with the training images or labels of STL-10; the error names the other."""
    return not {"train_X.bin", "train_y.bin"}.isdisjoint(entry_names(path))


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of a folder. Labels are read, images are not."""
    entries = set(entry_names(path))
    if not recognise(path):
        raise DataError(Problem("there are no files of STL-10", Location(str(path)), expected=PATH_FORM))
    lone = [
        f"{part}_{kind}.bin"
        for part in PARTS
        for kind in "Xy"
        if f"{part}_{'yX'[kind == 'y']}.bin" in entries
    ]
    missing = [name for name in lone if name not in entries]
    if missing:
        raise DataError(*(Problem("this file is missing", Location(str(path / name))) for name in missing))
    names = names_in(path / "class_names.txt")
    found = [part for part in PARTS if {f"{part}_X.bin", f"{part}_y.bin"} <= entries]
    parts = [_part(path, part, names) for part in found]
    return listing_of_parts(parts, names, [note for name, note in UNUSED.items() if name in entries])


def _part(folder: Path, part: ListedPart, names: tuple[str, ...] | None) -> ArrayPart:
    images, labels = folder / f"{part}_X.bin", folder / f"{part}_y.bin"
    block = ImageBlock(str(images), n_records(images, IMAGE_BYTES), SHAPE, "|u1", axes=(2, 1, 0))
    where = Location(str(labels))
    return ArrayPart(part, (block,), named_labels(record_bytes_at(labels, 1, 0), names, 1, where), where)


LISTED_SOURCE = ListedSource("stl10", PATH_FORM, recognise, listing, BlockReader.from_json)
