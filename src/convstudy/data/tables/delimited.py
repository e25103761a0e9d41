"""Reads CSV and TSV: commas, semicolons, tabs or bars between cells, found from the first line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

from convstudy.data.tables.table import Row, Table
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

MAX_LINE_LENGTH = 1 << 20
"""The largest length of a line in characters. A file of another kind can have one line of any size."""
DELIMITERS = ",;\t|"


def open_delimited(path: Path, fits: Callable[[tuple[str, ...]], int]) -> Table:
    """Open a table of text; only its first line is read.

    Args:
        path: the file: UTF-8 with or without a byte order mark, or UTF-16 with one.
        fits: returns how well columns of these names describe images. The delimiter with the best value is used, and
            of several such delimiters the one that gives the most columns.

    Raises:
        DataError: if the file cannot be read or has no first line.
    """
    with _open(path) as file:
        lines = _Lines(file, path)
        first = lines.skip_empty()
        declared = _declared(first)
        if declared:
            first = lines.skip_empty()
        # A quoted name of a column can contain line breaks.
        start = [first, *(line for line, _ in zip(lines, range(20), strict=False))]
    if not first:
        raise DataError(Problem("there is no line with the names of the columns", Location(str(path))))
    candidates = declared or ("\t" if path.suffix.lower() == ".tsv" else "") + DELIMITERS
    headers = {each: _header(start, each, path) for each in candidates}
    delimiter = max(headers, key=lambda each: (fits(headers[each]), len(headers[each])))
    columns = headers[delimiter]

    def rows(wanted: Sequence[int]) -> Iterator[Row]:
        with _open(path) as file:
            yield from _rows(_Lines(file, path), path, delimiter, len(columns), wanted)

    return Table(path, columns, rows, is_text=True)


class _Lines:
    """The lines of a file, counted, none longer than :data:`MAX_LINE_LENGTH`."""

    def __init__(self, file: TextIO, path: Path) -> None:
        self.n, self._file, self._path = 0, file, path

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_LINE_LENGTH + 1)
        self.n += 1
        if len(line) > MAX_LINE_LENGTH:
            what = f"this line has more than {MAX_LINE_LENGTH:,} characters"
            raise DataError(Problem(what, Location(str(self._path), self.n)))
        if not line:
            raise StopIteration
        return line

    def skip_empty(self) -> str:
        """Return the next line that is not empty; at the end of the file, an empty string."""
        return next((line for line in self if line.strip()), "")


def _open(path: Path) -> TextIO:
    try:
        file = open_regular(path)
        start = file.peek(4)[:4]
    except OSError as error:
        what = f"cannot read the file: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)))) from None
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    # Other encodings show as surrogates, so that the error of a name can have its line.
    return io.TextIOWrapper(
        file, encoding, errors="surrogateescape" if encoding != "utf-16" else "replace", newline=""
    )


def _declared(line: str) -> str:
    """Return the delimiter of Excel's line ``sep=;``, or an empty string."""
    text = line.strip("\r\n").strip('"')
    return text[4:] if text.lower().startswith("sep=") and len(text) == 5 else ""


def _header(lines: Sequence[str], delimiter: str, path: Path) -> tuple[str, ...]:
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        raise DataError(Problem(f"this is not a valid table: {error}", Location(str(path), 1))) from None
    return tuple(cell.strip() for cell in cells)


def _rows(lines: _Lines, path: Path, delimiter: str, n_columns: int, wanted: Sequence[int]) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    is_header = True
    while True:
        start = lines.n + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            hint = "check that each quote is closed"
            raise DataError(
                Problem(f"cannot read this row: {error}", Location(str(path), start), hint=hint)
            ) from None
        if not any(cells) or (is_header and _declared(delimiter.join(cells))):
            continue
        if is_header:
            is_header = False
            continue
        if len(cells) != n_columns:
            what, hint = (
                "this row has another number of cells",
                "put a cell that contains the delimiter into quotes, and close each quote",
            )
            where = Location(str(path), start)
            raise DataError(Problem(what, where, f"{len(cells)}", f"{n_columns}, as in the first row", hint))
        yield start, [cells[each] for each in wanted]
