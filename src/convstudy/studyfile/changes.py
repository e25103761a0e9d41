"""Change a study from the command line: ``--set recipe.epochs=3``."""

from __future__ import annotations

import copy
import datetime
import tomllib
from collections.abc import Mapping
from typing import Any

from convstudy.errors import KeyPath, Location, Problem, StudyError, key_text, nearest, unknown
from convstudy.studyfile.file_error import shown

NAMED_SECTIONS = ("block", "network", "search", "compare", "ablate")


def read_change(text: str) -> tuple[str, object]:
    """Return the key and the value of ``KEY=VALUE``, as :func:`convstudy.studyfile.load_study` takes them.

    The key is dotted as in TOML. The value is a TOML value, or a bare word for a string.

    >>> read_change("recipe.epochs=3")
    ('recipe.epochs', 3)
    >>> read_change("recipe.optimizer=sgd")
    ('recipe.optimizer', 'sgd')

    Raises:
        StudyError: if the text has another form.
    """
    key, equals, written = (part.strip() for part in text.partition("="))
    where = Location(subject=f"--set {text}")
    if not equals or not key:
        raise StudyError(Problem(where=where, expected="KEY=VALUE, such as recipe.epochs=3"))
    key_path(key, where)
    return key, _value(written, where)


def key_path(key: str, where: Location) -> tuple[str, ...]:
    """Return the parts of a dotted key: ``network.'a.b'.kernel`` has three.

    Raises:
        StudyError: if it is not a key inside a section.
    """
    try:
        table: Any = tomllib.loads(f"{key} = true") if key.isprintable() else {}
    except (ValueError, RecursionError):
        table = {}
    path: list[str] = []
    while isinstance(table, dict) and len(table) == 1:
        ((part, table),) = table.items()
        path.append(part)
    if table is not True or len(path) < 2 or len(path) > 10:
        raise StudyError(Problem("invalid key", where, key, "a dotted key, such as recipe.epochs"))
    return tuple(path)


def changed(
    document: Mapping[str, Any], changes: Mapping[str, object]
) -> tuple[dict[str, Any], list[KeyPath]]:
    """Return a document with changes made, and the path of each change.

    Raises:
        StudyError: with a problem for each change that does not fit the document.
    """
    result: dict[str, Any] = copy.deepcopy(dict(document))
    paths: list[KeyPath] = []
    problems: list[Problem] = []
    for key, value in changes.items():
        where = Location(subject=f"--set {key}")
        try:
            path = key_path(key, where)
            _change(result, path, value, where)
            paths.append(path)
        except StudyError as error:
            problems += error.problems
    if problems:
        raise StudyError(*problems)
    return result, paths


def _change(document: dict[str, Any], path: tuple[str, ...], value: object, where: Location) -> None:
    """Set one value. A named section must exist, so that a misspelled name is an error."""
    if path[0] in NAMED_SECTIONS:
        tables = document.get(path[0])
        names = tuple(tables) if isinstance(tables, dict) else ()
        if path[1] not in names:
            raise StudyError(unknown(path[0], path[1], names, where))
    table: Any = document
    for depth, part in enumerate(path[:-1], start=1):
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise StudyError(Problem(f"{key_text(path[:depth])} must be a table", where, shown(table)))
    table[path[-1]] = copy.deepcopy(value)


def _value(written: str, where: Location) -> object:
    """Return the value that is written after the equals sign."""
    try:
        values = tomllib.loads(f"value = {written}")
    except (ValueError, RecursionError):
        values = {}
    # Text with a line break can be TOML with two keys. A date is a bare word, because no key accepts one.
    if list(values) == ["value"] and not isinstance(values["value"], (datetime.date, datetime.time)):
        return values["value"]
    if not written or written[0] in "[{\"'" or not written.isprintable():
        hint = nearest(written.lower(), ("true", "false"))
        raise StudyError(Problem("invalid value", where, shown(written), "a TOML value or a bare word", hint))
    return written
