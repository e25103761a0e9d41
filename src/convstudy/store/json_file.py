"""The JSON files of a runs folder: descriptions and statistics of datasets."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from convstudy.atomic_write import atomic_write
from convstudy.regular_file import open_regular

MAX_BYTES = 1 << 24
"""A description of 100,000 classes takes 2 MB, statistics take 10 kB."""


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file atomically, and create its folder.

    Raises:
        OSError: if the file cannot be written.
    """
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(values, allow_nan=False), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; ``None`` if it is missing, larger than :data:`MAX_BYTES` or not JSON."""
    with contextlib.suppress(OSError, ValueError, RecursionError), open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
        if len(content) <= MAX_BYTES:
            return json.loads(content)
    return None
