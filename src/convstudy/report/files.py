"""Atomic writing of a report's files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from convstudy.atomic_write import atomic_write


def write_file(path: Path, content: str | bytes | Iterable[str]) -> Path:
    """Write a file atomically, with its missing parent folders, and return the path.

    Args:
        path: where to write.
        content: bytes, or text in UTF-8 without newline translation; text may come in pieces, to save memory.

    Raises:
        OSError: if the folder cannot be created or written; ``filename`` is the path, or the parent that is a file.
    """
    try:
        with atomic_write(path) as partial:
            if isinstance(content, bytes):
                partial.write_bytes(content)
            else:
                with partial.open("wb") as file:
                    file.writelines(_encoded([content] if isinstance(content, str) else content))
    except OSError as error:
        # The error of a full disk has no file name; others have that of the temporary file.
        if error.errno is not None and error.filename not in map(str, path.parents):
            error.filename = str(path)
        raise
    return path


def _encoded(texts: Iterable[str]) -> Iterator[bytes]:
    for text in texts:
        yield text.encode("utf-8", "backslashreplace")
