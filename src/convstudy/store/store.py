"""A runs folder as a whole: its tables as plain values, its files, and the right to write to them."""

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
    """Reads and writes one runs folder; only one process writes at a time (see :meth:`writing`).

    Studies, fits and choices are ids, texts and JSON here; :class:`~convstudy.history.History` knows what they mean.
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
        """Return the store of a runs folder; see :func:`~convstudy.store.access.open_database`.

        Raises:
            StoreError: where there is none and ``create`` is false, or it cannot be read or made.
        """
        layout = Layout(folder)
        return cls(layout, open_database(layout, create))

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Send whether a folder has a database.

        Raises:
            StoreError: where it lost its database, see :func:`~convstudy.store.access.has_database`.
        """
        return has_database(Layout(folder))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the right to write; files that a killed process left half written are removed.

        Reports are written without that right, so theirs are removed only if the process is gone.
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
        """Check that the folder that this process writes to was not deleted or replaced; each write does so first.

        Raises:
            StoreError: if it was.
        """
        if self._presence is not None:
            self._presence.check()

    def _write(self, sql: str, parameters: Any) -> sqlite3.Cursor:
        """Execute a statement that changes the database."""
        self.check_presence()
        return self._connection.execute(sql, parameters)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    @property
    def is_written(self) -> bool:
        """Whether a process holds the right to write now."""
        return is_locked(self.layout.lock)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """See the database as it is now until the end, whatever another process writes meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def save_run(self, run_id: str, name: str, document: dict[str, Any], status: str) -> None:
        """Write a run down, or the new document and status of one that is there."""
        now = _now()
        self._write(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET document = excluded.document, status = excluded.status,"
            " updated_at = excluded.updated_at",
            (run_id, name, json.dumps(document), status, now, now),
        )

    def set_status(self, run_id: str, status: str) -> str:
        """Write down the status of a run, and return when (ISO 8601, UTC)."""
        now = _now()
        self._write("UPDATE runs SET status = ?, updated_at = ? WHERE id = ?", (status, now, run_id))
        return now

    def replace_status(self, old: str, new: str) -> None:
        """Give all runs with one status another one; when they were updated stays."""
        self._write("UPDATE runs SET status = ? WHERE status = ?", (new, old))

    def runs(self) -> tuple[StoredRun, ...]:
        """Return all runs, the latest last."""
        return tuple(
            run_of_row(row) for row in self._connection.rows("SELECT * FROM runs ORDER BY updated_at, id")
        )

    def find_run(self, run: str) -> StoredRun | None:
        """Return the run with this id, else the latest run with this name, ``None`` where there is neither."""
        query = "SELECT * FROM runs WHERE id = ? OR name = ? ORDER BY id = ? DESC, updated_at DESC"
        row = self._connection.execute(query, (run, run, run)).fetchone()
        return run_of_row(row) if row else None

    def save_record(self, fit_id: str, fit: dict[str, Any], record: Record) -> None:
        """Write a fit, as JSON, and its record, in place of an older one."""
        self._write(
            "INSERT OR REPLACE INTO fits VALUES (?, ?, ?, ?, ?)",
            (fit_id, json.dumps(fit), json.dumps(record.as_json()), int(record.done), _now()),
        )
        self.records.forget(fit_id)
        self.record_summaries.forget(fit_id)

    def drop_checkpoint(self, trial_id: str) -> None:
        """Remove the checkpoint of a lineage, if there is one; a folder in its place stays."""
        path = self.layout.artefact(trial_id, "checkpoint")
        if os.path.lexists(path) and not path.is_dir():
            path.unlink(missing_ok=True)

    def has_checkpoint(self, trial_id: str) -> bool:
        """Return whether a lineage has a checkpoint to resume from."""
        return self.layout.artefact(trial_id, "checkpoint").is_file()

    def save_choice(self, run_id: str, stage: str, chosen: str) -> None:
        """Write down what a stage chose."""
        self._write(
            "INSERT INTO choices (run_id, stage, chosen, made_at) VALUES (?, ?, ?, ?)",
            (run_id, stage, chosen, _now()),
        )

    def choices(self, run_id: str) -> dict[str, str]:
        """Return what each stage of a run last chose, by the stage's key."""
        query = "SELECT stage, chosen FROM choices WHERE run_id = ? ORDER BY number"
        return {row["stage"]: row["chosen"] for row in self._connection.rows(query, (run_id,))}

    def accept(self, run_id: str, failed: Iterable[Record], reason: str) -> None:
        """Write down that a run accepts these failures, and why."""
        now = _now()
        for record in failed:
            self._write(
                "INSERT INTO acceptances (run_id, fit_id, error_kind, error, reason, accepted_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (run_id, record.fit_id, record.error_kind, record.error, reason, now),
            )

    def acceptances(self, run_id: str) -> tuple[Acceptance, ...]:
        """Return the failures that a run has accepted, in order."""
        query = "SELECT * FROM acceptances WHERE run_id = ? ORDER BY number"
        return tuple(
            Acceptance(row["fit_id"], row["error_kind"], row["error"], row["reason"], row["accepted_at"])
            for row in self._connection.rows(query, (run_id,))
        )

    def begin_test_evaluation(
        self, run_id: str, fit_id: str, dataset_digest: str, weights_digest: str, purpose: str, n_images: int
    ) -> int:
        """Write down that the test set is about to be opened for these weights; return the opening's number.

        Where that is written down already its number is returned: the same weights have the same score.
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
        """Write down what an opening showed, and return it."""
        self._write(
            "UPDATE test_evaluations SET scores = ?, seconds = ? WHERE number = ?",
            (json.dumps(scores), seconds, number),
        )
        return test_evaluation_of_row(
            self._connection.execute("SELECT * FROM test_evaluations WHERE number = ?", (number,)).fetchone()
        )

    def test_evaluation_of(self, fit_id: str, weights_digest: str) -> Evaluation | None:
        """Return the scored opening for these weights, if there was one."""
        query = (
            "SELECT * FROM test_evaluations WHERE fit_id = ? AND weights_digest = ? AND scores IS NOT NULL"
        )
        row = self._connection.execute(query, (fit_id, weights_digest)).fetchone()
        return test_evaluation_of_row(row) if row else None

    def test_evaluations(self, dataset_digest: str) -> tuple[LoggedEvaluation, ...]:
        """Return all openings of a dataset's test set, the first one first."""
        query = (
            "SELECT test_evaluations.*, fits.fit FROM test_evaluations"
            " LEFT JOIN fits ON fits.id = test_evaluations.fit_id WHERE dataset_digest = ? ORDER BY number"
        )
        return tuple(
            LoggedEvaluation(
                test_evaluation_of_row(row), row["run_id"], json.loads(row["fit"]) if row["fit"] else None
            )
            for row in self._connection.rows(query, (dataset_digest,))
        )

    def dataset(self, digest: str) -> Any:
        """Return the JSON of what a dataset is, ``None`` where there is none that can be read."""
        return read_json(self.layout.dataset(digest))

    def save_dataset(self, digest: str, values: dict[str, Any]) -> None:
        """Keep what a dataset is, as JSON.

        Raises:
            OSError: where that cannot be written.
            StoreError: where the folder was deleted or replaced.
        """
        self.check_presence()
        write_json(self.layout.dataset(digest), values)

    def dataset_statistics(self, dataset_digest: str) -> Any:
        """Return the JSON that is kept of a dataset's images, ``None`` where there is none that can be read."""
        return read_json(self.layout.dataset_statistics(dataset_digest))

    def save_dataset_statistics(self, dataset_digest: str, statistics: dict[str, Any]) -> None:
        """Keep what is known of a dataset's images, as JSON.

        Raises:
            OSError: where that cannot be written.
            StoreError: where the folder was deleted or replaced.
        """
        self.check_presence()
        write_json(self.layout.dataset_statistics(dataset_digest), statistics)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
