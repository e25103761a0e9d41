"""The whole study: train what is missing, choose by validation, and open the test set last."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from convstudy.cores import n_cores
from convstudy.data import Dataset
from convstudy.errors import Problem, StoreError, UsageError
from convstudy.history import History, Results
from convstudy.history.summary import COMPLETE, FAILED_FITS, INTERRUPTED
from convstudy.plan import Choice, Fit, Plan, Stage
from convstudy.record import Record
from convstudy.run.arguments import check_types
from convstudy.run.choosing import chosen_device, fix_precision, precisions_of
from convstudy.run.evaluation import evaluate_models, has_test_score
from convstudy.run.events import (
    ChoiceMade,
    EpochEnded,
    FilesLost,
    FitEnded,
    FitStarted,
    Listener,
    NotReproduced,
    RunStarted,
    SearchAdvanced,
    silent,
)
from convstudy.run.executors import Executor, GpuExecutor, InlineExecutor, ProcessExecutor
from convstudy.run.executors.gpu import N_AT_ONCE
from convstudy.run.executors.own import MakeExecutor, check_own, make_own
from convstudy.run.inspecting import inspect_images
from convstudy.run.keeping import keep_arrays
from convstudy.run.restoring import Restoration, is_same, replaces
from convstudy.run.schedule import Begun, Keep, Reached, Schedule, Stop
from convstudy.run.stopping import checked_reason
from convstudy.run.tasks import Train
from convstudy.run.watching import Watched, checked_timeout
from convstudy.studyfile import Study, check_classes, check_study, check_test_classes


def run_study(
    study: Study,
    runs: Path | str = "runs",
    workers: int | None = None,
    listener: Listener = silent,
    device: str = "auto",
    accept_failures: str | None = None,
    fit_timeout: float | None = None,
    executor: MakeExecutor | None = None,
    data: Dataset | None = None,
) -> Results:
    """Run a study, or go on with it where it stopped, and return what it came to.

    Args:
        study: what to find out; it is checked first.
        runs: the folder of the store. Fits that are done there, by whichever study, are not trained again.
        workers: how many fits train at once (default: on the processor, the cores divided by the study's threads, each
            in a process of its own; on a CUDA device 6, in threads of this process); 0 trains in this process, one fit
            after another. Results do not depend on it.
        listener: is told what happens, in this thread.
        device: where to train: ``auto`` (a CUDA device where torch finds one, else the processor), ``cpu``, ``cuda`` or
            ``cuda:N``. Records say which it was; results on two devices differ in the last bits of their sums.
        accept_failures: the reason why fits that failed in earlier runs are not trained again and count as failed. The
            report prints it. Without it nothing is chosen from the stage of a fit that may yet succeed, which is every
            failed fit that has not diverged or failed with the same error in three runs, and no test image is read.
        fit_timeout: after how many seconds without a message, which follows each epoch, a fit is ended and counts as
            failed until another run succeeds; no limit by default, and none with ``workers`` 0.
        executor: makes the executor that does the tasks, from the :class:`~convstudy.store.Layout` of the runs folder:
            a class that has what :class:`~convstudy.run.executors.Executor` has, or a function that returns one. It
            replaces ``workers`` and ``device``, which must keep their defaults. Results do not depend on it, apart from
            the last bits of sums on another kind of device.
        data: images to use in place of the study's own, such as ``Dataset.from_arrays(...)``. Arrays are written once
            into the runs folder. A study of the same name on other arrays is an error there.

    Raises:
        StudyError: where the study cannot be run as it is, a class with too few images for its folds or its metric
            included.
        DataError: where its dataset is not to be had.
        StoreError: where the runs folder cannot be used or written, or another process writes to it.
        UsageError: where an argument has another type, ``workers`` is negative, ``accept_failures`` is no reason,
            ``fit_timeout`` is not positive, there is no such device, ``executor`` comes with ``workers``, ``device``
            or ``precision = "auto"``, or the executor breaks its protocol.

    >>> from convstudy import Network, Study, Variant, run_study
    >>> study = Study(
    ...     name="quick", dataset="digits", seeds=1, subset=100, recipe={"epochs": 1},
    ...     network={"small": Network.read(["conv 4 3 relu stride=4", "flatten"])},
    ...     ablate={"small": {"network": "small", "variants": {"tanh": Variant(activation="tanh")}}},
    ... )
    >>> results = run_study(study, "runs", workers=0)
    >>> results.complete, len(results.records), results.failed
    (True, 2, ())

    The same study on arrays:

    >>> import numpy as np
    >>> from convstudy import Dataset
    >>> images, labels = np.zeros((150, 28, 28), "uint8"), np.arange(150) % 3
    >>> data = Dataset.from_arrays(images[:120], labels[:120], images[120:], labels[120:], name="black")
    >>> run_study(study, "runs", workers=0, data=data).study.dataset.n_classes
    3
    """
    check_types(study, runs, workers, listener, device, accept_failures, fit_timeout)
    checked_workers(workers)
    reason = None if accept_failures is None else checked_reason(accept_failures)
    limit = checked_timeout(fit_timeout)
    if data is not None:
        study = study.model_copy(update={"dataset": data})
    check_study(study)
    if executor is not None:
        check_own(executor, workers, device, precisions_of(study))
        found = "cpu"
    else:
        found = chosen_device(device)
        study = fix_precision(study, found)
    check_classes(study, study.dataset.load().train.labels)
    # A label that names no class, or a metric that is not defined, would show after everything is trained.
    check_test_classes(study, study.dataset.load_labels("test"))
    history = History.open(Path(runs), create=True)
    try:
        with history.writing():
            study = keep_arrays(study, history)
            run_id = history.begin_run(study)
            try:
                if executor is not None:
                    chosen = make_own(executor, history.layout)
                else:
                    chosen = _executor(study, history, workers, found)
                _Run(study, history, run_id, listener, reason).go(chosen, limit)
            except BaseException:
                # Where the folder is gone or full, the first error tells so.
                with suppress(StoreError):
                    history.end_run(run_id, INTERRUPTED)
                raise
            results = history.results(run_id)
            whole = results.complete and not results.failed
            results = replace(results, updated_at=history.end_run(run_id, COMPLETE if whole else FAILED_FITS))
            history.check_presence()
            return results
    finally:
        history.close()


def _executor(study: Study, history: History, workers: int | None, device: str) -> Executor:
    """Return the executor for a device and a number of workers."""
    if workers == 0:
        return InlineExecutor(history.layout, device)
    if device != "cpu":
        return GpuExecutor(history.layout, device, workers or N_AT_ONCE)
    return ProcessExecutor(history.layout, workers or default_workers(study), study.threads)


def checked_workers(workers: int | None) -> int | None:
    """Return a number of workers; raise :class:`UsageError` where it is negative."""
    if workers is not None and workers < 0:
        what = "there cannot be fewer than no workers"
        raise UsageError(Problem(what, got=str(workers), expected="0 (train in this process) or more"))
    return workers


def default_workers(study: Study) -> int:
    """Return how many fits train at once unless somebody says: the cores to be had divided by the study's threads."""
    return max(1, n_cores() // study.threads)


class _Run:
    """The loop of one run: a :class:`~convstudy.run.schedule.Schedule` between store, executor and listener."""

    def __init__(
        self, study: Study, history: History, run_id: str, listener: Listener, reason: str | None
    ) -> None:
        self.study, self.history, self.run_id, self.listener = study, history, run_id, listener
        self.reason = reason  # to accept the failures of earlier runs
        self.outcomes = history.outcomes(run_id)
        self.schedule = Schedule()
        self.restoration = Restoration(history)
        self.plan: Plan  # as the records have it, see _resolve
        self.choices: tuple[Choice, ...] = ()  # that the plan rests on
        self.told_choices: set[str] = set()
        self.reached: dict[str, tuple[int, int]] = {}

    def go(self, unwatched: Executor, limit: float | None) -> None:
        """Train, choose and test until nothing is left to do; a task that is silent for ``limit`` seconds is ended."""
        executor = Watched(unwatched, self.listener, limit)
        self._resolve()
        done = frozenset(i for i, outcome in self.outcomes.items() if outcome.final or self.reason)
        self.listener(RunStarted(self.run_id, self.plan, done, executor.n_workers))
        with unwatched:
            while self._has_trainings():
                self._train(executor)
            if not all(self._is_final(fit) for fit in self.plan.settled_fits):
                return  # a choice may follow yet, so that no test image is read and every checkpoint stays
            for stage in self.plan.stages:
                self._drop_checkpoints(stage)
            evaluate_models(self.plan, self.history, self.run_id, self.restoration, executor, self.listener)
            if has_test_score(self.plan, self.history):
                inspect_images(self.study.dataset, self.history, executor, self.listener)

    def _has_trainings(self) -> bool:
        """Make every choice that the records allow; tell whether there is a training to do, of a lost file at last."""
        self._choose()
        if self.schedule.idle and (files := self.restoration.look(self.plan)):
            self.listener(FilesLost(files))
            self.schedule.train(self.restoration.trainings(files))
        return not self.schedule.idle

    def _train(self, executor: Watched) -> None:
        """Do all trainings that the schedule has; choose as soon as a choice is due."""
        while not self.schedule.idle:
            while task := self.schedule.start(executor.n_workers):
                self.history.set_aside_obstacles(task.fit)
                executor.submit(task)
            message = executor.next_message()
            self.history.check_presence()
            match self.schedule.take(message):
                case Begun(fit=fit):
                    self.listener(FitStarted(fit))
                case Reached(fit=fit, epoch=epoch):
                    self.listener(EpochEnded(fit, epoch))
                case Keep(task=task, record=record):
                    self._keep(task, record)
                case Stop(error=error):
                    raise error
            if self.schedule.choice_due:
                self._choose()

    def _resolve(self) -> None:
        """Bring the plan and its choices up to date with the records, those of earlier runs and other studies too."""
        while True:
            self.plan, self.choices = self.history.resolved(self.study, self.run_id)
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Accept the failures of earlier runs that the plan has come upon, if a reason was given; tell of any.

        A fit that fails in this run is not accepted: its error was not known when the reason was given.
        """
        if self.reason is None:
            return False
        tried = self.schedule.tried
        fits = [fit for fit in self.plan.settled_fits if fit.id in self.outcomes and fit.id not in tried]
        failed = [self.history.records[fit.id] for fit in fits if not self.outcomes[fit.id].final]
        self.history.accept_failures(self.run_id, failed, self.reason)
        self.outcomes = self.history.outcomes(self.run_id)
        return bool(failed)

    def _is_final(self, fit: Fit) -> bool:
        """Send whether a fit is done or has failed for good."""
        outcome = self.outcomes.get(fit.id)
        return outcome is not None and outcome.final

    def _choose(self) -> None:
        """Make every choice that the records allow, and have the schedule follow the plan with these choices."""
        self._resolve()
        for choice in self.choices:
            self.history.save_choice(self.run_id, choice)
            if choice.stage not in self.told_choices:
                self.told_choices.add(choice.stage)
                self.listener(ChoiceMade(choice, self.plan))
                stage = self.plan.stage(choice.stage)
                # The winners of a nested search's outer folds may go on from what the search itself has paused.
                if stage.question != "search" or not self.study.search[stage.name].nested:
                    self._drop_checkpoints(stage)
        self._tell_of_searches()
        self.schedule.follow(self.plan, self._is_final)

    def _drop_checkpoints(self, stage: Stage) -> None:
        """Remove the checkpoints of paused fits that a stage kept to go on from: none goes on any more."""
        for fit in stage.fits:
            if fit.epoch_budget is not None:
                self.history.drop_checkpoint(fit)

    def _tell_of_searches(self) -> None:
        """Send of each open search that has come a rung or some trials further since it was last looked at."""
        for stage in self.plan.stages:
            reached = (sum(rung.decided for rung in stage.rungs), len(stage.candidates))
            before = self.reached.setdefault(stage.key, reached)
            if reached != before:
                self.reached[stage.key] = reached
                if stage.key not in self.told_choices:
                    self.listener(SearchAdvanced(stage.key, self.plan))

    def _keep(self, task: Train, record: Record) -> None:
        """Write a record down unless the earlier one stays."""
        fit, before = task.fit, self.history.record_summaries.get(task.fit.id)
        accepting = self.reason is not None and self.restoration.lacks_weights(fit)
        if replaces(record, before, scored=bool(task.weights_digest), accepting=accepting):
            if not record.done:
                record = record.failed_after(self.history.records.get(fit.id))
            self.history.save_record(fit, record)
        elif fit.epoch_budget is None and is_same(record, before):
            self.history.drop_checkpoint(fit)
        if is_same(record, self.history.record_summaries[fit.id]):
            self.restoration.has_weights(fit)
        self.schedule.end(fit, self._is_final(fit))
        self.listener(FitEnded(fit, record))
        if record.done and task.weights_digest not in ("", record.weights_digest):
            self.listener(NotReproduced(fit))
