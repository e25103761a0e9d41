"""The study as the text of a study file, so that a reader can run it again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(document: Mapping[str, Any]) -> str:
    """Return a study document (tables, lists, texts, numbers, truth values) as TOML."""
    blocks: list[str] = []
    _add(blocks, (), document)
    return "\n\n".join(blocks) + "\n"


def _add(blocks: list[str], path: tuple[str, ...], table: Mapping[str, Any]) -> None:
    """Append a table as a block of its own; below the second level tables are written inline."""
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
    """Return a value; ``indent`` is before the lines that a list too long for one line is in."""
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
    """Return a basic string: JSON's escapes are TOML's too, except that TOML escapes DEL as well."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
