"""An error at a key of a study, before its file and line are known."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from convstudy.errors import NOWHERE, KeyPath, Location, Problem

_MAX_LENGTH = 80


@dataclass(frozen=True)
class FileError:
    """An error at a key of a study. Except ``path``, the fields are those of :class:`convstudy.errors.Problem`.

    ``where`` is the location of the layer, if the error is about one. :meth:`problem` adds the file and the line.
    """

    path: KeyPath
    what: str = ""
    got: str = ""
    expected: str = ""
    hint: str = ""
    where: Location = NOWHERE

    def problem(self, place: Callable[[KeyPath], Location]) -> Problem:
        """Return the error as a problem. ``place`` returns the file and line of a path, where they are known."""
        placed = place(self.path)
        where = replace(self.where, file=placed.file, line=placed.line, subject=placed.subject, key=self.path)
        return Problem(self.what, where, self.got, self.expected, self.hint)


def shown(value: object) -> str:
    """Return a value as TOML, on one line of at most 80 characters."""
    return _cut(_written(value, depth=0))


def value_and_kind(value: object) -> str:
    """Return a value as TOML, and its type.

    >>> value_and_kind(2.5)
    '2.5 (a float)'
    """
    kinds = (kind for types, kind in _KINDS if isinstance(value, types))
    return f"{shown(value)} ({next(kinds, type(value).__name__)})"


# bool before int, because True is an int in Python.
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a float"),
    (str, "a string"),
    ((list, tuple), "a list"),
    (Mapping, "a table"),
    ((datetime.date, datetime.time), "a date or time"),
    (type(None), "no value"),
)


def _written(value: object, depth: int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of more than 70 digits"
    if isinstance(value, str):
        return (
            '"'
            + "".join(letter if letter.isprintable() else "�" for letter in value[: _MAX_LENGTH + 1])
            + '"'
        )
    if depth > 2 and isinstance(value, (list, tuple, Mapping)):
        return "..."
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_written(item, depth + 1) for item in value[:20]) + "]"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:20]
        return "{" + ", ".join(f"{key} = {_written(item, depth + 1)}" for key, item in pairs) + "}"
    return str(value)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"
