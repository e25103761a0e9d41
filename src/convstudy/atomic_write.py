"""Write a file atomically: the path has either the old or the complete new content, even after a crash."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# NAME.HOST-PID.partial; earlier versions wrote NAME.PID.partial.
_PARTIAL = re.compile(r"(?P<name>.+)\.(?:(?P<host>[^.]+)-)?(?P<pid>\d+)\.partial")


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of ``path``, and rename the file to ``path`` at the end.

    The content is flushed to disk before the rename. After an error, the temporary file is removed and the old file
    stays. A killed process leaves ``*.partial``, which the next write of this file removes. Missing folders are
    created.

    Raises:
        OSError: if the folder cannot be created or written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, path.name)
    partial = path.with_name(f"{path.name}.{_host()}-{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_abandoned(folder: Path, name: str | None = None) -> None:
    """Remove the ``*.partial`` files of killed processes in a folder.

    Files of other machines stay, because their processes cannot be checked here. On Windows, all files stay.

    Args:
        folder: the folder.
        name: the file whose partial files are removed; None for all files. Pass a name if other programs can have
            ``*.partial`` files in the folder.
    """
    for partial in folder.glob(f"{'' if name is None else glob.escape(name)}*.partial"):
        found = _PARTIAL.fullmatch(partial.name)
        if (
            found
            and name in (None, found["name"])
            and found["host"] in (None, _host())
            and not _lives(int(found["pid"]))
        ):
            # Another process can have removed the file.
            with contextlib.suppress(OSError):
                partial.unlink()


def _host() -> str:
    """Return the name of this machine, with a dash for each character other than letters, digits and dashes."""
    return re.sub(r"[^0-9A-Za-z-]", "-", socket.gethostname())[:63]


def _lives(pid: int) -> bool:
    """Return whether the process exists or cannot be checked."""
    if sys.platform == "win32":
        return True  # there, os.kill(pid, 0) would end the process
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # the process of another user
    return True
