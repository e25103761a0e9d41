"""Writing a file of a report."""

from __future__ import annotations

from pathlib import Path

from convstudy.whole_file import whole_file


def write_file(path: Path, content: str | bytes) -> Path:
    """Write text (UTF-8, line ends as they are) or bytes, all or nothing, making folders as needed; return the path.

    Raises:
        OSError: where the folder cannot be made or written.
    """
    with whole_file(path) as partial:
        partial.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path
