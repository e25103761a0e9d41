"""The SQLite database of a runs folder: its tables, and how to connect to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from convstudy.errors import Location, Problem, StoreError

# Increase the version if a table, a column or a key of the stored JSON changes. Databases of other versions are
# rejected, not converted.
SCHEMA_VERSION = 4

TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, document TEXT NOT NULL, status TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS fits (
    id TEXT PRIMARY KEY, fit TEXT NOT NULL, record TEXT NOT NULL, done INTEGER NOT NULL, ended_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS choices (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs, stage TEXT NOT NULL, chosen TEXT NOT NULL,
    made_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS test_evaluations (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs, fit_id TEXT NOT NULL,
    dataset_digest TEXT NOT NULL, weights_digest TEXT NOT NULL, purpose TEXT NOT NULL, evaluated_at TEXT NOT NULL,
    n_images INTEGER NOT NULL, scores TEXT, seconds REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS test_evaluations_by_fit ON test_evaluations (fit_id, weights_digest);
CREATE TABLE IF NOT EXISTS acceptances (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs, fit_id TEXT NOT NULL, error_kind TEXT NOT NULL,
    error TEXT NOT NULL, reason TEXT NOT NULL, accepted_at TEXT NOT NULL
) STRICT;
"""


class Database(sqlite3.Connection):
    """A connection that raises :class:`StoreError` where SQLite fails, such as on a full disk or a damaged file.

    Attributes:
        path: the database file that error messages name; a connection to a copy has the path of the original.
    """

    path: Path

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute one statement."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None

    def rows(self, sql: str, parameters: Any = (), /) -> list[sqlite3.Row]:
        """Execute one statement and return all its rows. An unreadable row raises :class:`StoreError` too."""
        try:
            return super().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None


def connect(path: Path, original: Path | None = None) -> Database:
    """Connect to the database; create its tables if the file is new.

    Each commit is on the disk before it returns (write-ahead log, ``synchronous=FULL``), and readers do not wait for
    the writer. A database of another schema version is closed again without a change.

    Args:
        path: the database file.
        original: the file that errors name, if ``path`` is a copy of it.

    Raises:
        StoreError: if the file is not a database of convstudy, has another schema version, or cannot be accessed.
    """
    shown = original or path
    try:
        connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, factory=Database)
        connection.path = shown
        connection.row_factory = sqlite3.Row
        try:
            version = _checked_version(connection)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            if version == 0:
                _create_tables(connection)
        except BaseException:
            connection.close()
            raise
        return connection
    except sqlite3.Error as error:
        raise _unusable(shown, error) from None


def _checked_version(connection: Database) -> int:
    """Return the schema version, 0 for a new file; raise :class:`StoreError` for a database that cannot be used."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version not in (0, SCHEMA_VERSION):
        what = (
            f"this runs folder has database version {version}; this convstudy needs version {SCHEMA_VERSION}"
        )
        update = "update convstudy, or " if version > SCHEMA_VERSION else ""
        hint = f"{update}use another folder with --runs; this folder is not changed"
        raise StoreError(Problem(what, where=Location(str(connection.path)), hint=hint))
    # Version 0 is SQLite's default: a new file, or a file of a program that does not set a version.
    if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        what, hint = "this database belongs to another program", "use another folder with --runs"
        raise StoreError(Problem(what, where=Location(str(connection.path)), hint=hint))
    return version


def _create_tables(connection: Database) -> None:
    # One transaction: a killed process must not leave half of the tables, which would look like another program's.
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in filter(str.strip, TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _unusable(path: Path, error: sqlite3.Error) -> StoreError:
    """Return the :class:`StoreError` of an SQLite error."""
    # Only an OperationalError can have causes outside the file (permissions, disk, locks).
    is_damaged = not isinstance(error, sqlite3.OperationalError)
    what = "this file is not a convstudy database" if is_damaged else "this database cannot be used"
    hint = "use another folder with --runs" + (", or restore this file" if is_damaged else "")
    # The low byte is SQLite's primary result code; errors of the Python module itself have none.
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        hint = "free disk space, then run the same command again"
    return StoreError(Problem(what, where=Location(str(path)), got=str(error), hint=hint))
