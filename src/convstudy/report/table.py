"""Tables as data, with their forms as text, CSV, Markdown and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from convstudy import numbers
from convstudy.numbers import duration
from convstudy.stats import Summary

Kind = Literal[
    "text",
    "prose",
    "code",
    "percent",
    "points",
    "width",
    "loss",
    "change",
    "count",
    "seconds",
    "rate",
    "p",
    "time",
    "digest",
    "digests",
]
Value = str | int | float | Summary | tuple[str, ...] | None

NUMERIC: frozenset[Kind] = frozenset(
    {"percent", "points", "width", "loss", "change", "count", "seconds", "rate", "p"}
)


@dataclass(frozen=True)
class Column:
    """A column: its key in CSV and JSON, its title, and the kind of its values, which determines their format."""

    key: str
    title: str
    kind: Kind = "text"

    @property
    def numeric(self) -> bool:
        """Whether values are aligned to the right."""
        return self.kind in NUMERIC


@dataclass(frozen=True)
class Table:
    """Rows of values under columns.

    Attributes:
        name: the file name without its suffix.
        title: above the table.
        caption: explains the values in a few sentences.
        columns: one per value of a row.
        rows: values at full precision.
        marked: numbers of highlighted rows, for example of the selected candidate.

    >>> columns = (Column("name", "Candidate"), Column("accuracy", "Accuracy", "percent"))
    >>> table = Table("scores", "Scores", "Test accuracy.", columns, (("small", 0.98756),))
    >>> table.texts, as_records(table)
    ([['small', '98.76 %']], [{'name': 'small', 'accuracy': 0.98756}])
    """

    shape: ClassVar[str] = "table"

    name: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    marked: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"table {self.name}: {len(row)} values for {len(self.columns)} columns")

    @property
    def texts(self) -> list[list[str]]:
        """The formatted cells, row by row."""
        return [
            [cell_text(value, column.kind) for value, column in zip(row, self.columns, strict=True)]
            for row in self.rows
        ]


_WRITERS: dict[str, Callable[[float], str]] = {
    "percent": numbers.percent,
    "points": numbers.points,
    "width": numbers.bare_points,
    "loss": numbers.loss,
    "change": numbers.change,
    "count": numbers.count,
    "seconds": duration,
    "rate": lambda value: numbers.shortest(value, 3),
    "p": numbers.p_value,
}


_TEXT_WRITERS: dict[str, Callable[[str], str]] = {
    "digest": numbers.digest,
    "time": numbers.moment,
}


MAX_SHOWN_DIGESTS = 3
"""The number of digests in a cell for readers, where they are stacked; CSV and JSON have all of them."""


def cell_text(value: Value, kind: Kind) -> str:
    """Format a value for readers; a missing one is a dash."""
    if value is None or value == "" or value == ():
        return numbers.NONE
    if isinstance(value, Summary):
        return numbers.with_spread(value, _WRITERS[kind])
    if isinstance(value, tuple):
        if kind != "digests":
            return " ".join(value)
        more = len(value) - MAX_SHOWN_DIGESTS
        return " ".join(map(numbers.digest, value[:MAX_SHOWN_DIGESTS])) + (f" +{more:,}" if more > 0 else "")
    if isinstance(value, str):
        return _TEXT_WRITERS[kind](value) if kind in _TEXT_WRITERS else value
    return _WRITERS[kind](value) if kind in _WRITERS else str(value)


def as_csv(table: Table) -> str:
    """Return the table as CSV (RFC 4180, but with LF) at full precision; a summary becomes mean, sd and n."""
    records = as_records(table)
    keys = [key for column in table.columns for key in _keys(table, column)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(keys)
    writer.writerows([_csv_cell(record[key]) for key in keys] for record in records)
    return out.getvalue()


def as_markdown(table: Table) -> str:
    """Return the table as GitHub-flavoured Markdown with formatted values."""
    head = "| " + " | ".join(escaped(column.title) for column in table.columns) + " |"
    rule = "|" + "|".join(" ---: " if column.numeric else " --- " for column in table.columns) + "|"
    body = ["| " + " | ".join(map(escaped, row)) + " |" for row in table.texts]
    return "\n".join([head, rule, *body]) + "\n"


def as_records(table: Table) -> list[dict[str, Any]]:
    """Return one dictionary per row at full precision; a summary becomes ``KEY_mean``, ``KEY_sd`` and ``KEY_n``."""
    summarised = {column.key for column in table.columns if len(_keys(table, column)) > 1}
    records = []
    for row in table.rows:
        record: dict[str, Any] = {}
        for column, value in zip(table.columns, row, strict=True):
            if column.key in summarised:
                summary = value if isinstance(value, Summary) else Summary(0, None, None, None, None)
                record |= {
                    f"{column.key}_mean": summary.mean,
                    f"{column.key}_sd": summary.sd,
                    f"{column.key}_n": summary.n,
                }
            else:
                record[column.key] = list(value) if isinstance(value, tuple) else value
        records.append(record)
    return records


def _keys(table: Table, column: Column) -> tuple[str, ...]:
    index = table.columns.index(column)
    if any(isinstance(row[index], Summary) for row in table.rows):
        return (f"{column.key}_mean", f"{column.key}_sd", f"{column.key}_n")
    return (column.key,)


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, str):
        # Spreadsheets evaluate a cell with such a start as a formula (CSV injection).
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    return repr(value)


_SPECIAL = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_{}[]<>|#"})


def escaped(text: str, keep_ends: bool = False) -> str:
    """Escape a text for Markdown, in one line.

    Args:
        text: plain text.
        keep_ends: keep one space at each end that has white space.
    """
    line = " ".join(text.split())
    if keep_ends:
        line = f"{' ' * text.startswith(' ')}{line}{' ' * (text.endswith(' ') and line != '')}"
    return line.translate(_SPECIAL)
