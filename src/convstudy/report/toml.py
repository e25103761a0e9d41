"""A study as the text of a study file, so that readers can run it again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(document: Mapping[str, Any]) -> str:
    """Format a study document (tables, lists, strings, numbers, booleans) as TOML.

    >>> print(toml_text({"study": {"name": "digits"}, "recipe": {"epochs": 8, "sizes": [8, 16]}}), end="")
    [study]
    name = "digits"
    <BLANKLINE>
    [recipe]
    epochs = 8
    sizes = [8, 16]
    """
    blocks: list[str] = []
    _add(blocks, (), document)
    return "\n\n".join(blocks) + "\n"


def _add(blocks: list[str], path: tuple[str, ...], table: Mapping[str, Any]) -> None:
    """Append a table as a block; below the second level, tables are inline."""
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping) and len(path) < 2}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if key not in inner]
    if lines:
        head = [f"[{'.'.join(map(_key, path))}]"] if path else []
        blocks.append("\n".join([*head, *lines]))
    for key, value in inner.items():
        _add(blocks, (*path, key), value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any, indent: str = "") -> str:
    """Format a value; ``indent`` is the indentation of a list that needs several lines."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        inner = f"{indent}  "
        items = [_value(each, inner) for each in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= 90 and "\n" not in line:
            return line
        return "[\n" + "".join(f"{inner}{item},\n" for item in items) + f"{indent}]"
    if isinstance(value, str):
        return _text(value)
    return json.dumps(value)


def _text(text: str) -> str:
    """Format a basic string: TOML has the escapes of JSON, and escapes DEL in addition."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
