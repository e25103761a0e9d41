"""Writing a file of a report."""

from __future__ import annotations

from pathlib import Path

from convstudy.whole_file import whole_file


def write_file(path: Path, content: str | bytes) -> Path:
    """Write text (UTF-8, line ends as they are) or bytes, all or nothing, making folders as needed; return the path.

    Raises:
        OSError: where the folder cannot be made or written; ``filename`` is the path, or the folder that is none.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    try:
        with whole_file(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        # A full disk is reported without a name, other errors with that of the temporary file.
        if error.errno is not None and error.filename not in map(str, path.parents):
            error.filename = str(path)
        raise
    return path
