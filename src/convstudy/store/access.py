"""How the database of a runs folder is reached: never another kind of file, never a new one next to trained fits.

A folder that cannot be written to is read from a copy: SQLite needs to write next to a database with a write-ahead log,
and the log holds the latest records.
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

# How often a copy is tried again when another process writes to the database meanwhile.
MOST_COPIES = 10


def open_database(layout: Layout, create: bool) -> Database:
    """Return a connection to the database of a runs folder.

    Args:
        layout: the runs folder.
        create: whether the database may be made and is to be written to. Otherwise a copy is opened where the folder
            cannot be written to; it has the records that were there when it was made.

    Raises:
        StoreError: if there is no database and ``create`` is false, if it cannot be used, or if it is lost.
    """
    path = layout.database
    if not has_database(layout):
        if not create:
            what, hint = (
                "there are no runs here",
                "start one with `convstudy run digits`, or name another --runs",
            )
            raise StoreError(Problem(what, where=Location(str(layout.folder)), hint=hint))
        try:
            layout.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what, got = "this folder for runs cannot be made", error.strerror or ""
            raise StoreError(
                Problem(what, Location(str(layout.folder)), got, hint="name another --runs")
            ) from None
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
        raise _lost(layout, "a database without runs")
    return connection


def has_database(layout: Layout) -> bool:
    """Send whether a folder has a database; one with trained fits, or with records in a write-ahead log, must have one.

    A new database would begin a new log of test-set evaluations, and SQLite would delete the old write-ahead log.

    Raises:
        StoreError: if such a folder's database is missing or empty.
    """
    try:
        status = layout.database.stat()
        if status.st_size or not stat.S_ISREG(status.st_mode):
            return True
        got = "an empty file"
    except FileNotFoundError:
        got = "no such file"
    except OSError:
        return False  # the folder is none, or cannot be searched
    log = layout.write_ahead_log
    if layout.has_trained_fits() or (log.is_file() and log.stat().st_size):
        raise _lost(layout, got)
    return got == "an empty file"


def _lost(layout: Layout, got: str) -> StoreError:
    what = "the database of this runs folder is missing or empty, but its trained fits or its write-ahead log are there"
    restore = f"restore {layout.database.name} (and {layout.write_ahead_log.name}, if you have it)"
    fresh = "to start over here with a new log of test-set evaluations, delete fits/ and these files"
    hint = f"{restore}, or use another folder with --runs; {fresh}"
    return StoreError(Problem(what, where=Location(str(layout.database)), got=got, hint=hint))


def _is_writable(layout: Layout) -> bool:
    """Send whether this process may write to the folder and to the files of its database."""
    files = [layout.database, layout.write_ahead_log, layout.shared_memory]
    return all(os.access(path, os.W_OK) for path in (layout.folder, *files) if path.exists())


def _connect_to_copy(layout: Layout) -> Database:
    """Return a connection to a copy of database and write-ahead log that is deleted when the connection is."""
    folder = tempfile.mkdtemp(prefix="convstudy-")
    try:
        copy = Layout(Path(folder))
        for _ in range(MOST_COPIES):
            before = _stamp(layout)
            for source, target in (
                (layout.database, copy.database),
                (layout.write_ahead_log, copy.write_ahead_log),
            ):
                target.unlink(missing_ok=True)
                if source.exists():
                    shutil.copyfile(source, target)
            # Without a change meanwhile, both are of one moment.
            if _stamp(layout) == before:
                break
        else:
            what, hint = (
                "another process writes to this read-only runs folder all the time",
                "try it again later",
            )
            raise StoreError(Problem(what, where=Location(str(layout.folder)), hint=hint))
        connection = connect(copy.database, original=layout.database)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        what = "this runs folder is read-only, and its database cannot be copied to a temporary folder"
        raise StoreError(
            Problem(what, where=Location(str(layout.folder)), got=error.strerror or str(error))
        ) from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(connection, shutil.rmtree, folder, ignore_errors=True)
    return connection


def _stamp(layout: Layout) -> list[tuple[int, int, int] | None]:
    """Return inode, size and time of the last change of database and write-ahead log."""
    found: list[tuple[int, int, int] | None] = []
    for path in (layout.database, layout.write_ahead_log):
        try:
            status = path.stat()
            found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        except FileNotFoundError:
            found.append(None)
    return found
