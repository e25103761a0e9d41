"""A table with one row per image: CSV, TSV, JSON Lines or Parquet, with a column of paths and a column of labels.

Paths are relative to the folder of the table, and cannot leave it: a table can come from elsewhere, and must not make
other files of this machine part of a report.
"""

from __future__ import annotations

import itertools
import os
import re
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from convstudy.data.class_names import case_notes, class_name_problems, shown
from convstudy.data.folders.image_files import FileReader
from convstudy.data.listing import ListedSource, Listing, SourceOptions
from convstudy.data.problem_list import ProblemList
from convstudy.data.source import exists
from convstudy.data.tables import cells
from convstudy.data.tables.columns import choose_columns, n_required
from convstudy.data.tables.delimited import open_delimited
from convstudy.data.tables.json_lines import open_json_lines
from convstudy.data.tables.parquet import open_parquet
from convstudy.data.tables.table import MAX_ROWS, Table, Value
from convstudy.errors import DataError, Location, Problem
from convstudy.numbers import counted

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".pq")
CONVERT: Mapping[str, Callable[[Value], Any]] = {
    "label": cells.label_of,
    "group": cells.group_of,
    "part": cells.part_of,
    "weight": cells.weight_of,
    "time": cells.time_of,
}
"""Key of ``[dataset]`` -> the conversion of a cell of its column."""
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,]0+)?")
USUAL_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".JPG")
MAX_FOLDERS_SEARCHED = 100


def listing(path: Path, options: SourceOptions) -> Listing:
    """List the images of a table in the order of its rows; no image is opened.

    Raises:
        DataError: with all problems of columns and rows.
    """
    table = _opened(path)
    chosen = choose_columns(table.columns, options, Location(str(path)))
    class_names = table.class_names.get(table.columns[chosen.positions["label"]])
    rows = _Rows(table, tuple(chosen.positions), os.path.abspath(path.parent), class_names)  # noqa: PTH100
    for n, (number, values) in enumerate(table.rows(tuple(chosen.positions.values()))):
        if n >= MAX_ROWS:
            raise DataError(Problem(f"there are more than {MAX_ROWS:,} rows", Location(str(path))))
        rows.add(number, values)
    return rows.listing(chosen.notes)


def _opened(path: Path) -> Table:
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".pq"):
        return open_parquet(path)
    return open_json_lines(path) if "json" in suffix else open_delimited(path, n_required)


