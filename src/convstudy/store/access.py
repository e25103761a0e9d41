"""Checks and opens the database of a runs folder: it must be a regular file, and must exist if there are fits.

If the runs folder is read-only, the database and its write-ahead log are copied to a temporary folder and read there:
SQLite opens such a database only if it can create files next to it, and the log has the latest records.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import weakref
from pathlib import Path

from convstudy.errors import Location, Problem, StoreError
from convstudy.regular_file import check_regular
from convstudy.store.database import Database, connect
from convstudy.store.layout import Layout

# If another process writes during a copy, the copy is repeated.
MAX_COPIES = 10


def open_database(layout: Layout, create: bool) -> Database:
    """Return a connection to the database of a runs folder.

    Args:
        layout: the runs folder.
        create: whether to create a missing database, and to open it for writing. Without it, a read-only folder is
            read from a copy, which does not contain records that are written later.

    Raises:
        StoreError: if there is no database and ``create`` is false, if the database cannot be used or has another
            version, or if it is missing next to completed fits.
    """
    path = layout.database
    if not has_database(layout):
        if not create:
            hint = "start a run with `convstudy run digits`, or use another folder with --runs"
            raise StoreError(Problem("the folder has no runs", where=Location(str(layout.folder)), hint=hint))
        try:
            layout.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what, hint = f"cannot create this runs folder: {error.strerror}", "use another folder with --runs"
            raise StoreError(Problem(what, Location(str(layout.folder)), hint=hint)) from None
    for each in (path, layout.write_ahead_log, layout.shared_memory):
        if os.path.lexists(each):
            try:
                check_regular(each)
            except OSError as error:
                raise StoreError(Problem(error.strerror or str(error), where=Location(str(each)))) from None
    if not create and not _is_writable(layout):
        return _connect_to_copy(layout)
    connection = connect(path)
    if not connection.rows("SELECT 1 FROM runs LIMIT 1") and layout.has_trained_fits():
        connection.close()
        raise _lost(layout, "has no runs")
    return connection


def has_database(layout: Layout) -> bool:
    """Return whether a folder has a database.

    Raises:
        StoreError: if the database is missing or empty, but the folder has completed fits or a write-ahead log. A new
            database would start a new test-set access log, and SQLite would delete the write-ahead log.
    """
    try:
        status = layout.database.stat()
        if status.st_size or not stat.S_ISREG(status.st_mode):
            return True
        is_empty = True
    except FileNotFoundError:
        is_empty = False
    except OSError:
        return False  # the path is not a folder, or cannot be searched
    log = layout.write_ahead_log
    if layout.has_trained_fits() or (log.is_file() and log.stat().st_size):
        raise _lost(layout, "is empty" if is_empty else "is missing")
    return is_empty


def _lost(layout: Layout, found: str) -> StoreError:
    what = f"the database {found}, although this runs folder has fits or a write-ahead log"
    restore = f"restore {layout.database.name} (and {layout.write_ahead_log.name}, if you have it)"
    fresh = "to start over here with a new test-set access log, delete fits/ and these files"
    hint = f"{restore}, or use another folder with --runs; {fresh}"
    return StoreError(Problem(what, where=Location(str(layout.database)), hint=hint))


def _is_writable(layout: Layout) -> bool:
    files = [layout.database, layout.write_ahead_log, layout.shared_memory]
    return all(os.access(path, os.W_OK) for path in (layout.folder, *files) if path.exists())


def _connect_to_copy(layout: Layout) -> Database:
    """Return a connection to a copy of database and write-ahead log. The copy is deleted with the connection."""
    folder = tempfile.mkdtemp(prefix="convstudy-")
    try:
        copy = Layout(Path(folder))
        for _ in range(MAX_COPIES):
            before = _file_states(layout)
            for source, target in (
                (layout.database, copy.database),
                (layout.write_ahead_log, copy.write_ahead_log),
            ):
                target.unlink(missing_ok=True)
                if source.exists():
                    shutil.copyfile(source, target)
            # The copies are consistent only if no file has changed since before the first copy.
            if _file_states(layout) == before:
                break
        else:
            what = (
                f"another process changed this read-only runs folder during {MAX_COPIES} attempts to copy it"
            )
            raise StoreError(Problem(what, where=Location(str(layout.folder)), hint="try again later"))
        connection = connect(copy.database, original=layout.database)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        reason = error.strerror or str(error)
        what = f"this runs folder is read-only, and its database cannot be copied to a temporary folder: {reason}"
        raise StoreError(Problem(what, where=Location(str(layout.folder)))) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(connection, shutil.rmtree, folder, ignore_errors=True)
    return connection


def _file_states(layout: Layout) -> list[tuple[int, int, int] | None]:
    """Return inode, size and modification time (ns) of database and write-ahead log; ``None`` for a missing file."""
    found: list[tuple[int, int, int] | None] = []
    for path in (layout.database, layout.write_ahead_log):
        try:
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return found
