"""A table as data, and as text for people, CSV, Markdown and JSON: one definition for all of them."""

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
    """One column: its key for programs, its title for people, and how its values are written."""

    key: str
    title: str
    kind: Kind = "text"

    @property
    def numeric(self) -> bool:
        """Whether values line up at their right."""
        return self.kind in NUMERIC


@dataclass(frozen=True)
class Table:
    """Rows of values under columns.

    ``name`` is what files are called; ``caption`` says what the figures are, in a sentence or two. ``marked`` are
    the numbers of rows that stand out (a stage's choice).
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
        """The cells as people read them."""
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


def cell_text(value: Value, kind: Kind) -> str:
    """Return a value as people read it."""
    if value is None or value == "" or value == ():
        return numbers.NONE
    if isinstance(value, Summary):
        return numbers.with_spread(value, _WRITERS[kind])
    if isinstance(value, tuple):
        return " ".join(numbers.digest(text) if kind == "digests" else text for text in value)
    if isinstance(value, str):
        return _TEXT_WRITERS[kind](value) if kind in _TEXT_WRITERS else value
    return _WRITERS[kind](value) if kind in _WRITERS else str(value)


def as_csv(table: Table) -> str:
    """Return the table as CSV (RFC 4180, lines end in LF), at full precision; a summary becomes mean, sd and n."""
    records = as_records(table)
    keys = [key for column in table.columns for key in _keys(table, column)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(keys)
    writer.writerows([_csv_cell(record[key]) for key in keys] for record in records)
    return out.getvalue()


def as_markdown(table: Table) -> str:
    """Return the table as GitHub-flavoured Markdown, written as for people."""
    head = "| " + " | ".join(escaped(column.title) for column in table.columns) + " |"
    rule = "|" + "|".join(" ---: " if column.numeric else " --- " for column in table.columns) + "|"
    body = ["| " + " | ".join(map(escaped, row)) + " |" for row in table.texts]
    return "\n".join([head, rule, *body]) + "\n"


def as_records(table: Table) -> list[dict[str, Any]]:
    """Return one plain dictionary per row, at full precision; a summary becomes ``KEY_mean``, ``_sd`` and ``_n``."""
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
    place = table.columns.index(column)
    if any(isinstance(row[place], Summary) for row in table.rows):
        return (f"{column.key}_mean", f"{column.key}_sd", f"{column.key}_n")
    return (column.key,)


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, str):
        # A spreadsheet would run a cell that starts so as a formula.
        return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
    return repr(value)


_SPECIAL = str.maketrans({letter: f"\\{letter}" for letter in "\\`*_{}[]<>|#"})


def escaped(text: str, keep_ends: bool = False) -> str:
    """Return a text in one line that Markdown shows as it is; ``keep_ends`` keeps spaces before and after it."""
    line = " ".join(text.split())
    if keep_ends:
        line = f"{' ' * text.startswith(' ')}{line}{' ' * (text.endswith(' ') and line != '')}"
    return line.translate(_SPECIAL)
