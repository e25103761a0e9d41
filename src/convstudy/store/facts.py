"""What is known of a dataset's images, as a small JSON file in the runs folder."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from convstudy.regular_file import open_regular
from convstudy.whole_file import whole_file

LONGEST_FILE = 1 << 20
"""In bytes; a hundred times what facts take."""


def write_facts(path: Path, facts: dict[str, Any]) -> None:
    """Write facts so that after any stop either the old file is there or the whole new one.

    Raises:
        OSError: where the folder cannot be made or written.
    """
    with whole_file(path) as partial:
        partial.write_text(json.dumps(facts, allow_nan=False), encoding="utf-8")


def read_facts(path: Path) -> Any:
    """Return the JSON of a file, ``None`` where there is none, or it is too long, or it is no JSON."""
    with contextlib.suppress(OSError, ValueError, RecursionError), open_regular(path) as file:
        content = file.read(LONGEST_FILE + 1)
        if len(content) <= LONGEST_FILE:
            return json.loads(content)
    return None
