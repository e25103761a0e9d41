"""The binary files of CIFAR-10 and CIFAR-100.

A record is the label (CIFAR-100: the coarse label, then the fine label) and 32 × 32 pixels of red, then green, then
blue, one byte each (https://www.cs.toronto.edu/~kriz/cifar.html). The Python version of these datasets is pickled.
Reading it would run code from the file, so it is recognised and refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from convstudy.data.array_files.image_blocks import BlockReader, ImageBlock
from convstudy.data.array_files.parts import ArrayPart, listing_of_parts
from convstudy.data.array_files.records import n_records, named_labels, names_in, record_bytes_at
from convstudy.data.folders.entries import entry_names, first_bytes, is_file
from convstudy.data.listing import ListedPart, ListedSource, Listing, SourceOptions
from convstudy.errors import DataError, Location, Problem, unknown
from convstudy.numbers import listed

SHAPE = (3, 32, 32)
PIXEL_BYTES = 3 * 32 * 32
PATH_FORM = (
    "a folder with the binary files of CIFAR-10 (data_batch_1.bin, …, test_batch.bin) "
    "or CIFAR-100 (train.bin, test.bin)"
)
_PICKLE = b"\x80"
"""The first byte of a pickled file."""


@dataclass(frozen=True)
class _Version:
    """One of the two datasets.

    Args:
        name: its name.
        label_bytes: the names of the label bytes at the start of a record.
        names: the file of class names of each label byte.
        files: pattern of a file -> part.
    """

    name: str
    label_bytes: tuple[str, ...]
    names: tuple[str, ...]
    files: dict[str, ListedPart]

    @property
    def record_bytes(self) -> int:
        return len(self.label_bytes) + PIXEL_BYTES


_BATCH = re.compile(r"data_batch_(\d{1,6})\.bin")
CIFAR_10 = _Version(
    "CIFAR-10",
    ("label",),
    ("batches.meta.txt",),
    {r"data_batch_\d+\.bin": "train", r"test_batch\.bin": "test"},
)
CIFAR_100 = _Version(
    "CIFAR-100",
    ("coarse", "fine"),
    ("coarse_label_names.txt", "fine_label_names.txt"),
    {r"train\.bin": "train", r"test\.bin": "test"},
)


def recognise(path: Path) -> bool:
    """Return whether a path is a folder with the files of CIFAR-10 or CIFAR-100, binary or pickled."""
    return _version(path) is not None or _is_pickled(path)


def _version(path: Path) -> _Version | None:
    names = entry_names(path)
    if any(re.fullmatch(pattern, name) for pattern in CIFAR_10.files for name in names):
        return CIFAR_10
    if "train.bin" in names and not set(names).isdisjoint({"test.bin", *CIFAR_100.names}):
        return CIFAR_100
    return None


def _is_pickled(path: Path) -> bool:
    """Return whether a folder has the Python version of CIFAR-10 or CIFAR-100."""
    names = set(entry_names(path))
    is_named = names >= {"data_batch_1", "batches.meta"} or names >= {"train", "test", "meta"}
    return is_named and any(
        first_bytes(path / name, 1) == _PICKLE for name in ("data_batch_1", "train") if is_file(path / name)
    )


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of a folder. Labels are read, images are not."""
    version, where = _version(path), Location(str(path))
    if version is None:
        if _is_pickled(path):
            what = "this is the Python version of CIFAR, whose files are pickled and can run code when they are read"
            raise DataError(
                Problem(what, where, hint='download the "binary version (suitable for C programs)"')
            )
        raise DataError(Problem("there are no files of CIFAR", where, expected=PATH_FORM))
    label = options.label or version.label_bytes[-1]
    if label not in version.label_bytes:
        raise DataError(unknown("label", label, version.label_bytes, Location(key=("dataset", "label"))))
    at = version.label_bytes.index(label)
    names = names_in(path / version.names[at])
    files: dict[ListedPart, list[Path]] = {}
    for pattern, part in version.files.items():
        found = [name for name in entry_names(path) if re.fullmatch(pattern, name)]
        if found:
            # By number: batch 10 is after batch 9.
            files[part] = [path / name for name in sorted(found, key=lambda name: (len(name), name))]
    parts = [_part(part, paths, version, at, names) for part, paths in files.items()]
    notes = _missing_batches(path)
    if len(version.label_bytes) > 1:
        other = version.label_bytes[1 - at]
        notes.append(f'the {label} labels of CIFAR-100 are used; label = "{other}" uses the {other} labels')
    return listing_of_parts(parts, names, notes)


def _missing_batches(path: Path) -> list[str]:
    """Return a note on the gaps in the numbers of CIFAR-10's batches."""
    numbers = [int(digits[1]) for name in entry_names(path) if (digits := _BATCH.fullmatch(name))]
    missing = sorted(set(range(1, max(numbers, default=0))) - set(numbers))
    if not missing:
        return []
    names = [f"data_batch_{number}.bin" for number in missing]
    return [f"missing files, whose images are not used: {listed(names, most=5)}"]


def _part(
    part: ListedPart, paths: list[Path], version: _Version, at: int, names: tuple[str, ...] | None
) -> ArrayPart:
    """Return the images and labels of the files of one part."""
    blocks, labels = [], list[str | None]()
    for path in paths:
        n_images = n_records(path, version.record_bytes)
        blocks.append(
            ImageBlock(
                str(path),
                n_images,
                SHAPE,
                "|u1",
                offset=len(version.label_bytes),
                stride=version.record_bytes,
                axes=(1, 2, 0),
            )
        )
        values = record_bytes_at(path, version.record_bytes, at)
        labels += named_labels(values, names, 0, Location(str(path)))
    return ArrayPart(part, tuple(blocks), labels, Location(str(paths[0].parent)))


LISTED_SOURCE = ListedSource("cifar", PATH_FORM, recognise, listing, BlockReader.from_json, ("label",))
