"""Detects that a runs folder was deleted or replaced while a process writes to it.

A process can write to an open file that was deleted; the data is then lost without an error. The check compares device
and inode numbers: the path of the lock file must still lead to the open lock file, and the paths of the database files
to the same files as before.
"""

from __future__ import annotations

import os
from pathlib import Path

from convstudy.errors import Location, Problem, StoreError
from convstudy.store.layout import Layout

Identity = tuple[int, int]


class Presence:
    """The device and inode numbers of a locked runs folder's files.

    Some network file systems change the inode numbers of existing files. If those of the lock file have changed in this
    way, only the existence of the database is checked. Windows does not delete or rename an open file.

    Args:
        layout: the runs folder.
        lock: the file descriptor of its lock file.
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
            raise _replaced(lock, found)
        has_stable_inodes = found == self._first
        for path in (database, self._layout.write_ahead_log, self._layout.shared_memory):
            now = _identity_at(path)
            # SQLite creates the log and its index with the first write, so they may be missing until then.
            if now is None and (path == database or path in self._seen):
                raise _replaced(path, now)
            if now is not None and self._seen.setdefault(path, now) != now and has_stable_inodes:
                raise _replaced(path, now)


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _identity_at(path: Path) -> Identity | None:
    try:
        return _identity(path.stat())
    except OSError:
        return None


def _replaced(path: Path, found: Identity | None) -> StoreError:
    change = "is missing" if found is None else "is a different file"
    what = f"this runs folder was deleted or replaced while it was in use: {path.name} {change}"
    hint = "do not delete, move or restore a runs folder during a run; then run the same command again"
    return StoreError(Problem(what, where=Location(str(path.parent)), hint=hint))