class _Rows:
    """The rows of a table, each converted and compared with earlier rows of the same image.

    Args:
        table: the table, for places.
        keys: the keys of the columns, in the order of the cells; "image" is one of them.
        root: the absolute path of the folder of the table.
        class_names: the names of the classes 0, 1, …; ``None`` if the labels are the names.
    """

    def __init__(
        self, table: Table, keys: Sequence[str], root: str, class_names: tuple[str, ...] | None = None
    ) -> None:
        self.table, self.root, self.class_names = table, root, class_names
        self.roots = tuple(dict.fromkeys((root, os.path.realpath(root))))
        self.path_column = keys.index("image")
        self.columns: dict[str, list[Any]] = {key: [] for key in keys if key != "image"}
        convert = dict(CONVERT)
        if class_names is not None:
            convert["label"] = lambda cell: cells.named_label_of(cell, class_names)
        self.converters = [(key, n, convert[key]) for n, key in enumerate(keys) if key != "image"]
        self.positions: dict[str, int] = {}  # path -> position among the images
        self.numbers = array("q")  # the number of the row of each image
        self.n_repeated = 0
        self.faults: dict[int, str] = {}  # position -> why its label cannot be used
        self.problems = ProblemList()

    def add(self, number: int, values: Sequence[Value]) -> None:
        """Add one row, or count its problem."""
        try:
            name = cells.relative_path(values[self.path_column], self.roots)
            converted, fault = self._converted(number, values)
            position = self.positions.setdefault(name, len(self.numbers))
            if position < len(self.numbers):
                self._compare(name, position, converted)
                self.n_repeated += 1
                return
        except cells.CellError as error:
            where = self.table.where(number)
            self.problems.add(Problem(error.what, where, error.got, error.expected, error.hint))
            return
        if fault:
            self.faults[len(self.numbers)] = fault
        self.numbers.append(number)
        for (key, _, _), value in zip(self.converters, converted, strict=True):
            self.columns[key].append(value)

    def _converted(self, number: int, values: Sequence[Value]) -> tuple[list[Any], str]:
        """Return the values of a row, and why its label cannot be used; such an image can be left out."""
        converted, fault = list[Any](), ""
        for _, n, convert in self.converters:
            try:
                converted.append(convert(values[n]))
            except cells.LabelFault as error:
                converted.append(None)
                expected = f"; expected {error.expected}" if error.expected else ""
                got = f"; got {error.got}" if error.got else ""
                fault = f"{error.what} in {self._place(number)}{expected}{got}"
        return converted, fault

    def _place(self, number: int) -> str:
        where = self.table.where(number)
        return f"line {where.line}" if where.line else where.subject

    def _compare(self, name: str, position: int, converted: Sequence[Any]) -> None:
        """Raise if a row repeats an image with other values."""
        for (key, _, _), value in zip(self.converters, converted, strict=True):
            first = self.columns[key][position]
            if value != first:
                place = self._place(self.numbers[position])
                what = f"the image {shown(name)} is listed twice with different values of {key}"
                raise cells.CellError(
                    what, _quoted(value), f"{_quoted(first)} as in {place}", "delete one row"
                )

    def listing(self, notes: Sequence[str]) -> Listing:
        """Return the listing of all rows.

        Raises:
            DataError: with all problems.
        """
        where = Location(str(self.table.path))
        labels = self.columns["label"]
        if self.table.is_text:
            labels = _without_decimals(labels)
        found = {label for label in labels if label is not None}
        self.problems.add(*class_name_problems(self.class_names or found, where))
        times = self.columns.get("time")
        if times and len({cells.is_number(time) for time in times}) > 1:
            self.problems.add(Problem("some times are numbers and others are dates", where))
        self.problems.raise_if_any()
        names = list(self.positions)
        if not names:
            raise DataError(Problem("there is no row after the names of the columns", where))
        if not any(exists(Path(self.root, name)) for name in names):
            raise DataError(self._none_exists(names))
        if self.n_repeated:
            rows = counted(self.n_repeated, "row repeats", "rows repeat")
            notes = (*notes, f"{rows} an image with the same values; each image is used once.")
        return Listing(
            FileReader(self.root, names),
            names,
            labels,
            self.class_names,
            parts=self.columns.get("part"),
            groups=self.columns.get("group"),
            times=times,
            weights=self.columns.get("weight"),
            notes=(*notes, *case_notes(found)),
            faults=self.faults,
        )

    def _none_exists(self, names: Sequence[str]) -> Problem:
        """Return the problem of a table without an existing image, with a file that the first path can mean."""
        what = f"none of the {counted(len(names), 'image')} exists in {self.root}"
        hint = "paths must be relative to the folder of the table"
        with os.scandir(self.root) as entries:
            folders = [
                f"{entry.name}/" for entry, _ in zip(entries, range(MAX_FOLDERS_SEARCHED), strict=False)
            ]
        # train.csv describes train/, although test/ can have files of the same names.
        folders.sort(key=lambda folder: (folder[:-1] != self.table.path.stem, folder))
        for folder, suffix in itertools.product(("", *folders), ("", *USUAL_SUFFIXES)):
            found = f"{folder}{names[0]}{suffix}"
            if exists(Path(self.root, found)):
                move = f"move the table into the folder {shown(folder[:-1])}" if folder else ""
                extend = f"add {shown(suffix)} to each path" if suffix else ""
                hint = f"{shown(found)} exists; {' and '.join(filter(None, (extend, move)))}"
                break
        return Problem(what, self.table.where(self.numbers[0]), shown(names[0]), hint=hint)


def _quoted(value: object) -> str:
    return "no value" if value is None else shown(str(value))


def _without_decimals(labels: list[str | None]) -> list[str | None]:
    """Return labels such as "1.0" as "1" if all labels are whole numbers.

    pandas writes a column of integers as 1.0, 2.0 if a value was missing in between.
    """
    distinct = {label for label in labels if label is not None}
    if not all(WHOLE_NUMBER.fullmatch(label) for label in distinct):
        return labels
    changed = {label: label.replace(",", ".").partition(".")[0] for label in distinct}
    return [label and changed[label] for label in labels]


def recognise(path: Path) -> bool:
    """Return whether a file has the name of a table."""
    return path.suffix.lower() in SUFFIXES and os.path.isfile(path)  # noqa: PTH113 - it raises for no path


LISTED_SOURCE = ListedSource(
    name="table",
    path_form="a CSV, TSV, JSON Lines or Parquet file with a column of paths and a column of labels",
    recognise=recognise,
    listing=listing,
    reader=FileReader.from_json,
    options=("image", "label", "group", "part", "weight", "time", "parts"),
    is_fallback=True,
)
