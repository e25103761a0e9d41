"""Plain tables, JSON, and the name of the program."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click


def table(head: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = ()) -> str:
    """Return rows under a head, in columns, with a rule between; nothing is cut, however narrow the terminal.

    Args:
        head: the name of each column.
        rows: their cells; whole numbers get thousands separators.
        right: the columns (from 0) that are set flush right.
    """
    cells = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in (head, *cells)) for column in range(len(head))]
    flush_right = set(right)

    def line(row: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if column in flush_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), line(["─" * width for width in widths]), *map(line, cells)])


def program() -> str:
    """Return how this program can be called again: by its name, or by its path where that is no command.

    After ``make study`` it is ``.venv/bin/convstudy``: nobody has activated the environment yet.
    """
    called = Path(sys.argv[0])
    return "convstudy" if called.name != "convstudy" or shutil.which("convstudy") else str(called)


def print_json(value: object) -> None:
    """Print one JSON value on stdout, in ASCII: a program reads it, whatever the encoding."""
    click.echo(json.dumps(value, indent=2, allow_nan=False))


def print_messages(text: str) -> None:
    """Print what is no result, on stderr."""
    click.echo(text, err=True)
