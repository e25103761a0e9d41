"""File locks that the operating system releases when the process ends or is killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

if sys.platform == "win32":
    import msvcrt

    def take(descriptor: int) -> None:
        """Take the exclusive lock of an open file, or raise OSError if another process holds it."""
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    share = take  # msvcrt has no shared lock
else:
    import fcntl

    def take(descriptor: int) -> None:
        """Take the exclusive lock of an open file, or raise OSError if another process holds a lock of it."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def share(descriptor: int) -> None:
        """Take the shared lock of an open file, or raise OSError if another process holds the exclusive lock."""
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)


PAUSE_SECONDS = 0.05
"""The number of seconds between two attempts to take a lock."""


def take_within(descriptor: int, timeout: float, take: Callable[[int], None] = take) -> bool:
    """Take the lock and return whether that succeeded within this many seconds."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            take(descriptor)
            return True
        except OSError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(PAUSE_SECONDS)
