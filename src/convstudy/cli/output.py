"""Tables, JSON, messages on stderr, and the name of the program."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from convstudy.report.table import Table


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()) -> str:
    """Format a table with a rule below the head; no cell is cut or wrapped.

    Args:
        head: the names of the columns.
        rows: the cells; integers get thousands separators.
        right: the indices of right-aligned columns.

    >>> print(table(("name", "n"), [("a", 1234)], right=[1]))
    name      n
    ────  ─────
    a     1,234
    """
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in (head, *cells)) for column in range(len(head))]
    right_aligned = set(right)

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if column in right_aligned else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), line(["─" * width for width in widths]), *map(line, cells)])


def table_text(value: Table, most: int | None = None) -> str:
    """Format a table of a report.

    Args:
        value: the table.
        most: the maximum number of rows; ``None`` for all.
    """
    numeric = [index for index, column in enumerate(value.columns) if column.numeric]
    texts = value.texts[:most]
    more = len(value.rows) - len(texts)
    lines = table([column.title for column in value.columns], texts, right=numeric)
    return f"{lines}\nand {more:,} more" if more else lines


def program() -> str:
    """Return the command that calls this program again: ``convstudy`` if the shell finds it, else its path.

    ``make study`` runs ``.venv/bin/convstudy`` without activating the environment.
    """
    path = Path(sys.argv[0])
    return "convstudy" if path.name != "convstudy" or shutil.which("convstudy") else str(path)


def print_json(value: object) -> None:
    """Print one JSON value on stdout, in ASCII, which every encoding can represent."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def print_messages(text: str) -> None:
    """Print on stderr."""
    click.echo(text, err=True)
