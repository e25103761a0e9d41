"""Image data of Hugging Face on disk: Parquet files, or the folder of ``save_to_disk``. The library is not needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convstudy.data.array_files.parts import sentences
from convstudy.data.folders.entries import entry_names, is_file
from convstudy.data.folders.part_words import PART_WORDS, part_in_name
from convstudy.data.listing import ListedPart, ListedSource, Listing, SourceOptions
from convstudy.data.problem_list import ProblemList
from convstudy.data.tables import cells
from convstudy.data.tables.arrow_files import ArrowFile, ArrowReader, ArrowRows, ParquetRows, arrow_errors
from convstudy.data.tables.image_columns import (
    ImageColumns,
    features_of,
    has_images,
    image_columns,
    struct_members,
)
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

PARQUET, ARROW = (".parquet", ".pq"), (".arrow", ".feather")
MAX_INFO_BYTES = 1 << 26
"""The largest size of ``dataset_info.json`` and the other JSON files in bytes."""
PATH_FORM = (
    "a Parquet or Arrow file with a column of image files as bytes, a folder with such files "
    "(train-00000-of-00001.parquet, …), or a folder that save_to_disk of datasets wrote"
)


def recognise(path: Path) -> bool:
    """Return whether a path is a file or folder with a column of images."""
    if is_file(path):
        return path.suffix.lower() in PARQUET + ARROW and _has_images(path)
    names = entry_names(path)
    if "dataset_dict.json" in names or {"state.json", "dataset_info.json"} <= set(names):
        return True
    # One file is enough: the others of a folder have the same columns.
    files = _data_files(path)
    return bool(files) and _has_images(files[0])


def _has_images(path: Path) -> bool:
    try:
        return has_images(_opened(path).schema)
    except (DataError, ImportError):
        return False


def _opened(path: Path) -> ParquetRows | ArrowRows:
    return (ParquetRows if path.suffix.lower() in PARQUET else ArrowRows)(path)


def _data_files(folder: Path) -> list[Path]:
    """Return the Parquet or Arrow files of a folder, or of its folder ``data``, as on the hub."""
    for place in (folder, folder / "data"):
        for suffixes in (PARQUET, ARROW):
            files = [place / name for name in entry_names(place) if Path(name).suffix.lower() in suffixes]
            if files:
                return files
    return []


@dataclass(frozen=True)
class _Shards:
    """The files of one part, in their order, with the content of ``dataset_info.json``."""

    part: ListedPart
    files: tuple[Path, ...]
    info: dict[str, Any]


def _shards(path: Path) -> tuple[list[_Shards], list[str]]:
    """Return the files of each part, and notes on parts that are not used."""
    if is_file(path):
        return [_Shards("", (path,), {})], []
    names = set(entry_names(path))
    if "dataset_dict.json" in names:
        return _saved_parts(path)
    if {"state.json", "dataset_info.json"} <= names:
        return [_saved(path, "")], []
    info = _json(path / "dataset_info.json") if "dataset_info.json" in names else {}
    files = _data_files(path)
    if not files:
        raise DataError(
            Problem("there are no Parquet or Arrow files", Location(str(path)), expected=PATH_FORM)
        )
    by_part: dict[ListedPart, list[Path]] = {}
    for file in files:
        by_part.setdefault(_part_of_file(file.name), []).append(file)
    notes = []
    if set(by_part) != {""} and (others := by_part.pop("", [])):
        shown = ", ".join(file.name for file in others[:5])
        notes.append(f"files whose names say no part are not used: {shown}")
    return [_Shards(part, tuple(paths), info) for part, paths in by_part.items()], notes


def _part_of_file(name: str) -> ListedPart:
    """Return the part in the name of a file: train-00000-of-00002-0a1b.parquet, or mnist-test.arrow."""
    return part_in_name(re.split(r"-\d{5}-of-\d{5}", Path(name).stem)[0])[0]


def _saved_parts(path: Path) -> tuple[list[_Shards], list[str]]:
    """Return the parts of a folder of ``DatasetDict.save_to_disk``."""
    where = Location(str(path / "dataset_dict.json"))
    splits = _json(path / "dataset_dict.json").get("splits")
    if not isinstance(splits, list) or not all(isinstance(name, str) for name in splits):
        raise DataError(Problem("this must have a list of splits", where))
    parts: dict[ListedPart, str] = {}
    unused = []
    for name in splits:
        part = PART_WORDS.get(name.lower())
        if part is None or part in parts:
            unused.append(name)
        else:
            parts[part] = name
    if not parts:
        got, expected = ", ".join(unused[:10]), "train, validation or test"
        raise DataError(Problem("no split has the name of a part", where, got, expected))
    notes = [f"splits that are not used: {', '.join(unused[:10])}"] if unused else []
    return [_saved(path / _plain(name, where), part) for part, name in parts.items()], notes


def _saved(folder: Path, part: ListedPart) -> _Shards:
    """Return the files of a folder of ``Dataset.save_to_disk``."""
    where = Location(str(folder / "state.json"))
    entries = _json(folder / "state.json").get("_data_files")
    if not isinstance(entries, list):
        raise DataError(Problem("this must have a list of data files", where))
    names = [entry.get("filename") if isinstance(entry, dict) else None for entry in entries]
    files = tuple(folder / _plain(name, where) for name in names)
    return _Shards(part, files, _json(folder / "dataset_info.json"))


def _plain(name: object, where: Location) -> str:
    """Return the name of a file or folder; raise :class:`DataError` if it could leave the folder."""
    if not isinstance(name, str) or name in ("", ".", "..") or not set(name).isdisjoint("/\\\0:"):
        raise DataError(Problem("a file must have a plain name", where, str(name)[:80]))
    return name


def _json(path: Path) -> dict[str, Any]:
    """Return the values of a JSON file."""
    where = Location(str(path))
    try:
        with open_regular(path) as file:
            text = file.read(MAX_INFO_BYTES + 1)
        if len(text) > MAX_INFO_BYTES:
            raise ValueError(f"more than {MAX_INFO_BYTES:,} bytes")
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("a JSON object was expected")
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        raise DataError(Problem(f"cannot read the file: {reason}", where)) from None
    return values


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images. Labels and other columns are read, images are not."""
    shards, notes = _shards(path)
    parts = {"train": 0, "validation": 1, "test": 2, "": 3}
    table = _Table(options, Location(str(path)))
    for shard in sorted(shards, key=lambda shard: parts[shard.part]):
        for file in shard.files:
            table.add(file, shard.part, shard.info)
    return table.listing(notes)


