"""Pixels as text: CSV and similar files in which each line is an image and its label.

Examples are the files of Kaggle's digit recogniser, the MNIST CSV files, USPS's ``zip.train`` and UCI's ``optdigits``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isqrt
from pathlib import Path

from convstudy.data.array_files.labels import label_texts
from convstudy.data.array_files.number_rows import (
    Columns,
    RowFormat,
    columns_of,
    data_lines,
    is_number,
    opened,
    row_format,
    sample_of,
)
from convstudy.data.array_files.parts import PARTS, sentences
from convstudy.data.array_files.row_reader import RowFile, RowReader
from convstudy.data.folders.entries import entry_names, is_file
from convstudy.data.folders.part_words import PART_WORDS, part_in_name
from convstudy.data.listing import ListedPart, ListedSource, Listing, SourceOptions
from convstudy.data.problem_list import ProblemList
from convstudy.data.tables.columns import extra_columns
from convstudy.errors import DataError, Location, Problem

SUFFIXES = {".csv", ".tsv", ".txt", ".data", ".dat", ".train", ".test", ".tra", ".tes"}
"""Endings of names, also followed by ``.gz``."""
EXTRAS = ("group", "time", "weight", "part")
MAX_DISTINCT = 1_000
"""The largest number of different values of a column of labels in a file that does not name its columns."""
PATH_FORM = (
    "a text file in which each line is an image: its pixels as numbers, and its label in the first or last column; "
    "or a folder with such files for train and test"
)


def recognise(path: Path) -> bool:
    """Return whether a path is a text file of pixels, or a folder with such files of several parts."""
    if is_file(path):
        return _suffix(path.name) in SUFFIXES and _format(path) is not None
    files = _part_files(path)
    return "train" in files and all(_format(file) is not None for file in files.values())


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _part_files(folder: Path) -> dict[ListedPart, Path]:
    """Return the text files of a folder whose names have the word of a part; nothing if a part has two of them."""
    files: dict[ListedPart, Path] = {}
    for name in entry_names(folder):
        part = part_in_name(name)[0]
        if part and _suffix(name) in SUFFIXES:
            if part in files:
                return {}
            files[part] = folder / name
    return files


def _format(path: Path) -> RowFormat | None:
    return row_format(sample_of(path))


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of a file, or of the files in a folder. All lines are read, but only labels are kept."""
    files: dict[ListedPart, Path] = {"": path} if is_file(path) else _part_files(path)
    if not files:
        raise DataError(Problem("there are no text files of pixels", Location(str(path)), expected=PATH_FORM))
    notes = []
    for part in [
        part for part in files if part != "train" and _lacks_labels(files[part], files.get("train"))
    ]:
        notes.append(f"the file {files.pop(part).name} has no labels and is not used")
    parts: list[ListedPart] = [part for part in PARTS if part in files]
    tables = [_table(part, files[part], options) for part in parts]
    reader = RowReader([table.file for table in tables])
    labels = [label for table in tables for label in table.labels]
    names = [f"{table.part} row {row}".lstrip() for table in tables for row in range(len(table.labels))]
    in_file = [part for table in tables for part in table.parts]
    by_name: list[ListedPart] = [table.part for table in tables for _ in table.labels]
    side = isqrt(tables[0].file.last - tables[0].file.first)
    notes.append(f"each line is an image of {side} × {side} pixels; the label is in {tables[0].label_text}")
    notes += tables[0].notes
    unused = [name for name in tables[0].columns.others if name not in tables[0].extras.values()]
    if unused:
        notes.append(f"columns that are not used: {', '.join(unused[:20])}")
    return Listing(
        reader,
        names,
        labels,
        None,
        in_file or (by_name if parts != [""] else None),
        [text or "" for table in tables for text in table.groups] or None,
        [text or "" for table in tables for text in table.times] or None,
        [weight for table in tables for weight in table.weights] or None,
        sentences(notes),
        reader.bounds,
    )


def _lacks_labels(path: Path, train: Path | None) -> bool:
    """Return whether a file has one column fewer than the training file, as Kaggle's test files."""
    found, other = _format(path), None if train is None else _format(train)
    return found is not None and other is not None and found.n_columns == other.n_columns - 1


@dataclass
class _Table:
    """The content of one file except its pixels."""

    part: ListedPart
    file: RowFile
    columns: Columns
    extras: dict[str, str]
    notes: tuple[str, ...]
    label_text: str
    labels: list[str | None] = field(default_factory=list)
    groups: list[str | None] = field(default_factory=list)
    times: list[str | None] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    parts: list[ListedPart] = field(default_factory=list)


