"""A table as columns and rows, whatever its format."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from convstudy.errors import Location

Value = str | int | float | bool | datetime.date | None | list[object] | dict[str, object]
"""One cell. A list or a JSON object is refused where it would be used."""

MAX_ROWS = 5_000_000
"""The largest number of rows of a table."""


Row = tuple[int, Sequence[Value]]
"""The number of a row in its file, and the cells of the wanted columns in their order."""


@dataclass(frozen=True)
class Table:
    """A table whose rows are read on demand.

    Args:
        path: the file.
        columns: the names of the columns, in the order of the file. A name can be empty or repeat.
        rows: reads the rows again from the first; its argument has the positions of the wanted columns. It raises
            :class:`~convstudy.errors.DataError` for a damaged file.
        has_lines: whether rows are numbered by their line, counted from 1; otherwise by their position, from 1.
        is_text: whether all values are text (CSV), so that a column of numbers shows only in its values.
        class_names: column -> the names of the classes 0, 1, …, if the file has them (Parquet written by datasets).
    """

    path: Path
    columns: tuple[str, ...]
    rows: Callable[[Sequence[int]], Iterator[Row]]
    has_lines: bool = True
    is_text: bool = False
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def where(self, number: int) -> Location:
        """Return the place of a row."""
        if self.has_lines:
            return Location(str(self.path), number)
        return Location(str(self.path), subject=f"row {number}")


def text_of(value: Value) -> str | None:
    """Return a cell as text without spaces around it; ``None`` for a missing value (null, NaN, or empty text).

    A whole number has no decimals, because pandas stores a column of integers with a missing value as floats.

    >>> text_of(3), text_of(3.0), text_of(" cat "), text_of(float("nan")), text_of("")
    ('3', '3', 'cat', None, None)
    """
    if isinstance(value, str):
        return value.strip() or None
    if value is None or value != value:  # NaN
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, datetime.date) else str(value)
