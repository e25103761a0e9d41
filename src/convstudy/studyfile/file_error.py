"""What is wrong at which key, before anybody knows in which line of which file that key is."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from convstudy.errors import NOWHERE, KeyPath, Location, Problem

_LONGEST = 80


@dataclass(frozen=True)
class FileError:
    """One mistake, by the path of its key; otherwise as :class:`convstudy.errors.Problem`.

    ``where`` has the layer of a network that it is about; file and line follow from the path.
    """

    path: KeyPath
    what: str
    got: str = ""
    expected: str = ""
    hint: str = ""
    where: Location = NOWHERE

    def problem(self, place: Callable[[KeyPath], Location]) -> Problem:
        """Return it as a problem; ``place`` returns the file and line of a path, as far as there are any."""
        placed = place(self.path)
        where = replace(self.where, file=placed.file, line=placed.line, subject=placed.subject, key=self.path)
        return Problem(self.what, where, self.got, self.expected, self.hint)


def shown(value: object) -> str:
    """Return a value as TOML writes it, on one line and cut short if it is long."""
    return _cut(_written(value, depth=0))


def kind(value: object) -> str:
    """Return in plain words what sort of value this is.

    >>> kind(2.5)
    'a decimal number'
    """
    for types, words in _KINDS:
        if isinstance(value, types):
            return words
    return f"a {type(value).__name__}"


# bool before int: True is an int to Python.
_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a decimal number"),
    (str, "a text"),
    ((list, tuple), "a list"),
    (Mapping, "a table"),
    ((datetime.date, datetime.time), "a date or time"),
    (type(None), "nothing"),
)


def _written(value: object, depth: int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and value.bit_length() > 256:
        return "a number of very many digits"
    if isinstance(value, str):
        return (
            '"' + "".join(letter if letter.isprintable() else "�" for letter in value[: _LONGEST + 1]) + '"'
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
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
