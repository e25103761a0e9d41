"""Runs a study: trains the missing fits, chooses by validation scores, and evaluates the test set last."""

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
from convstudy.run.evaluation import evaluate_models
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
    ignore_events,
)
from convstudy.run.executors import Executor, GpuExecutor, InlineExecutor, ProcessExecutor
from convstudy.run.executors.custom import MakeExecutor, check_executor, make_executor
from convstudy.run.executors.gpu import DEFAULT_CONCURRENCY
from convstudy.run.restoring import Restoration, is_same, replaces
from convstudy.run.save_arrays import save_arrays, save_assignment
from convstudy.run.schedule import EndRun, EpochReached, FitBegan, SaveRecord, Schedule
from convstudy.run.stopping import checked_reason
from convstudy.run.tasks import Train
from convstudy.run.watching import Watched, checked_timeout
from convstudy.studyfile import Study, check_classes, check_study, check_test_classes


def run_study(
    study: Study,
    runs: Path | str = "runs",
    workers: int | None = None,
    listener: Listener = ignore_events,
    device: str = "auto",
    accept_failures: str | None = None,
    fit_timeout: float | None = None,
    executor: MakeExecutor | None = None,
    data: Dataset | None = None,
) -> Results:
    """Run a study, or resume it, and return its results.

    A fit that fails does not raise; its record has the error. Results depend neither on interruptions nor on the
    number of workers.

    Args:
        study: the study; it is checked first.
        runs: the runs folder. Fits with results in it are not trained again, even if another study trained them.
        workers: the number of fits that train at the same time. 0 trains one fit after another in this process. The
            default on a CPU is the number of cores divided by ``study.threads``, and each fit has a worker process. The
            default on a GPU is 6, and each fit has a thread of this process.
        listener: a function that receives each event (:mod:`convstudy.run.events`) in this thread. An exception that
            it raises ends the run.
        device: ``"auto"`` (a GPU if torch finds one, otherwise the CPU), ``"cpu"``, ``"cuda"`` or ``"cuda:N"``. On
            another device, floating-point sums differ in their last bits. Each record names its device.
        accept_failures: a reason, which the report prints. With a reason, fits that failed in earlier runs are not
            trained again and count as failed. Without a reason, they are trained again; if such a fit fails again, no
            candidate of its stage is chosen, and the test set is not evaluated. Fits that diverged, or failed with
            the same error in three runs, always count as failed.
        fit_timeout: the number of seconds without a message after which a fit is ended; a fit sends a message after
            each epoch. The fit counts as failed until the next run trains it again. The default is no limit. With
            ``workers=0`` there is no limit.
        executor: an executor class, or a function that returns an executor. It is called with the
            :class:`~convstudy.store.Layout` of the runs folder. It replaces ``workers`` and ``device``, which must keep
            their defaults. See :class:`~convstudy.run.executors.Executor`.
        data: a dataset that replaces the one of the study, such as ``Dataset.from_arrays(...)``. Arrays are written to
            the runs folder once. A study of the same name with other arrays must use another runs folder.

    Returns:
        The results of the run. ``results.complete`` is false if a fit failed and the next run trains it again.

    Raises:
        StudyError: if the study cannot be run, for example because a class has fewer images than a search has folds.
        DataError: if the dataset is missing or damaged.
        StoreError: if the runs folder cannot be read or written, or another process writes to it.
        UsageError: if an argument has a wrong type or value, the device does not exist, ``executor`` is combined with
            ``workers``, ``device`` or ``precision = "auto"``, or the executor violates its protocol.

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
        check_executor(executor, workers, device, precisions_of(study))
        found = "cpu"
    else:
        found = chosen_device(device)
        study = fix_precision(study, found)
    train = study.dataset.load().train
    check_classes(study, train.labels, groups=train.groups, times=train.times)
    # Check the test labels first: wrong labels, or labels without a defined metric, would fail only after all training.
    check_test_classes(study, study.dataset.load_labels("test"))
    history = History.open(Path(runs), create=True)
    try:
        with history.writing():
            study = save_arrays(study, history)
            save_assignment(study)
            run_id = history.begin_run(study)
            try:
                if executor is not None:
                    chosen = make_executor(executor, history.layout)
                else:
                    chosen = _executor(study, history, workers, found)
                _Run(study, history, run_id, listener, reason).execute(chosen, limit)
            except BaseException:
                # If the folder was deleted or is full, report the original error.
                with suppress(StoreError):
                    history.end_run(run_id, INTERRUPTED)
                raise
            results = history.results(run_id)
            status = COMPLETE if results.complete and not results.failed else FAILED_FITS
            results = replace(results, updated_at=history.end_run(run_id, status))
            history.check_presence()
            return results
    finally:
        history.close()


def _executor(study: Study, history: History, workers: int | None, device: str) -> Executor:
    if workers == 0:
        return InlineExecutor(history.layout, device)
    if device != "cpu":
        return GpuExecutor(history.layout, device, workers or DEFAULT_CONCURRENCY)
    return ProcessExecutor(history.layout, workers or default_workers(study), study.threads)


def checked_workers(workers: int | None) -> int | None:
    """Return the number of workers; raise :class:`UsageError` if it is negative."""
    if workers is not None and workers < 0:
        what = "workers must be 0 (train in this process) or more"
        raise UsageError(Problem(what, got=str(workers)))
    return workers


def default_workers(study: Study) -> int:
    """Return the default number of workers: the available cores divided by the study's threads, at least 1."""
    return max(1, n_cores() // study.threads)


class _Run:
    """The loop of one run. It connects a :class:`~convstudy.run.schedule.Schedule` to store, executor and listener."""

    def __init__(
        self, study: Study, history: History, run_id: str, listener: Listener, reason: str | None
    ) -> None:
        self.study, self.history, self.run_id, self.listener = study, history, run_id, listener
        self.reason = reason  # why failures of earlier runs are accepted
        self.outcomes = history.outcomes(run_id)
        self.schedule = Schedule()
        self.restoration = Restoration(history)
        self.plan: Plan  # with all choices that can be made from the records, see _resolve
        self.choices: tuple[Choice, ...] = ()  # the choices of this plan
        self.reported_choices: set[str] = set()
        # Stage key -> (decided rungs or looks, candidates).
        self.search_progress: dict[str, tuple[int, int]] = {}

    def execute(self, unwatched: Executor, limit: float | None) -> None:
        """Train, choose and evaluate until nothing is left; end a task without a message for ``limit`` seconds."""
        executor = Watched(unwatched, self.listener, limit)
        self._resolve()
        done = frozenset(i for i, outcome in self.outcomes.items() if outcome.final or self.reason)
        self.listener(RunStarted(self.run_id, self.plan, done, executor.n_workers))
        with unwatched:
            while self._has_trainings():
                self._train(executor)
            # A failed fit that may succeed in the next run can still change a choice. Until every failure is final, no
            # test image is read, so that no choice follows a test score, and every checkpoint stays.
            if not all(self._is_final(fit) for fit in self.plan.settled_fits):
                return
            for stage in self.plan.stages:
                self._drop_checkpoints(stage)
            evaluate_models(self.plan, self.history, self.run_id, self.restoration, executor, self.listener)

    def _has_trainings(self) -> bool:
        """Make all choices that follow from the records, and return whether there is a training to do."""
        self._choose()
        # Restore lost files last: until all choices are made, the plan does not show which files are needed.
        if self.schedule.idle and (files := self.restoration.find_lost(self.plan)):
            self.listener(FilesLost(files))
            self.schedule.train(self.restoration.trainings(files))
        return not self.schedule.idle

    def _train(self, executor: Watched) -> None:
        """Execute all trainings of the schedule, and choose a stage's candidate as soon as its fits are complete."""
        while not self.schedule.idle:
            while task := self.schedule.start(executor.n_workers):
                self.history.set_aside_obstacles(task.fit)
                executor.submit(task)
            message = executor.next_message()
            self.history.check_presence()
            match self.schedule.take(message):
                case FitBegan(fit=fit):
                    self.listener(FitStarted(fit))
                case EpochReached(fit=fit, epoch=epoch):
                    self.listener(EpochEnded(fit, epoch))
                case SaveRecord(task=task, record=record):
                    self._save(task, record)
                case EndRun(error=error):
                    raise error
            # Resolving the plan takes time in proportion to its fits, so it is not done after each message.
            if self.schedule.choice_due:
                self._choose()

    def _resolve(self) -> None:
        """Update the plan and its choices from the records, including those of earlier runs and of other studies."""
        # An accepted failure can complete a stage. Its choice adds fits, and some of these may have failed earlier too.
        while True:
            self.plan, self.choices = self.history.resolved(self.study, self.run_id)
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Accept the failures of earlier runs in the plan, if there is a reason; return whether there were any.

        A failure in this run is not accepted, because the user has not seen its error.
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
        """Return whether a fit is done, or its failure is permanent or accepted."""
        outcome = self.outcomes.get(fit.id)
        return outcome is not None and outcome.final

    def _choose(self) -> None:
        """Make all choices that follow from the records, and update the schedule to the plan with these choices."""
        self._resolve()
        for choice in self.choices:
            self.history.save_choice(self.run_id, choice)
            if choice.stage not in self.reported_choices:
                self.reported_choices.add(choice.stage)
                self.listener(ChoiceMade(choice, self.plan))
                stage = self.plan.stage(choice.stage)
                # The winners of a nested search's outer folds may resume from checkpoints of the search itself.
                if stage.question != "search" or not self.study.search[stage.name].nested:
                    self._drop_checkpoints(stage)
        self.history.save_seed_counts(self.run_id, self.plan)
        self._report_searches()
        self.schedule.follow(self.plan, self._is_final)

    def _drop_checkpoints(self, stage: Stage) -> None:
        """Delete the checkpoints of a stage's fits with an epoch budget: no fit with more epochs will need them."""
        for fit in stage.fits:
            if fit.epoch_budget is not None:
                self.history.drop_checkpoint(fit)

    def _report_searches(self) -> None:
        """Send an event for each stage without a choice that has newly decided rungs, new trials or new looks."""
        for stage in self.plan.stages:
            n_decided = sum(rung.decided for rung in stage.rungs) + len(stage.looks)
            reached = (n_decided, len(stage.candidates))
            before = self.search_progress.setdefault(stage.key, reached)
            if reached != before:
                self.search_progress[stage.key] = reached
                if stage.key not in self.reported_choices:
                    self.listener(SearchAdvanced(stage.key, self.plan))

    def _save(self, task: Train, record: Record) -> None:
        """Write a record, unless the earlier record of the fit takes precedence."""
        fit, before = task.fit, self.history.record_summaries.get(task.fit.id)
        accepting = self.reason is not None and self.restoration.lacks_weights(fit)
        if replaces(record, before, scored=bool(task.weights_digest), accepting=accepting):
            if not record.done:
                record = record.failed_after(self.history.records.get(fit.id))
            self.history.save_record(fit, record)
        elif fit.epoch_budget is None and is_same(record, before):
            self.history.drop_checkpoint(fit)
        if is_same(record, self.history.record_summaries[fit.id]):
            self.restoration.mark_restored(fit)
        self.schedule.end(fit, self._is_final(fit))
        self.listener(FitEnded(fit, record))
        if record.done and task.weights_digest not in ("", record.weights_digest):
            self.listener(NotReproduced(fit))
