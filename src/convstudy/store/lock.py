"""One writer at a time: a lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convstudy.errors import Problem, StoreError

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a runs folder; raise :class:`StoreError` at once where another process holds it."""
    with path.open("a+b") as file:
        try:
            _take(file.fileno())
        except OSError:
            what = "another convstudy process is writing to this runs folder"
            mend = "wait for it (`convstudy status` shows how far it is), or use another folder with --runs"
            raise StoreError(Problem(what, where=str(path.parent), mend=mend)) from None
        yield


def is_locked(path: Path) -> bool:
    """Tell whether some process holds the lock."""
    if not path.exists():
        return False
    try:
        with locked(path):
            return False
    except StoreError:
        return True
