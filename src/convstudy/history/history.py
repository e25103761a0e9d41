"""The history of a runs folder: reads and writes runs, records, choices and test-set evaluations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.data import Dataset, DatasetStatistics, Split, baseline_key
from convstudy.data.audit.fingerprints import Fingerprints
from convstudy.errors import ConvstudyError, Location, Problem, StoreError, nearest
from convstudy.history.access_log import access_log, n_before
from convstudy.history.documents import dataset_table, read_dataset, read_study, run_id_of, write_study
from convstudy.history.outcomes import AsAccepted
from convstudy.history.resolving import resolved, seed_counts_of
from convstudy.history.results import Results
from convstudy.history.same_test_set import file_fingerprints, has_same_path, is_same_test_set
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

if TYPE_CHECKING:
    from convstudy.store.artefacts import Arrays


class History:
    """The runs of one folder. Methods take and return studies, fits and plans, where the store has ids and JSON.

    Attributes:
        store: the database and files.
        layout: the paths of the folder.
        artefacts: the files of its fits.
        records: fit id -> record.
        record_summaries: fit id -> record summary.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.layout, self.artefacts = store.layout, store.artefacts
        self.records, self.record_summaries = store.records, store.record_summaries

    @classmethod
    def open(cls, folder: Path, create: bool = False) -> History:
        """Open a runs folder; ``create`` also allows writing. See :func:`~convstudy.store.access.open_database`.

        Raises:
            StoreError: if there is no database and ``create`` is false, or it cannot be read or created.
        """
        return cls(Store.open(folder, create))

    @staticmethod
    def is_at(folder: Path) -> bool:
        """Return whether a folder has a database.

        Raises:
            StoreError: if its database was lost, see :func:`~convstudy.store.access.has_database`.
        """
        return Store.is_at(folder)

    def close(self) -> None:
        self.store.close()

    def writing(self) -> AbstractContextManager[None]:
        """Hold the lock of the folder; see :meth:`~convstudy.store.Store.writing`."""
        return self.store.writing()

    def check_presence(self) -> None:
        """Check that the folder was not deleted or replaced; see :meth:`~convstudy.store.Store.check_presence`."""
        self.store.check_presence()

    @staticmethod
    def run_id_of(study: Study) -> str:
        """Return the id of this study's run; see :func:`~convstudy.history.documents.run_id_of`."""
        return run_id_of(study)

    def has_run(self, study: Study) -> bool:
        """Return whether this folder has a run of exactly this study, complete or not."""
        run_id = self.run_id_of(study)
        found = self.store.find_run(run_id)
        return found is not None and found.run_id == run_id

    def other_arrays(self, study: Study) -> str:
        """Return the digest of the other arrays on which a study of this name was run; empty without such a run."""
        for run in reversed(self.store.runs()):
            if run.name != study.name:
                continue
            table = dataset_table(run)
            digest = str(table.get("digest", ""))
            # Only arrays of a Python program are stored in a folder named by their digest.
            has_arrays = bool(digest) and Path(str(table.get("path", ""))).name == digest
            if has_arrays and digest != study.dataset.digest:
                return digest
        return ""

    def begin_run(self, study: Study) -> str:
        """Store the start of a run, for the first time or again; return the run's id.

        The order of the study's sections determines the order of the choices, but not the id. Therefore this study
        replaces the stored one.
        """
        run_id = self.run_id_of(study)
        # One process writes at a time, so any other run with this status was killed.
        self.store.replace_status(RUNNING, INTERRUPTED)
        self.store.save_run(run_id, study.name, write_study(self.store, study), RUNNING)
        return run_id

    def end_run(self, run_id: str, status: str) -> str:
        """Write the final status of a run; return the time (ISO 8601, UTC)."""
        return self.store.set_status(run_id, status)

    def save_record(self, fit: Fit, record: Record) -> None:
        """Write the record of a fit; this replaces an earlier record.

        The checkpoint of a completed fit is deleted, except if the fit has an epoch budget: a longer fit of its trial
        resumes from this checkpoint. A trial is all fits that differ only in their epoch budget.
        """
        self.store.save_record(fit.id, fit.as_json(), record)
        if record.done and fit.epoch_budget is None:
            self.drop_checkpoint(fit)

    def drop_checkpoint(self, fit: Fit) -> None:
        """Delete the checkpoint of a fit's trial, if there is one."""
        self.store.drop_checkpoint(fit.trial_id)

    def has_checkpoint(self, fit: Fit) -> bool:
        """Return whether a fit's trial has a checkpoint to resume from."""
        return self.store.has_checkpoint(fit.trial_id)

    def set_aside_obstacles(self, fit: Fit) -> None:
        """Rename everything that blocks the path of a file or folder which the training of this fit writes.

        Raises:
            OSError: if something cannot be renamed.
        """
        self.artefacts.set_aside_obstacles(fit.id, fit.trial_id)

    def accept_failures(self, run_id: str, failed: Iterable[Record], reason: str) -> None:
        """Store the failures that a run accepts, and the reason."""
        self.store.accept(run_id, failed, reason)

    def outcomes(self, run_id: str) -> Mapping[str, RecordSummary]:
        """Return record summaries by fit id, in which the failures that the run accepted are final."""
        return AsAccepted(self.record_summaries, self.store.acceptances(run_id))

    def save_choice(self, run_id: str, choice: Choice) -> None:
        """Store the choice of a stage, unless its latest stored choice is the same."""
        if self.store.choices(run_id).get(choice.stage) != choice.chosen:
            self.store.save_choice(run_id, choice.stage, choice.chosen)

    def save_seed_counts(self, run_id: str, plan: Plan) -> None:
        """Store the numbers of seeds of the stages that have added all their seeds, unless they are stored."""
        stored = self.store.choices(run_id)
        for key, text in seed_counts_of(plan).items():
            if stored.get(key) != text:
                self.store.save_choice(run_id, key, text)

    def begin_test_evaluation(self, run_id: str, fit: Fit, weights_digest: str, purpose: str) -> int:
        """Write an access-log entry before the test set is evaluated with these weights; return its number."""
        digest, n_images = fit.dataset.digest, fit.dataset.n_test
        return self.store.begin_test_evaluation(run_id, fit.id, digest, weights_digest, purpose, n_images)

    def end_test_evaluation(self, number: int, scores: Scores, seconds: float) -> Evaluation:
        """Add scores and duration (seconds) to an access-log entry; return the entry."""
        return self.store.end_test_evaluation(number, scores, seconds)

    def test_evaluation_of(self, fit_id: str, weights_digest: str) -> Evaluation | None:
        """Return the test-set evaluation of these weights; ``None`` if they have no score."""
        return self.store.test_evaluation_of(fit_id, weights_digest)

    def n_test_evaluations(self, dataset: Dataset, before_run: str = "") -> int:
        """Return the number of evaluations of a dataset's test images in this runs folder, by any study.

        Args:
            dataset: the dataset.
            before_run: the id of a run. If it is given, only evaluations before the first one of this run count; all
                count if the run has none.
        """
        return n_before(self.store.test_evaluations(*self._forms(dataset)), before_run)

    def _forms(self, dataset: Dataset) -> dict[str, Dataset]:
        """Return digest -> dataset: this dataset, and the evaluated ones with the same test set in another form."""
        others = [digest for digest in self.store.evaluated_datasets() if digest != dataset.digest]
        if not others:
            return {dataset.digest: dataset}
        found = [each for digest in others if (each := read_dataset(self.store, digest)) is not None]
        own = self._fingerprints(dataset)
        same = [
            each
            for each in found
            if has_same_path(dataset, each) or is_same_test_set(own, self._fingerprints(each))
        ]
        return {each.digest: each for each in (dataset, *same)}

    def _fingerprints(self, dataset: Dataset) -> Fingerprints | None:
        """Return the fingerprints of a dataset's test images; before an inspection, those of their files."""
        statistics = self.dataset_statistics(dataset)
        found = None if statistics is None else statistics.fingerprints
        return file_fingerprints(dataset) if found is None else found

    def resolved(self, study: Study, run_id: str) -> tuple[Plan, tuple[Choice, ...]]:
        """Return a run's plan, updated with every choice that can be made from the existing records, and these choices.

        Choices are final once a model has a test score; see :func:`convstudy.history.resolving.resolved`.
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
        """Return the statistics of a dataset's images; ``None`` if they are missing or damaged."""
        statistics = self.store.dataset_statistics(dataset.digest)
        with contextlib.suppress(ValueError, RecursionError):
            return None if statistics is None else DatasetStatistics.from_json(statistics, dataset)
        return None

    def save_dataset_statistics(self, statistics: DatasetStatistics) -> None:
        """Write the statistics of a dataset's images.

        Raises:
            OSError: if the file cannot be written.
            StoreError: if the runs folder was deleted or replaced.
        """
        self.store.save_dataset_statistics(statistics.digest, statistics.as_json())

    def baseline(self, dataset: Dataset, split: Split) -> Arrays | None:
        """Return the predictions of the baselines for the images of a split; ``None`` if they are not computed."""
        return self.artefacts.baseline(dataset.digest, baseline_key(split))

    def report_folder(self, run_id: str) -> Path:
        """Return the folder of a run's report."""
        return self.layout.report(run_id)

    def runs(self) -> tuple[RunSummary, ...]:
        """Return all runs in the order of their last update; a run whose study cannot be read is ``"unreadable"``."""
        with self.store.snapshot():
            return tuple(self._summary(run) for run in self.store.runs())

    def results(self, run: str) -> Results:
        """Return the results of a run so far, from a consistent state of the database.

        Args:
            run: the id of a run, or the name of a study (then its latest run).

        Raises:
            StoreError: if there is no such run, or its study is damaged.
        """
        with self.store.snapshot():
            return self._results(run)

    def is_outdated(self, results: Results) -> bool:
        """Return whether another version of convstudy completed the run; its fits have other ids in this version."""
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
            what = f'there is no run "{name}"; this folder has {", ".join(names) or "no runs"}'
            raise StoreError(Problem(what, Location(str(self.layout.folder)), hint=nearest(name, names)))
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
        # arrays() compares files with the digests of these records, so it detects that another run replaced a record
        # and its files.
        forms, artefacts = self._forms(study.dataset), self.artefacts
        logged = self.store.test_evaluations(*forms)
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
            access_log=access_log(logged, forms, study.dataset),
            images=self.dataset_statistics(study.dataset),
            acceptances=acceptances,
            baseline=lambda split: artefacts.baseline(study.dataset.digest, baseline_key(split)),
            augmented=lambda recipe: artefacts.augmented(study.dataset.digest, recipe.augmentation_key),
        )
