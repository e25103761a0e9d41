"""The history of a runs folder: what its runs have asked, trained, chosen and tested."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from convstudy.data import Dataset, DatasetStatistics
from convstudy.errors import ConvstudyError, Location, Problem, StoreError, nearest
from convstudy.history.access_log import access_log, n_before
from convstudy.history.documents import dataset_table, read_study, run_id_of, write_study
from convstudy.history.outcomes import AsAccepted
from convstudy.history.resolving import resolved
from convstudy.history.results import Results
from convstudy.history.summary import (
    COMPLETE,
    FAILED_FITS,
    INTERRUPTED,
    RUNNING,
    RunSummary,
    summary_of,
    trained,
    unreadable,
)
from convstudy.plan import Choice, Fit, Plan
from convstudy.record import Evaluation, Record, RecordSummary, Scores
from convstudy.store import Store, StoredRun
from convstudy.studyfile import Study


class History:
    """What the runs of one folder have reached, over the folder's store.

    Attributes:
        store: tables and files.
        layout: the paths of the folder.
        artefacts: the files of its fits.
        records: fit id -> record.
        record_summaries: fit id -> record in brief.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.layout, self.artefacts = store.layout, store.artefacts
        self.records, self.record_summaries = store.records, store.record_summaries

    @classmethod
    def open(cls, folder: Path, create: bool = False) -> History:
        """Return the history of a runs folder.

        Raises:
            StoreError: where there is none and ``create`` is false, or it cannot be read or made.
        """
        return cls(Store.open(folder, create))

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Return whether a folder has a database.

        Raises:
            StoreError: where it lost its database, see :func:`~convstudy.store.access.has_database`.
        """
        return Store.is_at(folder)

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def writing(self) -> AbstractContextManager[None]:
        """Hold the right to write; see :meth:`~convstudy.store.Store.writing`."""
        return self.store.writing()

    def check_presence(self) -> None:
        """Check that the folder that this process writes to was not deleted or replaced.

        Raises:
            StoreError: if it was.
        """
        self.store.check_presence()

    @staticmethod
    def run_id_of(study: Study) -> str:
        """Return the id of the run of exactly this study, see :func:`~convstudy.history.documents.run_id_of`."""
        return run_id_of(study)

    def has_run(self, study: Study) -> bool:
        """Send whether exactly this study was run here, to its end or not."""
        run_id = self.run_id_of(study)
        found = self.store.find_run(run_id)
        return found is not None and found.run_id == run_id

    def other_arrays(self, study: Study) -> str:
        """Return the digest of other arrays that a study of this name was last run on; empty where there are none."""
        for run in reversed(self.store.runs()):
            if run.name != study.name:
                continue
            table = dataset_table(run)
            digest = str(table.get("digest", ""))
            # The arrays of a Python program are in a folder that is called by their digest.
            of_arrays = bool(digest) and Path(str(table.get("path", ""))).name == digest
            if of_arrays and digest != study.dataset.digest:
                return digest
        return ""

    def begin_run(self, study: Study) -> str:
        """Write down that a study is run, for the first time or again; return the run's id.

        The id does not tell the order of a study's sections, and with it that of the choices: the latest order counts.
        """
        run_id = self.run_id_of(study)
        # One process writes at a time, so that any other run with this status was killed.
        self.store.replace_status(RUNNING, INTERRUPTED)
        self.store.save_run(run_id, study.name, write_study(self.store, study), RUNNING)
        return run_id

    def end_run(self, run_id: str, status: str) -> str:
        """Write down how a run ended, and return when."""
        return self.store.set_status(run_id, status)

    def save_record(self, fit: Fit, record: Record) -> None:
        """Write a fit's record, in place of an older one.

        The checkpoint of its lineage is not needed any more once the whole training is done; a paused fit's is kept.
        """
        self.store.save_record(fit.id, fit.as_json(), record)
        if record.done and fit.epoch_budget is None:
            self.drop_checkpoint(fit)

    def drop_checkpoint(self, fit: Fit) -> None:
        """Remove the checkpoint of a fit's lineage, if there is one."""
        self.store.drop_checkpoint(fit.trial_id)

    def has_checkpoint(self, fit: Fit) -> bool:
        """Return whether a fit's lineage has a checkpoint to resume from."""
        return self.store.has_checkpoint(fit.trial_id)

    def set_aside_obstacles(self, fit: Fit) -> None:
        """Set aside what is no folder or no regular file where a training of this fit writes.

        Raises:
            OSError: if it cannot be renamed.
        """
        self.artefacts.set_aside_obstacles(fit.id, fit.trial_id)

    def accept_failures(self, run_id: str, failed: Iterable[Record], reason: str) -> None:
        """Write down that these failures count as final for a run, and why."""
        self.store.accept(run_id, failed, reason)

    def outcomes(self, run_id: str) -> Mapping[str, RecordSummary]:
        """Return the records in brief as a run counts them: the failures that it has accepted so far are final."""
        return AsAccepted(self.record_summaries, self.store.acceptances(run_id))

    def save_choice(self, run_id: str, choice: Choice) -> None:
        """Write down what a stage chose, unless that is what it last chose."""
        if self.store.choices(run_id).get(choice.stage) != choice.chosen:
            self.store.save_choice(run_id, choice.stage, choice.chosen)

    def begin_test_evaluation(self, run_id: str, fit: Fit, weights_digest: str, purpose: str) -> int:
        """Write down that the test set is about to be opened for these weights; return the opening's number."""
        digest, n_images = fit.dataset.digest, fit.dataset.n_test
        return self.store.begin_test_evaluation(run_id, fit.id, digest, weights_digest, purpose, n_images)

    def end_test_evaluation(self, number: int, scores: Scores, seconds: float) -> Evaluation:
        """Write down what an opening showed, and return it."""
        return self.store.end_test_evaluation(number, scores, seconds)

    def test_evaluation_of(self, fit_id: str, weights_digest: str) -> Evaluation | None:
        """Return the scored opening for these weights, if there was one."""
        return self.store.test_evaluation_of(fit_id, weights_digest)

    def n_test_evaluations(self, dataset: Dataset, before_run: str = "") -> int:
        """Return how often a dataset's test set has been opened in this runs folder, by any study.

        With ``before_run``, a run's id, only those before that run's first opening count (all, if it has none).
        """
        return n_before(self.store.test_evaluations(dataset.digest), before_run)

    def resolved(self, study: Study, run_id: str) -> tuple[Plan, tuple[Choice, ...]]:
        """Return a run's plan with every choice that the records allow, and these choices.

        See :func:`convstudy.history.resolving.resolved` for the choices that stay.
        """

        def scored() -> set[str]:
            test_evaluations = self.store.test_evaluations(study.dataset.digest)
            return {
                each.test_evaluation.fit_id
                for each in test_evaluations
                if each.test_evaluation.scores is not None
            }

        return resolved(study, self.outcomes(run_id), self.store.choices(run_id), scored)

    def dataset_statistics(self, dataset: Dataset) -> DatasetStatistics | None:
        """Return what is known of a dataset's images, ``None`` where they were not looked over.

        The images can be looked over again, so that a damaged file is as good as none.
        """
        statistics = self.store.dataset_statistics(dataset.digest)
        with contextlib.suppress(ValueError, RecursionError):
            return None if statistics is None else DatasetStatistics.from_json(statistics, dataset)
        return None

    def save_dataset_statistics(self, statistics: DatasetStatistics) -> None:
        """Keep what is known of a dataset's images.

        Raises:
            OSError: where that cannot be written.
            StoreError: where the folder was deleted or replaced.
        """
        self.store.save_dataset_statistics(statistics.digest, statistics.as_json())

    def report_folder(self, run_id: str) -> Path:
        """Return the folder of a run's report."""
        return self.layout.report(run_id)

    def runs(self) -> tuple[RunSummary, ...]:
        """Return all runs, the latest last; one whose study cannot be read hides no other."""
        with self.store.snapshot():
            return tuple(self._summary(run) for run in self.store.runs())

    def results(self, run: str) -> Results:
        """Return what a run has reached, as the database is at one moment.

        Args:
            run: a run's id, or a study's name for its latest run.

        Raises:
            StoreError: where there is no such run.
        """
        with self.store.snapshot():
            return self._results(run)

    def is_outdated(self, results: Results) -> bool:
        """Return whether another version of convstudy trained a run to its end: its fits have other ids in this one."""
        run = self.store.find_run(results.run_id)
        status = run.status if run is not None else ""
        n_known = len(trained(results.plan, self.record_summaries))
        if status == COMPLETE:
            return n_known < len(results.plan.fits)
        evaluated = any(entry.run_id == results.run_id for entry in results.access_log)
        return n_known == 0 and (status == FAILED_FITS or evaluated)

    def _summary(self, run: StoredRun) -> RunSummary:
        try:
            study = read_study(self.store, run)
        except ConvstudyError:
            return unreadable(run)
        plan, _ = self.resolved(study, run.run_id)
        return summary_of(run, study.dataset.name, plan, self.record_summaries, self.store.is_written)

    def _results(self, name: str) -> Results:
        run = self.store.find_run(name)
        if run is None:
            names = [each.run_id for each in self.store.runs()]
            what, where = f'there is no run called "{name}"', Location(str(self.layout.folder))
            raise StoreError(Problem(what, where, name, ", ".join(names) or "none yet", nearest(name, names)))
        study = read_study(self.store, run)
        plan, choices = self.resolved(study, run.run_id)
        acceptances = self.store.acceptances(run.run_id)
        counted = AsAccepted(self.records, acceptances)
        records = {fit_id: counted[fit_id] for fit_id in trained(plan, self.record_summaries)}
        found = {
            i: self.test_evaluation_of(i, record.weights_digest)
            for i, record in records.items()
            if record.done
        }
        # Of this moment: a record may be replaced while the results are read.
        logged, artefacts = self.store.test_evaluations(study.dataset.digest), self.artefacts
        digests = {fit_id: record.weights_digest for fit_id, record in records.items()}
        return Results(
            run_id=run.run_id,
            study=study,
            plan=plan,
            choices=choices,
            records=records,
            test_evaluations={
                fit_id: test_evaluation
                for fit_id, test_evaluation in found.items()
                if test_evaluation is not None
            },
            n_test_evaluations=len(logged),
            n_test_evaluations_before=n_before(logged, run.run_id),
            created_at=run.created_at,
            updated_at=run.updated_at,
            arrays=lambda fit_id, kind: artefacts.read(fit_id, kind, digests.get(fit_id, "")),
            access_log=access_log(logged, study.dataset),
            images=self.dataset_statistics(study.dataset),
            acceptances=acceptances,
        )