class _Table:
    """The columns of all files, except the images."""

    def __init__(self, options: SourceOptions, where: Location) -> None:
        self.options, self.where = options, where
        self.files: list[ArrowFile] = []
        self.chosen: ImageColumns | None = None
        self.labels: list[str | None] = []
        self.parts: list[ListedPart] = []
        self.paths: list[str | None] = []
        self.extras: dict[str, list[Any]] = {}
        self.has_images = False
        self.faults: dict[int, str] = {}
        self.problems = ProblemList()

    def add(self, path: Path, part: ListedPart, info: dict[str, Any]) -> None:
        """Read the columns of one file.

        Raises:
            DataError: if the file cannot be read, or its columns are unclear.
        """
        rows, where = _opened(path), Location(str(path))
        # A name of a damaged file need not be UTF-8, which pyarrow reports when the name is used.
        with arrow_errors(path):
            chosen = image_columns(rows.schema, features_of(rows.schema, info), self.options, where)
            members = struct_members(rows.schema.field(chosen.image).type)
        if self.chosen is None:
            self.chosen = chosen
            self.extras = {key: [] for key in chosen.extras}
        elif (chosen.label, chosen.class_names) != (self.chosen.label, self.chosen.class_names):
            raise DataError(Problem("all files must have the same labels and class names", where))
        self.files.append(ArrowFile(str(path), rows.n_rows, chosen.image))
        if not self.has_images:
            self.has_images = not members or not rows.has_no_bytes(chosen.image)
        if "path" in members:
            self.paths += [each for batch in rows.paths(chosen.image) for each in batch]
        names = [chosen.label, *chosen.extras.values()]
        for row, (label, *extras) in enumerate(_rows_of(rows, names)):
            self._add_row(Location(str(path), subject=f"row {row}"), label, extras)
        self.parts += [part] * rows.n_rows

    def _add_row(self, where: Location, label: Any, extras: Sequence[Any]) -> None:
        assert self.chosen is not None
        try:
            self.labels.append(_label(label, self.chosen.class_names))
        except cells.LabelFault as error:  # the image can be left out
            self.faults[len(self.labels)] = f"{error.what}; expected {error.expected}; got {error.got}"
            self.labels.append(None)
        except cells.CellError as error:
            self.problems.add(Problem(error.what, where, error.got, error.expected, error.hint))
        try:
            for (key, values), value in zip(self.extras.items(), extras, strict=True):
                values.append(_CONVERT[key](value))
        except cells.CellError as error:
            self.problems.add(Problem(error.what, where, error.got, error.expected, error.hint))

    def listing(self, notes: Sequence[str]) -> Listing:
        self.problems.raise_if_any()
        if self.chosen is None:  # all splits are empty
            raise DataError(Problem("there is no image", self.where))
        if self.labels and not self.has_images:
            raise DataError(self._without_bytes())
        notes = [*notes, *self.chosen.notes]
        if self.chosen.unused:
            notes = [*notes, f"columns that are not used: {', '.join(self.chosen.unused[:20])}"]
        parts: list[ListedPart] | None = None if set(self.parts) == {""} else self.parts
        if "part" in self.extras:
            parts = self.extras["part"]
        return Listing(
            ArrowReader([file for file in self.files if file.n_rows]),
            self._names(),
            self.labels,
            self.chosen.class_names,
            parts,
            self.extras.get("group"),
            self.extras.get("time"),
            self.extras.get("weight"),
            sentences(notes),
            faults=self.faults,
        )

    def _names(self) -> list[str]:
        """Return the paths of the images if each has one of its own, otherwise the numbers of the rows."""
        paths = [path for path in self.paths if path]
        if len(set(paths)) == len(self.labels) == len(self.paths):
            return paths
        names, start = [], dict[str, int]()
        for part in self.parts:
            row = start[part] = start.get(part, -1) + 1
            names.append(f"{part} row {row}".lstrip())
        return names

    def _without_bytes(self) -> Problem:
        assert self.chosen is not None
        what = f'the column "{self.chosen.image}" has only the paths of the images, not the images'
        got = next((path for path in self.paths if path), "")
        hint = "write them with dataset.save_to_disk(folder), which includes the images, and use this folder"
        return Problem(what, self.where, got[:100], hint=hint)


_CONVERT = {
    "group": cells.group_of,
    "part": cells.part_of,
    "weight": cells.weight_of,
    "time": cells.time_of,
}


def _rows_of(rows: ParquetRows | ArrowRows, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for columns in rows.columns(names):
        yield from zip(*columns, strict=True)


def _label(value: Any, names: tuple[str, ...] | None) -> str | None:
    """Return one label as text; raise :class:`convstudy.data.tables.cells.CellError` if it is none."""
    if value is None or value != value or value == "" or (isinstance(value, str) and value in cells.MISSING):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str):
        return value
    if not isinstance(value, int):
        raise cells.CellError("a label must be a whole number or text", str(value)[:80])
    if names is None:
        return str(int(value))
    if value == -1:  # datasets writes -1 for a label that is not known
        return None
    if not 0 <= value < len(names):
        expected = f"a number from 0 to {len(names) - 1}, one per class name"
        raise cells.LabelFault("its label has no class name", str(value), expected)
    return names[value]


LISTED_SOURCE = ListedSource(
    "huggingface",
    PATH_FORM,
    recognise,
    listing,
    ArrowReader.from_json,
    ("image", "label", "group", "part", "weight", "time", "parts"),
)
