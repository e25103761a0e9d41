"""The file of the test part: CSV with one line per group or image, sorted by name, so that changes are easy to read.

::

    # The test part of a dataset, set aside by convstudy. Keep this file: without it, other images become test images.
    # fraction = 0.2
    part,group
    test,patient 3
    train,patient 7

The last column is called ``group`` if the study declares groups, and ``image`` otherwise.
"""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path
from typing import get_args

from convstudy.atomic_write import atomic_write
from convstudy.data.grouping.assignment import Assignment
from convstudy.data.grouping.merging import Identity
from convstudy.data.images import Part
from convstudy.errors import DataError, Location, Problem
from convstudy.regular_file import open_regular

MAX_BYTES = 1 << 28
"""The maximum size of the file in bytes; one of 1,000,000 images has about 40 MB."""
MAX_PROBLEMS = 20
"""The maximum number of wrong lines that an error lists."""
_TITLE = (
    "# The test part of a dataset, set aside by convstudy. "
    "Keep this file: without it, other images become test images."
)
_FRACTION = re.compile(r"# fraction = ([0-9.e-]+)")
HINT = "restore the file; or delete it, which sets aside other images for the test"


def write_assignment(path: Path, assignment: Assignment) -> None:
    """Write an assignment. The file is replaced at once, or not at all.

    Raises:
        OSError: if the folder cannot be written.
    """
    lines = [_TITLE, f"# fraction = {assignment.fraction!r}", f"part,{assignment.identity}"]
    lines += [
        f"{part},{_quoted(name)}"
        for part, name in sorted((part, name) for name, part in assignment.parts.items())
    ]
    with atomic_write(path) as partial:
        partial.write_bytes("\n".join([*lines, ""]).encode("utf-8", "surrogatepass"))


def _quoted(name: str) -> str:
    """Return a name as a value of CSV."""
    # The writer of Python's csv module does not quote a lone carriage return, which its reader takes as a line end.
    return '"' + name.replace('"', '""') + '"' if re.search('[,"\r\n]', name) else name


def read_assignment(path: Path) -> Assignment | None:
    """Return the assignment in a file, or ``None`` if there is no such file.

    Raises:
        DataError: if the file cannot be read or is not valid; with the line of each problem.
    """
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        what = f"cannot read the file of the test part: {error.strerror or error}"
        raise DataError(Problem(what, Location(str(path)))) from None
    if len(data) > MAX_BYTES:
        raise _wrong(path, None, "the file is too large", expected=f"at most {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _wrong(path, line, "this is not UTF-8 text") from None
    if "\0" in text:
        raise _wrong(path, None, "the file contains a zero byte")
    return _parsed(path, text)


def _parsed(path: Path, text: str) -> Assignment:
    """Return the assignment in the text of a file."""
    fraction: float | None = None
    identity: Identity | None = None
    parts: dict[str, Part] = {}
    first_lines: dict[str, int] = {}
    problems: list[Problem] = []
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        for row in rows:
            number = rows.line_num
            if not row or (identity is None and row[0].startswith("#")):
                found = _FRACTION.fullmatch(",".join(row).strip()) if row else None
                fraction = fraction if found is None else _number(found[1])
            elif identity is None:
                identity = _header(path, row, number)
            elif (problem := _line_problem(path, row, number, first_lines)) is not None:
                problems.append(problem)
                if len(problems) == MAX_PROBLEMS:
                    break
            else:
                part, name = row
                parts[name] = "test" if part == "test" else "train"
                first_lines[name] = number
    except csv.Error as error:
        raise _wrong(path, rows.line_num, f"this is not a valid line of CSV: {error}") from None
    if problems:
        raise DataError(*problems)
    if identity is None:
        raise _wrong(
            path, None, "there is no line with the names of the columns", expected="part,group or part,image"
        )
    if fraction is None or not 0 < fraction < 1:
        what = "a comment must state the fraction of test images"
        raise _wrong(
            path, None, what, expected='a line such as "# fraction = 0.2" before the names of the columns'
        )
    return Assignment(identity, fraction, parts, path.name)


def _header(path: Path, row: list[str], line: int) -> Identity:
    for identity in get_args(Identity):
        if row == ["part", identity]:
            return identity  # type: ignore[no-any-return]  # get_args has no type
    expected = "part,group or part,image"
    raise _wrong(path, line, "the names of the columns are wrong", got=",".join(row)[:80], expected=expected)


def _line_problem(path: Path, row: list[str], line: int, first_lines: dict[str, int]) -> Problem | None:
    """Return what is wrong with a line, if anything."""
    where = Location(str(path), line)
    if len(row) != 2:
        return Problem("a line must have a part and a name", where, f"{len(row)} values", hint=HINT)
    part, name = row
    if part not in get_args(Part):
        return Problem("the part must be train or test", where, part[:80] or "an empty value", hint=HINT)
    if not name:
        return Problem("the name must not be empty", where, hint=HINT)
    if name in first_lines:
        got = f"{name[:80]} in lines {first_lines[name]} and {line}"
        return Problem("a name must not occur twice", where, got, hint=HINT)
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _wrong(path: Path, line: int | None, what: str, got: str = "", expected: str = "") -> DataError:
    return DataError(Problem(what, Location(str(path), line), got, expected, HINT))
