"""One writer at a time: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from convstudy.errors import Location, Problem, StoreError
from convstudy.regular_file import append_regular, open_regular

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    _share = _take  # there is no other lock
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _share(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


# A reader that asks whether the lock is held holds it for that moment; a writer waits so long before it gives up.
PATIENCE_SECONDS = 0.5
PAUSE_SECONDS = 0.05


@contextmanager
def locked(path: Path, patience: float = PATIENCE_SECONDS) -> Iterator[int]:
    """Hold the lock of a runs folder, and yield the descriptor of its open file.

    Args:
        path: the lock file; it is made where there is none.
        patience: for how many seconds to try.

    Raises:
        StoreError: where another process holds the lock, or the file cannot be made.
    """
    try:
        file = append_regular(path)
    except OSError as error:
        what, hint = "this runs folder cannot be written to", "name another --runs"
        raise StoreError(
            Problem(what, where=Location(str(path.parent)), got=error.strerror or "", hint=hint)
        ) from None
    with file:
        if not _taken(file.fileno(), patience):
            what = "another convstudy process is writing to this runs folder"
            hint = "wait for it (`convstudy status` shows how far it is), or use another folder with --runs"
            raise StoreError(Problem(what, where=Location(str(path.parent)), hint=hint))
        yield file.fileno()


def _taken(descriptor: int, patience: float, take: Callable[[int], None] = _take) -> bool:
    """Take the lock, trying for a while; tell whether that went well."""
    until = time.monotonic() + patience
    while True:
        try:
            take(descriptor)
            return True
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(PAUSE_SECONDS)


def is_locked(path: Path) -> bool:
    """Send whether some process holds the lock; the file is only read, so that this works on a read-only folder."""
    try:
        file = open_regular(path)
    except OSError:
        return False
    with file:
        return not _taken(file.fileno(), patience=0.0, take=_share)
