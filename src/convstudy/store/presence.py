"""Whether a runs folder that is written to is still the one at its path.

A process that has files open can write on after they are deleted or replaced, and what it writes is lost. Device and
inode tell: those of the path must be those of the open lock file, and those that the database files had before.
"""

from __future__ import annotations

import os
from pathlib import Path

from convstudy.errors import Location, Problem, StoreError
from convstudy.store.layout import Layout

Identity = tuple[int, int]


class Presence:
    """The files of one runs folder, as they were when it was locked.

    Where a file system changes the inodes of files that stay (some network file systems), those of the lock file show
    it, and only whether the database is there is checked. Windows does not delete or rename an open file.

    Args:
        layout: the runs folder.
        lock: the descriptor of its open lock file.
    """

    def __init__(self, layout: Layout, lock: int) -> None:
        self._layout = layout
        self._lock = lock
        self._first = _identity(os.fstat(lock))
        self._seen: dict[Path, Identity] = {}

    def check(self) -> None:
        """Raise :class:`StoreError` if the folder, its lock or a file of its database was deleted or replaced."""
        lock, database = self._layout.lock, self._layout.database
        found = _identity_at(lock)
        if found != _identity(os.fstat(self._lock)):
            raise _gone(lock, found)
        stable = found == self._first
        for path in (database, self._layout.write_ahead_log, self._layout.shared_memory):
            now = _identity_at(path)
            if now is None and (path == database or path in self._seen):
                raise _gone(path, now)
            if now is not None and self._seen.setdefault(path, now) != now and stable:
                raise _gone(path, now)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _identity_at(path: Path) -> Identity | None:
    """Return the identity of what is at a path, ``None`` where there is nothing."""
    try:
        return _identity(path.stat())
    except OSError:
        return None


def _gone(path: Path, found: Identity | None) -> StoreError:
    happened = "is not there any more" if found is None else "is another file now"
    return StoreError(
        Problem(
            "this runs folder, or a file of its database, was deleted or replaced while it was in use",
            where=Location(str(path.parent)),
            got=f"{path.name} {happened}",
            hint="leave the folder alone while a run writes to it; what it holds now can be run again",
        )
    )
