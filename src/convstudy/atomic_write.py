"""A file written so that at any moment, and after any stop, either the old one is there or the whole new one."""

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
    """Yield a path beside ``path`` to write to; what lies there afterwards becomes the file, in one step.

    It is on the disk before it takes the old one's place. After an error nothing of it is left, and the old file stays;
    a process that is killed leaves ``*.partial`` behind, which the next that writes this file removes. Folders are made
    as needed.

    Raises:
        OSError: where the folder cannot be made or written.
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
    """Remove the ``*.partial`` files in a folder whose writers were killed: those of one file, or of all.

    A folder that may hold files of other programs needs a ``name``: theirs may be called so too.
    Those of other machines stay, since their processes cannot be looked up here. So do, on Windows, all.
    """
    for partial in folder.glob(f"{'' if name is None else glob.escape(name)}*.partial"):
        found = _PARTIAL.fullmatch(partial.name)
        if (
            found
            and name in (None, found["name"])
            and found["host"] in (None, _host())
            and not _lives(int(found["pid"]))
        ):
            # Another process may be faster.
            with contextlib.suppress(OSError):
                partial.unlink()


def _host() -> str:
    """Return the name of this machine, in letters that a file name can have and without dots."""
    return re.sub(r"[^0-9A-Za-z-]", "-", socket.gethostname())[:63]


def _lives(pid: int) -> bool:
    """Send whether there is a process of this number, or none can be looked up."""
    if sys.platform == "win32":
        return True  # os.kill would end it
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is another user's
    return True