def _table(part: ListedPart, path: Path, options: SourceOptions) -> _Table:
    """Read the labels and further columns of a file."""
    where = Location(str(path))
    found = _format(path)
    if found is None:
        raise DataError(Problem("the lines of this file are not images", where, expected=PATH_FORM))
    extras, notes = _extras(found, options, where)
    columns, kept = _columns(path, found, options.label, extras)
    label_at = columns.label
    if label_at is None:
        label_at = _label_column(kept, where)
        columns = Columns((1, found.n_columns) if label_at == 0 else (0, found.n_columns - 1), label_at, {})
    file = RowFile(
        str(path),
        len(kept.lines),
        found.separator.decode(),
        found.n_columns,
        found.decimal_comma,
        bool(found.header),
        *columns.pixels,
    )
    name = f'the column "{found.header[label_at]}"' if found.header else f"column {label_at + 1:,}"
    table = _Table(part, file, columns, extras, notes, name)
    table.labels = _texts(kept.values[label_at], where)
    for key, target in (("group", table.groups), ("time", table.times)):
        if (column := _column(columns, extras.get(key))) is not None:
            target += _texts(kept.values[column], where)
    problems = ProblemList()
    if (column := _column(columns, extras.get("weight"))) is not None:
        for line, value in zip(kept.lines, kept.values[column], strict=True):
            if is_number(value, False):
                table.weights.append(float(value))
            else:
                place = Location(str(path), line)
                problems.add(
                    Problem("the weight must be a number", place, f'"{value.decode("utf-8", "replace")}"')
                )
    if (column := _column(columns, extras.get("part"))) is not None:
        for line, value in zip(kept.lines, kept.values[column], strict=True):
            word = PART_WORDS.get(value.decode("utf-8", "replace").lower())
            if word is None:
                place, expected = Location(str(path), line), "train, validation or test"
                got = f'"{value.decode("utf-8", "replace")}"'
                problems.add(Problem("the part is unknown", place, got, expected))
            table.parts.append(word or "train")
    problems.raise_if_any()
    return table


def _extras(
    found: RowFormat, options: SourceOptions, where: Location
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the names of the columns of groups, times, weights and parts by key, and notes about them."""
    if found.has_names:
        return extra_columns(found.header, options, EXTRAS, where)
    for key in EXTRAS:
        value = getattr(options, key)
        if value and not (key == "group" and "(" in value):
            what = f'there is no column "{value}", because the file does not name its columns'
            raise DataError(Problem(what, where))
    return {}, ()


def _column(columns: Columns, name: str | None) -> int | None:
    """Return the position of a column; ``None`` without a name."""
    return None if name is None else columns.others.get(name)


@dataclass
class _Kept:
    """Some columns of a file: line number of each row, and column -> text of each row."""

    lines: list[int]
    values: dict[int, list[bytes]]


def _columns(
    path: Path, found: RowFormat, label: str | None, extras: Mapping[str, str]
) -> tuple[Columns, _Kept]:
    """Return the columns of a file, and the text of all columns that are not pixels.

    Raises:
        DataError: if a line has another number of values; the first 20 such lines are listed.
    """
    where, problems = Location(str(path)), ProblemList()
    columns: Columns | None = None
    kept = _Kept([], {})
    try:
        with opened(path) as file:
            rows = data_lines(file, where)
            if found.header:
                next(rows)
            for number, _, line in rows:
                if columns is None:
                    numbers = [is_number(value, found.decimal_comma) for value in found.split(line)]
                    columns = columns_of(found, label, set(extras.values()), where, numbers)
                    wanted = [0, found.n_columns - 1] if columns.label is None else [columns.label]
                    kept.values = {at: [] for at in {*wanted, *columns.others.values()}}
                n_values = line.count(found.separator) + 1 if found.separator else len(line.split())
                if n_values != found.n_columns:
                    place = Location(str(path), number)
                    got, expected = f"{n_values:,}", f"{found.n_columns:,}"
                    problems.add(Problem("the line has another number of values", place, got, expected))
                    continue
                kept.lines.append(number)
                for at, texts in kept.values.items():
                    texts.append(found.value(line, at))
    except (OSError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(Problem(f"cannot read the file: {reason}", where)) from None
    problems.raise_if_any()
    assert columns is not None  # _format has seen at least one row
    return columns, kept


def _label_column(kept: _Kept, where: Location) -> int:
    """Return the column of labels, the first or the last: whole numbers, at least two different ones, and few.

    Raises:
        DataError: if both or none of the two columns fit.
    """
    fitting = [at for at, values in sorted(kept.values.items()) if _could_be_labels(values)]
    if len(fitting) != 1:
        which = "both the first and the last column" if fitting else "neither the first nor the last column"
        what, hint = f"{which} could be the label", 'set label = "first" or label = "last"'
        raise DataError(Problem(what, where, hint=hint))
    return fitting[0]


def _could_be_labels(values: Sequence[bytes]) -> bool:
    distinct = set(values)
    if not 2 <= len(distinct) <= min(MAX_DISTINCT, max(2, len(values) // 2)):
        return False
    return all(is_number(value, False) and float(value).is_integer() for value in distinct)


def _texts(values: Sequence[bytes], where: Location) -> list[str | None]:
    """Return a column as text; numbers as :func:`label_texts` writes them, so that 6.0000 is 6."""
    import numpy as np

    names: dict[bytes, str | None] = {}
    for value in set(values):
        text = value.decode("utf-8", "replace")
        if is_number(value, False):
            names[value] = label_texts(np.array([float(value)]), where)[0]
        else:
            names[value] = text or None
    return [names[value] for value in values]


LISTED_SOURCE = ListedSource(
    "pixels", PATH_FORM, recognise, listing, RowReader.from_json, ("label", *EXTRAS, "parts")
)
