"""A file lock that allows one writing process. The operating system releases it when the process ends or is killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convstudy.errors import Location, Problem, StoreError
from convstudy.file_lock import share, take_within
from convstudy.regular_file import append_regular, open_regular

# is_locked() holds the lock for a moment, so a writer retries before it reports that another process writes.
RETRY_SECONDS = 0.5


@contextmanager
def locked(path: Path, timeout: float = RETRY_SECONDS) -> Iterator[int]:
    """Hold the lock of a runs folder, and yield the file descriptor of the lock file.

    Args:
        path: the lock file; it is created if it is missing.
        timeout: the number of seconds to retry while another process holds the lock.

    Raises:
        StoreError: if another process holds the lock, or the file cannot be created.
    """
    try:
        file = append_regular(path)
    except OSError as error:
        what, hint = f"cannot write to this runs folder: {error.strerror}", "use another folder with --runs"
        raise StoreError(Problem(what, where=Location(str(path.parent)), hint=hint)) from None
    with file:
        if not take_within(file.fileno(), timeout):
            what = "another convstudy process is writing to this runs folder"
            hint = "wait for it (`convstudy status` shows its progress), or use another folder with --runs"
            raise StoreError(Problem(what, where=Location(str(path.parent)), hint=hint))
        yield file.fileno()


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock. The file is only read, so this works in a read-only folder."""
    try:
        file = open_regular(path)
    except OSError:
        return False
    with file:
        # The lock is shared, so that a reader does not take another reader for a writer.
        return not take_within(file.fileno(), timeout=0.0, take=share)
