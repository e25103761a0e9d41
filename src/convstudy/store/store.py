"""Reads and writes the database and the files of a runs folder, and locks it for one writer."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from convstudy.atomic_write import remove_abandoned
from convstudy.record import Acceptance, Evaluation, Record, Scores
from convstudy.store.access import has_database, open_database
from convstudy.store.artefacts import Artefacts
from convstudy.store.database import Database
from convstudy.store.json_file import read_json, write_json
from convstudy.store.layout import Layout
from convstudy.store.lock import is_locked, locked
from convstudy.store.presence import Presence
from convstudy.store.records import Records, RecordSummaries
from convstudy.store.rows import LoggedEvaluation, StoredRun, run_of_row, test_evaluation_of_row


class Store:
    """Reads and writes one runs folder. One process can write at a time (see :meth:`writing`).

    A store handles studies, fits and choices as ids, strings and JSON; :class:`~convstudy.history.History` converts
    them.
    """

    def __init__(self, layout: Layout, connection: Database) -> None:
        self.layout = layout
        self.artefacts = Artefacts(layout)
        self._connection = connection
        self._presence: Presence | None = None
        self.records = Records(self._connection)
        self.record_summaries = RecordSummaries(self._connection)

    @classmethod
    def open(cls, folder: Path, create: bool = False) -> Store:
        """Open a runs folder; ``create`` also allows writing. See :func:`~convstudy.store.access.open_database`.

        Raises:
            StoreError: if there is no database and ``create`` is false, or it cannot be read or created.
        """
        layout = Layout(folder)
        return cls(layout, open_database(layout, create))

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Return whether a folder has a database.

        Raises:
            StoreError: if its database was lost, see :func:`~convstudy.store.access.has_database`.
        """
        return has_database(Layout(folder))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of the folder, and first remove the incomplete files of a killed process.

        Reports are written without the lock, so their incomplete files are removed only if their process has ended.

        Raises:
            StoreError: if another process holds the lock, or the folder is read-only.
        """
        with locked(self.layout.lock) as descriptor:
            for path in self.layout.partial_artefacts():
                path.unlink(missing_ok=True)
            for row in self._connection.rows("SELECT id FROM runs"):
                for folder in self.layout.report_folders(row["id"]):
                    remove_abandoned(folder)
            self._presence = Presence(self.layout, descriptor)
            try:
                self.check_presence()
                yield
            finally:
                self._presence = None

    def check_presence(self) -> None:
        """Check that the folder was not deleted or replaced since it was locked. Each write calls this first.

        Raises:
            StoreError: if it was deleted or replaced.
        """
        if self._presence is not None:
            self._presence.check()

    def _write(self, sql: str, parameters: Any) -> sqlite3.Cursor:
        self.check_presence()
        return self._connection.execute(sql, parameters)

    def close(self) -> None:
        self._connection.close()

    @property
    def is_written(self) -> bool:
        """Whether a process holds the lock of this folder now."""
        return is_locked(self.layout.lock)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Read a consistent state: within the context, reads do not see what other processes write."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def save_run(self, run_id: str, name: str, document: dict[str, Any], status: str) -> None:
        """Insert a run, or update the study and status of an existing run."""
        now = _now()
        self._write(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET document = excluded.document, status = excluded.status,"
            " updated_at = excluded.updated_at",
            (run_id, name, json.dumps(document), status, now, now),
        )

    def set_status(self, run_id: str, status: str) -> str:
        """Set the status of a run; return the time of the update (ISO 8601, UTC)."""
        now = _now()
        self._write("UPDATE runs SET status = ?, updated_at = ? WHERE id = ?", (status, now, run_id))
        return now

    def replace_status(self, old: str, new: str) -> None:
        """Change one status to another in all runs, without changing their update times."""
        self._write("UPDATE runs SET status = ? WHERE status = ?", (new, old))

    def runs(self) -> tuple[StoredRun, ...]:
        """Return all runs in the order of their last update."""
        return tuple(
            run_of_row(row) for row in self._connection.rows("SELECT * FROM runs ORDER BY updated_at, id")
        )

    def find_run(self, run: str) -> StoredRun | None:
        """Return the run with this id, otherwise the latest run with this name; ``None`` if there is neither."""
        query = "SELECT * FROM runs WHERE id = ? OR name = ? ORDER BY id = ? DESC, updated_at DESC"
        row = self._connection.execute(query, (run, run, run)).fetchone()
        return run_of_row(row) if row else None

    def save_record(self, fit_id: str, fit: dict[str, Any], record: Record) -> None:
        """Write a fit, as JSON, and its record; this replaces an earlier record of the fit."""
        self._write(
            "INSERT OR REPLACE INTO fits VALUES (?, ?, ?, ?, ?)",
            (fit_id, json.dumps(fit), json.dumps(record.as_json()), int(record.done), _now()),
        )
        self.records.forget(fit_id)
        self.record_summaries.forget(fit_id)

    def drop_checkpoint(self, trial_id: str) -> None:
        """Delete the checkpoint of a trial, if there is one. A folder at the path of the checkpoint is not deleted."""
        path = self.layout.artefact(trial_id, "checkpoint")
        if os.path.lexists(path) and not path.is_dir():
            path.unlink(missing_ok=True)

    def has_checkpoint(self, trial_id: str) -> bool:
        """Return whether a trial has a checkpoint to resume from."""
        return self.layout.artefact(trial_id, "checkpoint").is_file()

    def save_choice(self, run_id: str, stage: str, chosen: str) -> None:
        """Store the candidate that a stage selected."""
        self._write(
            "INSERT INTO choices (run_id, stage, chosen, made_at) VALUES (?, ?, ?, ?)",
            (run_id, stage, chosen, _now()),
        )

    def choices(self, run_id: str) -> dict[str, str]:
        """Return the latest choice of each stage of a run: stage key -> candidate."""
        query = "SELECT stage, chosen FROM choices WHERE run_id = ? ORDER BY number"
        return {row["stage"]: row["chosen"] for row in self._connection.rows(query, (run_id,))}

    def accept(self, run_id: str, failed: Iterable[Record], reason: str) -> None:
        """Store the failures that a run accepts, and the reason."""
        now = _now()
        for record in failed:
            self._write(
                "INSERT INTO acceptances (run_id, fit_id, error_kind, error, reason, accepted_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, record.fit_id, record.error_kind, record.error, reason, now),
            )

    def acceptances(self, run_id: str) -> tuple[Acceptance, ...]:
        """Return the failures that a run accepted, in order of acceptance."""
        query = "SELECT * FROM acceptances WHERE run_id = ? ORDER BY number"
        return tuple(
            Acceptance(row["fit_id"], row["error_kind"], row["error"], row["reason"], row["accepted_at"])
            for row in self._connection.rows(query, (run_id,))
        )

    def begin_test_evaluation(
        self, run_id: str, fit_id: str, dataset_digest: str, weights_digest: str, purpose: str, n_images: int
    ) -> int:
        """Write an access-log entry before the test set is evaluated with these weights.

        Args:
            run_id: the run that evaluates.
            fit_id: the fit that has the weights.
            dataset_digest: the digest of the dataset, in hexadecimal.
            weights_digest: the digest of the weights, in hexadecimal.
            purpose: the name of the study.
            n_images: the number of test images.

        Returns:
            The number of the entry. If these weights have an entry already, its number is returned, because the same
            weights have the same score.
        """
        query = "SELECT number FROM test_evaluations WHERE fit_id = ? AND weights_digest = ? ORDER BY scores IS NULL"
        begun = self._connection.execute(query, (fit_id, weights_digest)).fetchone()
        if begun:
            return int(begun["number"])
        cursor = self._write(
            "INSERT INTO test_evaluations (run_id, fit_id, dataset_digest, weights_digest, purpose, evaluated_at,"
            " n_images, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (run_id, fit_id, dataset_digest, weights_digest, purpose, _now(), n_images),
        )
        assert cursor.lastrowid is not None  # an INSERT has one
        return cursor.lastrowid

    def end_test_evaluation(self, number: int, scores: Scores, seconds: float) -> Evaluation:
        """Add scores and duration (seconds) to an access-log entry; return the entry."""
        self._write(
            "UPDATE test_evaluations SET scores = ?, seconds = ? WHERE number = ?",
            (json.dumps(scores), seconds, number),
        )
        return test_evaluation_of_row(
            self._connection.execute("SELECT * FROM test_evaluations WHERE number = ?", (number,)).fetchone()
        )

    def test_evaluation_of(self, fit_id: str, weights_digest: str) -> Evaluation | None:
        """Return the test-set evaluation of these weights; ``None`` if they have no score."""
        query = (
            "SELECT * FROM test_evaluations WHERE fit_id = ? AND weights_digest = ? AND scores IS NOT NULL"
        )
        row = self._connection.execute(query, (fit_id, weights_digest)).fetchone()
        return test_evaluation_of_row(row) if row else None

    def test_evaluations(self, *dataset_digests: str) -> tuple[LoggedEvaluation, ...]:
        """Return all evaluations of the test sets of datasets, in order."""
        query = (
            "SELECT test_evaluations.*, fits.fit FROM test_evaluations"
            " LEFT JOIN fits ON fits.id = test_evaluations.fit_id"
            " WHERE dataset_digest IN (SELECT value FROM json_each(?)) ORDER BY number"
        )
        return tuple(
            LoggedEvaluation(
                test_evaluation_of_row(row),
                row["run_id"],
                row["dataset_digest"],
                json.loads(row["fit"]) if row["fit"] else None,
            )
            for row in self._connection.rows(query, (json.dumps(dataset_digests),))
        )

    def evaluated_datasets(self) -> tuple[str, ...]:
        """Return the digests of all datasets with test-set evaluations, the first evaluated first."""
        query = "SELECT dataset_digest FROM test_evaluations GROUP BY dataset_digest ORDER BY MIN(number)"
        return tuple(row["dataset_digest"] for row in self._connection.rows(query))

    def dataset(self, digest: str) -> Any:
        """Return the description of a dataset as JSON; ``None`` if it is missing or damaged."""
        return read_json(self.layout.dataset(digest))

    def save_dataset(self, digest: str, values: dict[str, Any]) -> None:
        """Write the description of a dataset as JSON.

        Raises:
            OSError: if the file cannot be written.
            StoreError: if the runs folder was deleted or replaced.
        """
        self.check_presence()
        write_json(self.layout.dataset(digest), values)

    def dataset_statistics(self, dataset_digest: str) -> Any:
        """Return the statistics of a dataset as JSON; ``None`` if they are missing or damaged."""
        return read_json(self.layout.dataset_statistics(dataset_digest))

    def save_dataset_statistics(self, dataset_digest: str, statistics: dict[str, Any]) -> None:
        """Write the statistics of a dataset as JSON.

        Raises:
            OSError: if the file cannot be written.
            StoreError: if the runs folder was deleted or replaced.
        """
        self.check_presence()
        write_json(self.layout.dataset_statistics(dataset_digest), statistics)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
