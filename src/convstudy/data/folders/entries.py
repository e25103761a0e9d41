"""What a path contains, for the recognition of a kind of source: no function here raises."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from convstudy.regular_file import open_regular

MAX_ENTRIES = 10_000
"""The number of entries of a folder that are examined to recognise it."""


def entry_names(path: Path) -> Sequence[str]:
    """Return the names in a folder, at most ``MAX_ENTRIES``, without hidden ones; nothing if it is not a folder."""
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in islice(entries, MAX_ENTRIES) if entry.name[:1] != ".")
    except (OSError, ValueError):  # ValueError: the path contains a NUL byte
        return ()


def first_bytes(path: Path, n_bytes: int) -> bytes:
    """Return the first bytes of a regular file; nothing if it cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(n_bytes)
    except (OSError, ValueError):
        return b""


def is_file(path: Path) -> bool:
    """Return whether a path is a regular file."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
