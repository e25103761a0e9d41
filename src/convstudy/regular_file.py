"""Open regular files only, because a FIFO blocks its reader, a device can be endless, and a socket cannot be opened."""

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
# Windows lacks the first three flags; other systems lack O_BINARY.
_FLAGS = (
    getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading bytes, without blocking.

    Raises:
        OSError: if the path cannot be opened or is not a regular file. Symbolic links are followed.
    """
    return os.fdopen(_opened(path, os.O_RDONLY), "rb")


def append_regular(path: Path) -> io.BufferedRandom:
    """Open a regular file for reading and appending bytes, without blocking. Create the file if it is missing.

    Raises:
        OSError: if the path cannot be opened or is not a regular file.
    """
    return os.fdopen(_opened(path, os.O_RDWR | os.O_APPEND | os.O_CREAT), "a+b")


def check_regular(path: Path) -> None:
    """Raise for a path that is not a regular file. Call this before a library opens the path.

    Raises:
        OSError: if the path does not exist or is not a regular file.
    """
    _check(path.stat(), path)


def _opened(path: Path, flags: int) -> int:
    if path.exists():
        check_regular(path)
    descriptor = os.open(path, flags | _FLAGS, 0o666)
    try:
        # The path can point to another file by now.
        _check(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
        raise OSError(errno.EINVAL, f"must be a regular file; got {kind}", str(path))
