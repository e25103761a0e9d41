"""The SQLite file of a runs folder: its tables, and how it is opened."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from convstudy.errors import Location, Problem, StoreError

# Raise it with every change of the tables, and read the older ones.
# 2: the failures that a run has accepted.
# 3: the scores of an opening by metric, as JSON, instead of a loss and an accuracy.
SCHEMA_VERSION = 3

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
CREATE TABLE IF NOT EXISTS openings (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs, fit_id TEXT NOT NULL,
    dataset_digest TEXT NOT NULL, weights_digest TEXT NOT NULL, purpose TEXT NOT NULL, evaluated_at TEXT NOT NULL,
    n_images INTEGER NOT NULL, scores TEXT, seconds REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS test_evaluations_by_fit ON openings (fit_id, weights_digest);
CREATE TABLE IF NOT EXISTS acceptances (
    number INTEGER PRIMARY KEY, run_id TEXT NOT NULL REFERENCES runs, fit_id TEXT NOT NULL, error_kind TEXT NOT NULL,
    error TEXT NOT NULL, reason TEXT NOT NULL, accepted_at TEXT NOT NULL
) STRICT;
"""


class Database(sqlite3.Connection):
    """A connection whose failures are :class:`StoreError`: a disk that is full, a file that was damaged meanwhile."""

    path: Path

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Execute one statement."""
        try:
            return super().execute(sql, parameters)
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None

    def rows(self, sql: str, parameters: Any = (), /) -> list[sqlite3.Row]:
        """Execute one statement and return all its rows; a row that cannot be read raises too."""
        try:
            return super().execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None


def connect(path: Path) -> Database:
    """Open the database, making its tables where there are none.

    Every commit is on the disk before it returns (write-ahead log, ``synchronous=FULL``), and readers do not wait for
    the writer.

    Raises:
        StoreError: where the file is no database, cannot be reached, or was written by a later version.
    """
    try:
        connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, factory=Database)
        connection.path = path
        connection.row_factory = sqlite3.Row
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            what = "this runs folder was written by a later version of convstudy"
            raise StoreError(
                Problem(
                    what,
                    where=Location(str(path)),
                    got=str(version),
                    expected=f"up to {SCHEMA_VERSION}",
                    hint="update",
                )
            )
        if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            what, hint = "this database belongs to another program", "use another folder with --runs"
            raise StoreError(Problem(what, where=Location(str(path)), hint=hint))
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        if version < SCHEMA_VERSION:
            _bring_up_to_date(connection)
        return connection
    except sqlite3.Error as error:
        raise _unusable(path, error) from None


def _bring_up_to_date(connection: Database) -> None:
    """Make the tables that are missing, and give older ones the columns of today.

    In one transaction: with half of the tables the file would look like another program's. Another process may have
    been faster: the columns that are there decide, not the version that was read before.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in filter(str.strip, TABLES.split(";")):
            connection.execute(statement)
        columns = {row["name"] for row in connection.rows("PRAGMA table_info(openings)")}
        if "scores" not in columns:
            connection.execute("ALTER TABLE openings ADD COLUMN scores TEXT")
            # Written by Python: SQLite's json_object has fewer digits than a float.
            scored = "SELECT number, loss, accuracy FROM openings WHERE accuracy IS NOT NULL"
            for row in connection.rows(scored):
                scores = json.dumps({"log-loss": row["loss"], "accuracy": row["accuracy"]})
                connection.execute("UPDATE openings SET scores = ? WHERE number = ?", (scores, row["number"]))
            connection.execute("ALTER TABLE openings DROP COLUMN loss")
            connection.execute("ALTER TABLE openings DROP COLUMN accuracy")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _unusable(path: Path, error: sqlite3.Error) -> StoreError:
    """Return what SQLite refused as a :class:`StoreError`."""
    # An OperationalError is about reaching the file (rights, disk, locks), not about what is in it.
    reached = not isinstance(error, sqlite3.OperationalError)
    what = "this is no database of convstudy" if reached else "this database cannot be used"
    hint = "use another folder with --runs" + (", or restore this file" if reached else "")
    # The low byte is SQLite's primary code; errors of the module itself have none.
    if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
        hint = "make room on this disk, then run the same command again"
    return StoreError(Problem(what, where=Location(str(path)), got=str(error), hint=hint))
