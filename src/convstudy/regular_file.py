"""Regular files only: a FIFO blocks its reader, a device never ends, a socket cannot be opened."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
# Windows has none of the first three; elsewhere there is no text mode.
_FLAGS = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading bytes; never wait for a writer.

    Raises:
        OSError: if the path cannot be opened, or is no regular file (symbolic links are followed).
    """
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def append_regular(path: Path) -> io.BufferedRandom:
    """Open a regular file for reading and appending bytes, and make it where there is none; never wait for a reader.

    Raises:
        OSError: if the path cannot be opened, or is no regular file.
    """
    return os.fdopen(_opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+b")


def check_regular(path: Path) -> None:
    """Refuse a path that is no regular file, before a library opens it by its name.

    Raises:
        OSError: if there is nothing at this path, or it is no regular file.
    """
    _check(path.stat(), path)


def _opened(path: Path, flags: int) -> int:
    """Return the descriptor of a regular file."""
    if path.exists():
        check_regular(path)
    descriptor = os.open(path, flags | _FLAGS, 0o666)
    try:
        # The path may be another file by now.
        _check(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"must be a regular file; it is {kind}", str(path))
