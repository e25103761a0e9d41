"""A runs folder as a whole: what a run writes, and what it has come to."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data import ImageFacts, dataset_info
from convstudy.errors import Problem, StoreError, nearest
from convstudy.plan import Choice, Fit, Plan, resolve
from convstudy.record import Brief, Opening, Record
from convstudy.store.acceptances import AsAccepted, accept, acceptances_of
from convstudy.store.access import has_database, open_database
from convstudy.store.artefacts import Artefacts
from convstudy.store.database import Database
from convstudy.store.facts import read_facts, write_facts
from convstudy.store.layout import Layout
from convstudy.store.ledger import ledger, opening_of
from convstudy.store.lock import is_locked, locked
from convstudy.store.presence import Presence
from convstudy.store.records import Briefs, Records
from convstudy.store.results import Results
from convstudy.studyfile import Study, study_document, study_of
from convstudy.whole_file import remove_abandoned

if TYPE_CHECKING:
    from convstudy.store.artefacts import Arrays

RUNNING, COMPLETE, INTERRUPTED, FAILED_FITS = "running", "complete", "interrupted", "failed fits"
OUTDATED = "outdated"
"""A complete run of another version of convstudy, whose fits have other ids in this one."""


@dataclass(frozen=True)
class RunSummary:
    """A run in one line.

    ``status`` is ``"running"``, ``"complete"``, ``"outdated"``, ``"interrupted"`` or ``"failed fits"``.
    """

    run_id: str
    name: str
    dataset: str
    status: str
    n_fits: int
    n_done: int
    n_failed: int
    created_at: str
    updated_at: str


class Store:
    """Reads and writes one runs folder; only one process writes at a time (see :meth:`writing`)."""

    def __init__(self, layout: Layout, connection: Database) -> None:
        self.layout = layout
        self.artefacts = Artefacts(layout)
        self._connection = connection
        self._presence: Presence | None = None
        self.records = Records(self._connection)
        self.briefs = Briefs(self._connection)

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
        """Tell whether a folder has a database.

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

    @staticmethod
    def run_id_of(study: Study) -> str:
        """Return how the run of exactly this study is called: its name and six digits of its content's digest.

        Which checks it silences is left out: that changes nothing that is trained.
        """
        document = {key: table for key, table in study_document(study).items() if key != "silence"}
        text = json.dumps(document, sort_keys=True)
        return f"{study.name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"

    def has_run(self, study: Study) -> bool:
        """Tell whether exactly this study was run here, to its end or not."""
        found = self._connection.execute("SELECT 1 FROM runs WHERE id = ?", (self.run_id_of(study),))
        return found.fetchone() is not None

    def begin_run(self, study: Study) -> str:
        """Write down that a study is run, for the first time or again; return the run's id.

        The id does not tell the order of a study's sections, and with it that of the choices: the latest order counts.
        Only one run goes on at a time, so another that says so was killed.
        """
        run_id, now = self.run_id_of(study), _now()
        self._write("UPDATE runs SET status = ? WHERE status = ? AND id != ?", (INTERRUPTED, RUNNING, run_id))
        self._write(
            "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET document = excluded.document, status = excluded.status,"
            " updated_at = excluded.updated_at",
            (run_id, study.name, json.dumps(study_document(study)), RUNNING, now, now),
        )
        return run_id

    def end_run(self, run_id: str, status: str) -> str:
        """Write down how a run ended, and return when."""
        now = _now()
        self._write("UPDATE runs SET status = ?, updated_at = ? WHERE id = ?", (status, now, run_id))
        return now

    def save_record(self, fit: Fit, record: Record) -> None:
        """Write a fit's record, in place of an older one.

        The checkpoint of its lineage is not needed any more once the whole training is done; a paused fit's is kept.
        """
        self._write(
            "INSERT OR REPLACE INTO fits VALUES (?, ?, ?, ?, ?)",
            (fit.id, json.dumps(fit.as_json()), json.dumps(record.as_json()), int(record.done), _now()),
        )
        self._forget(fit.id)
        if record.done and fit.until is None:
            self.drop_checkpoint(fit)

    def drop_checkpoint(self, fit: Fit) -> None:
        """Remove the checkpoint of a fit's lineage, if there is one."""
        self.layout.artefact(fit.lineage_id, "checkpoint").unlink(missing_ok=True)

    def has_checkpoint(self, fit: Fit) -> bool:
        """Tell whether a fit's lineage has a checkpoint to go on from."""
        return self.layout.artefact(fit.lineage_id, "checkpoint").exists()

    def _forget(self, fit_id: str) -> None:
        """Read a record anew when it is next asked for: there is another one now, or none."""
        self.records.forget(fit_id)
        self.briefs.forget(fit_id)

    def accept_failures(self, run_id: str, failed: Iterable[Record], reason: str) -> None:
        """Write down that these failures count as final for a run, and why."""
        self.check_presence()
        accept(self._connection, run_id, failed, reason, _now())

    def outcomes(self, run_id: str) -> Mapping[str, Brief]:
        """Return the records in brief as a run counts them: the failures that it has accepted so far are final."""
        return AsAccepted(self.briefs, acceptances_of(self._connection, run_id))

    def save_choice(self, run_id: str, choice: Choice) -> None:
        """Write down what a stage chose, unless that is what it last chose anyway."""
        query = "SELECT chosen FROM choices WHERE run_id = ? AND stage = ? ORDER BY number DESC"
        last = self._connection.execute(query, (run_id, choice.stage)).fetchone()
        if last is None or last["chosen"] != choice.chosen:
            self._write(
                "INSERT INTO choices (run_id, stage, chosen, made_at) VALUES (?, ?, ?, ?)",
                (run_id, choice.stage, choice.chosen, _now()),
            )

    def begin_opening(self, run_id: str, fit: Fit, weights_digest: str, purpose: str) -> int:
        """Write down that the test set is about to be opened for these weights; return the opening's number.

        Where that is written down already its number is returned: the same weights have the same score.
        """
        query = (
            "SELECT number FROM openings WHERE fit_id = ? AND weights_digest = ? ORDER BY accuracy IS NULL"
        )
        begun = self._connection.execute(query, (fit.id, weights_digest)).fetchone()
        if begun:
            return int(begun["number"])
        info = dataset_info(fit.dataset)
        cursor = self._write(
            "INSERT INTO openings (run_id, fit_id, dataset_digest, weights_digest, purpose, opened_at, n_images,"
            " seconds) VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            (run_id, fit.id, fit.dataset_digest, weights_digest, purpose, _now(), info.n_test),
        )
        assert cursor.lastrowid is not None  # an INSERT has one
        return cursor.lastrowid

    def end_opening(self, number: int, loss: float, accuracy: float, seconds: float) -> Opening:
        """Write down what an opening showed, and return it."""
        self._write(
            "UPDATE openings SET loss = ?, accuracy = ?, seconds = ? WHERE number = ?",
            (loss, accuracy, seconds, number),
        )
        return opening_of(
            self._connection.execute("SELECT * FROM openings WHERE number = ?", (number,)).fetchone()
        )

    def opening_of(self, fit_id: str, weights_digest: str) -> Opening | None:
        """Return the scored opening for these weights, if there was one."""
        query = "SELECT * FROM openings WHERE fit_id = ? AND weights_digest = ? AND accuracy IS NOT NULL"
        row = self._connection.execute(query, (fit_id, weights_digest)).fetchone()
        return opening_of(row) if row else None

    def n_openings(self, dataset: str, before_run: str = "") -> int:
        """Return how often a dataset's test set has been opened in this runs folder, by any study.

        With ``before_run``, a run's id, only those before that run's first opening count (all, if it has none).
        """
        query = (
            "SELECT count(*) FROM openings WHERE dataset_digest = :digest AND number <"
            " coalesce((SELECT min(number) FROM openings WHERE run_id = :run), 9223372036854775807)"
        )
        values = {"digest": dataset_info(dataset).digest, "run": before_run}
        return int(self._connection.execute(query, values).fetchone()[0])

    def resolved(self, study: Study, run_id: str) -> tuple[Plan, tuple[Choice, ...]]:
        """Return a run's plan with every choice that the records allow, and these choices.

        Once a model of the plan has a test score, the choices that the run has written down stay as they are: fits of
        theirs that failed may be tried again, by this run or by another study, and no choice is made anew by that.
        """
        outcomes = self.outcomes(run_id)
        plan, choices = resolve(study, outcomes)
        query = "SELECT stage, chosen FROM choices WHERE run_id = ? ORDER BY number"
        made = {row["stage"]: row["chosen"] for row in self._connection.rows(query, (run_id,))}
        if made and made != {choice.stage: choice.chosen for choice in choices}:
            query = "SELECT fit_id FROM openings WHERE dataset_digest = ? AND accuracy IS NOT NULL"
            digest = dataset_info(study.dataset).digest
            scored = {row["fit_id"] for row in self._connection.rows(query, (digest,))}
            # Where a record is missing now, the plan of the records alone may stop short of the models with a score.
            kept = resolve(study, outcomes, made)
            if any(fit.id in scored for each in (plan, kept[0]) for fit in each.tested_fits):
                return kept
        return plan, choices

    def image_facts(self, dataset: str) -> ImageFacts | None:
        """Return what is known of a dataset's images, ``None`` where nobody has looked."""
        info = dataset_info(dataset)
        return read_facts(self.layout.image_facts(info.digest), info)

    def save_image_facts(self, facts: ImageFacts) -> None:
        """Write down what is known of a dataset's images.

        Raises:
            OSError: where that cannot be written.
            StoreError: where the folder was deleted or replaced.
        """
        self.check_presence()
        write_facts(self.layout.image_facts(facts.digest), facts)

    def runs(self) -> tuple[RunSummary, ...]:
        """Return all runs, the latest last."""
        with self._snapshot():
            rows = self._connection.execute("SELECT * FROM runs ORDER BY updated_at, id").fetchall()
            return tuple(self._summary(row) for row in rows)

    def results(self, run: str) -> Results:
        """Return what a run has come to.

        Args:
            run: a run's id, or a study's name for its latest run.

        Raises:
            StoreError: where there is no such run.
        """
        with self._snapshot():
            return self._results(run)

    def arrays(self, fit_id: str, kind: str, weights_digest: str = "") -> Arrays:
        """Return the arrays of a fit's artefact by name; see :meth:`~convstudy.store.artefacts.Artefacts.read`."""
        return self.artefacts.read(fit_id, kind, weights_digest)

    def report_folder(self, run_id: str) -> Path:
        """Return the folder of a run's report."""
        return self.layout.report(run_id)

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        """See the database as it is now until the end, whatever another process writes meanwhile."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def _results(self, run: str) -> Results:
        query = "SELECT * FROM runs WHERE id = ? OR name = ? ORDER BY id = ? DESC, updated_at DESC"
        row = self._connection.execute(query, (run, run, run)).fetchone()
        if row is None:
            names = [summary.run_id for summary in self.runs()]
            what, where = f'there is no run called "{run}"', str(self.layout.folder)
            raise StoreError(Problem(what, where, run, ", ".join(names) or "none yet", nearest(run, names)))
        study = study_of(json.loads(row["document"]), f"run {row['id']}")
        plan, choices = self.resolved(study, row["id"])
        acceptances = acceptances_of(self._connection, row["id"])
        counted = AsAccepted(self.records, acceptances)
        records = {fit_id: counted[fit_id] for fit_id in self._trained(plan)}
        openings = {
            i: self.opening_of(i, record.weights_digest) for i, record in records.items() if record.done
        }
        # Of this moment: a record may be replaced while the results are read.
        artefacts, digests = (
            self.artefacts,
            {fit_id: record.weights_digest for fit_id, record in records.items()},
        )
        return Results(
            run_id=row["id"],
            study=study,
            plan=plan,
            choices=choices,
            records=records,
            openings={fit_id: opening for fit_id, opening in openings.items() if opening is not None},
            n_openings=self.n_openings(study.dataset),
            n_openings_before=self.n_openings(study.dataset, row["id"]),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            arrays=lambda fit_id, kind: artefacts.read(fit_id, kind, digests.get(fit_id, "")),
            ledger=ledger(self._connection, dataset_info(study.dataset).digest),
            images=self.image_facts(study.dataset),
            acceptances=acceptances,
        )

    def _trained(self, plan: Plan) -> list[str]:
        """Return the ids of a plan's fits that have a record, without those that only stand in for others."""
        stand_ins = plan.stand_ins
        return [fit.id for fit in plan.fits if fit.id not in stand_ins and fit.id in self.briefs]

    def _summary(self, row: sqlite3.Row) -> RunSummary:
        study = study_of(json.loads(row["document"]), f"run {row['id']}")
        plan, _ = self.resolved(study, row["id"])
        found = [self.briefs[fit_id] for fit_id in self._trained(plan)]
        status = row["status"]
        if status == RUNNING and not is_locked(self.layout.lock):
            status = INTERRUPTED
        if status == COMPLETE and len(found) < len(plan.fits):
            status = OUTDATED
        n_done = sum(record.done for record in found)
        return RunSummary(
            row["id"],
            row["name"],
            study.dataset,
            status,
            len(plan.fits),
            n_done,
            len(found) - n_done,
            row["created_at"],
            row["updated_at"],
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
