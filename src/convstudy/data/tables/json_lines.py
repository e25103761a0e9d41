"""Reads JSON Lines: one object per line, as written by pandas, polars and datasets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from convstudy.data.tables.table import Row, Table
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

MAX_LINE_BYTES = 1 << 20
"""The largest length of a line in bytes."""
HINT = 'write one object per line, such as DataFrame.to_json(path, orient="records", lines=True)'


def open_json_lines(path: Path) -> Table:
    """Open a table; only its first object is read, which has the names of the columns.

    Raises:
        DataError: if the file cannot be read, or its first line is no JSON object.
    """
    columns = tuple(next((values for _, values in _objects(path)), {}))
    if not columns:
        raise DataError(Problem("there is no object with values", Location(str(path)), hint=HINT))

    def rows(wanted: Sequence[int]) -> Iterator[Row]:
        names = [columns[each] for each in wanted]
        for number, values in _objects(path):
            yield number, [values.get(name) for name in names]

    return Table(path, columns, rows)


def _objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        with open_regular(path) as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                where = Location(str(path), number)
                if len(line) > MAX_LINE_BYTES:
                    what = f"this line has more than {MAX_LINE_BYTES:,} bytes"
                    raise DataError(Problem(what, where, hint=HINT))
                if line.strip():
                    yield number, _object(line, where)
    except OSError as error:
        what = f"cannot read the file: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)))) from None


def _object(line: bytes, where: Location) -> dict[str, Any]:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise DataError(Problem("this line is not valid UTF-8", where)) from None
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "") or " ".join(str(error).split())[:100]
        raise DataError(Problem(f"this line is not valid JSON: {reason}", where, hint=HINT)) from None
    if not isinstance(values, dict):
        got = "a list" if isinstance(values, list) else f"{json.dumps(values)[:50]}"
        raise DataError(Problem("this line must be a JSON object", where, got, hint=HINT))
    return values
