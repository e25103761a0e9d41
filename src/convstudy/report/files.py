"""Writing a file of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from convstudy.atomic_write import atomic_write


def write_file(path: Path, content: str | bytes | Iterable[str]) -> Path:
    """Write text (UTF-8, line ends as they are) or bytes, all or nothing, making folders as needed; return the path.

    A text may come in pieces, which are never all in memory.

    Raises:
        OSError: where the folder cannot be made or written; ``filename`` is the path, or the folder that is none.
    """
    try:
        with atomic_write(path) as partial:
            if isinstance(content, bytes):
                partial.write_bytes(content)
            else:
                with partial.open("wb") as file:
                    file.writelines(_encoded([content] if isinstance(content, str) else content))
    except OSError as error:
        # A full disk is reported without a name, other errors with that of the temporary file.
        if error.errno is not None and error.filename not in map(str, path.parents):
            error.filename = str(path)
        raise
    return path


def _encoded(texts: Iterable[str]) -> Iterator[bytes]:
    for text in texts:
        yield text.encode("utf-8", "backslashreplace")
