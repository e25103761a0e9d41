"""A CSV file with the correct predictions of two models in groups of images, for ``convstudy verdict --groups``.

There are two forms. With a column ``n``, a line is a group; the number of images that both models predict correctly is
optional, as ``both``, or as ``first_only`` and ``second_only``::

    group,n,first,second,both
    patient 1,50,45,40,38

Without ``n``, a line is an image, and ``first`` and ``second`` are 1 if the model predicts it correctly, else 0::

    group,first,second
    patient 1,1,0

Other columns are ignored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from convstudy.errors import Location, Problem, UsageError
from convstudy.regular_file import open_regular
from convstudy.stats.grouped_counts import GroupCounts

MAX_BYTES = 1 << 30
MAX_PROBLEMS = 20
HINT = "convstudy verdict --help names the columns"


def read_groups(path: Path) -> list[GroupCounts]:
    """Return the counts of each group, in the order of the file.

    Raises:
        UsageError: if the file cannot be read or is not valid; with the line of each problem.
    """
    where = Location(str(path))
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(Problem(f"cannot read this file: {error.strerror or error}", where)) from None
    if len(data) > MAX_BYTES:
        raise UsageError(Problem("this file is too large", where, expected=f"at most {MAX_BYTES:,} bytes"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(Problem("this is not a text file in UTF-8", where)) from None
    reader = _Reader(path)
    try:
        return reader.counts(text)
    except csv.Error as error:
        raise UsageError(Problem(f"this is not a valid CSV file: {error}", where)) from None


@dataclass
class _Reader:
    """Reads the lines of one file and collects their problems."""

    path: Path
    problems: list[Problem] = field(default_factory=list)

    def counts(self, text: str) -> list[GroupCounts]:
        first_line = text.partition("\n")[0]
        # Spreadsheets in some languages write semicolons.
        delimiter = max(",;\t", key=first_line.count)
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        lines = ((rows.line_num, [cell.strip() for cell in row]) for row in rows if any(map(str.strip, row)))
        names = [name.lower() for name in next(lines, (0, []))[1]]
        missing = [name for name in ("group", "first", "second") if name not in names]
        if missing:
            are = "is" if len(missing) == 1 else "are"
            what = f"the first line must name the columns; {', '.join(missing)} {are} missing"
            raise UsageError(Problem(what, Location(str(self.path), 1), ", ".join(names)[:80], hint=HINT))
        repeated = sorted({name for name in names if names.count(name) > 1 and name in _COLUMNS})
        if repeated:
            what = f"the column {repeated[0]} must not occur twice"
            raise UsageError(Problem(what, Location(str(self.path), 1), hint=HINT))
        if ("first_only" in names) != ("second_only" in names):
            what = "the columns first_only and second_only must be given together"
            raise UsageError(Problem(what, Location(str(self.path), 1), hint=HINT))
        found = self._groups(lines, names) if "n" in names else self._images(lines, names)
        if self.problems:
            raise UsageError(*self.problems)
        if not found:
            raise UsageError(
                Problem("this file has no lines below the names of its columns", Location(str(self.path)))
            )
        return found

    def _groups(self, lines: Iterator[tuple[int, list[str]]], names: list[str]) -> list[GroupCounts]:
        found: dict[str, GroupCounts] = {}
        for line, cells in self._valid(lines, names):
            group = cells["group"]
            if group in found:
                self._problem(line, "a group must not occur twice in a file with a column n", group)
                continue
            numbers = {name: self._number(line, name, cells[name]) for name in _COLUMNS[1:] if name in cells}
            n, first, second = (numbers[name] for name in ("n", "first", "second"))
            both = numbers.get("both")
            if "first_only" in numbers:
                both = first - numbers["first_only"] if both is None else both
                if (first - both, second - both) != (numbers["first_only"], numbers["second_only"]):
                    got = f"{numbers['first_only']} and {numbers['second_only']}"
                    self._problem(line, "first_only and second_only contradict the other columns", got)
            found[group] = GroupCounts(n, first, second, both, group)
        return list(found.values())

    def _images(self, lines: Iterator[tuple[int, list[str]]], names: list[str]) -> list[GroupCounts]:
        found: dict[str, list[int]] = {}
        for line, cells in self._valid(lines, names):
            values = []
            for name in ("first", "second"):
                if cells[name] not in ("0", "1"):
                    hint = "a line is an image, because there is no column n"
                    self._problem(line, f"{name} must be 1 (correct) or 0", cells[name], hint)
                values.append(int(cells[name] == "1"))
            counts = found.setdefault(cells["group"], [0, 0, 0, 0])
            one, other = values
            for index, value in enumerate((1, one, other, one * other)):
                counts[index] += value
        return [GroupCounts(n, first, second, both, name) for name, (n, first, second, both) in found.items()]

    def _valid(
        self, lines: Iterator[tuple[int, list[str]]], names: list[str]
    ) -> Iterator[tuple[int, dict[str, str]]]:
        """Yield the cells of each line by the name of their column, if the line has the right number of them."""
        for line, row in lines:
            if len(self.problems) >= MAX_PROBLEMS:
                return
            if len(row) != len(names):
                self._problem(line, f"a line must have {len(names)} values", f"{len(row)} values")
                continue
            cells = {name: value for name, value in zip(names, row, strict=True) if name in _COLUMNS}
            if not cells["group"]:
                self._problem(line, "the group must not be empty")
                continue
            yield line, cells

    def _number(self, line: int, name: str, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        self._problem(line, f"{name} must be a whole number of images", text)
        return 0

    def _problem(self, line: int, what: str, got: str = "", hint: str = "") -> None:
        self.problems.append(
            Problem(what, Location(str(self.path), line), got[:80] or "an empty value", hint=hint)
        )


_COLUMNS = ("group", "n", "first", "second", "both", "first_only", "second_only")
