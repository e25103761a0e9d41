"""The whole study: train what is missing, choose by validation, and open the test set last."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from convstudy.cores import n_cores
from convstudy.data import load_dataset, load_labels
from convstudy.errors import Problem, StoreError, UsageError
from convstudy.history import History, Results
from convstudy.history.summary import COMPLETE, FAILED_FITS, INTERRUPTED
from convstudy.plan import Choice, Fit, Plan, Stage, in_turn
from convstudy.record import Record
from convstudy.run.choosing import chosen_device, fix_precision
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
    TestOpened,
    silent,
)
from convstudy.run.executors import DeviceExecutor, Executor, InlineExecutor, ProcessExecutor
from convstudy.run.executors.device import N_AT_ONCE
from convstudy.run.inspecting import inspect_images
from convstudy.run.restoring import is_same, lost_files, replaces
from convstudy.run.stopping import checked_reason, halted, unstartable, untestable
from convstudy.run.tasks import (
    Advanced,
    Halted,
    Lost,
    Started,
    Task,
    Test,
    Tested,
    Train,
    Trained,
)
from convstudy.run.turns import deciding_fits, next_training
from convstudy.run.watching import Watched, checked_timeout
from convstudy.studyfile import Study, check_classes, check_study

# How often a fit is tried again in one run when its worker dies; it goes on from its last checkpoint.
N_RETRIES = 1


def run_study(
    study: Study,
    runs: Path | str = "runs",
    workers: int | None = None,
    listener: Listener = silent,
    device: str = "auto",
    accept_failures: str | None = None,
    fit_timeout: float | None = None,
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

    Raises:
        StudyError: where the study cannot be run as it is, a class with too few images for its folds included.
        DataError: where its dataset is not to be had.
        StoreError: where the runs folder cannot be used or written, or another process writes to it.
        UsageError: where ``workers`` is negative, ``accept_failures`` is no reason, ``fit_timeout`` is not positive, or
            there is no such device.
    """
    if workers is not None and workers < 0:
        what = "there cannot be fewer than no workers"
        raise UsageError(Problem(what, got=str(workers), allowed="0 (train in this process) or more"))
    reason = None if accept_failures is None else checked_reason(accept_failures)
    limit = checked_timeout(fit_timeout)
    check_study(study)
    found = chosen_device(device)
    study = fix_precision(study, found)
    check_classes(study, load_dataset(study.dataset).train.labels)
    load_labels(study.dataset, "test")  # a label that names no class would show after everything is trained
    store = History.open(Path(runs), create=True)
    try:
        with store.writing():
            run_id = store.begin_run(study)
            try:
                _Run(study, store, run_id, listener, reason).go(
                    _executor(study, store, workers, found), limit
                )
            except BaseException:
                # Where the folder is gone or full, the first error tells so.
                with suppress(StoreError):
                    store.end_run(run_id, INTERRUPTED)
                raise
            results = store.results(run_id)
            whole = results.complete and not results.failed
            results = replace(results, updated_at=store.end_run(run_id, COMPLETE if whole else FAILED_FITS))
            store.check_presence()
            return results
    finally:
        store.close()


def _executor(study: Study, store: History, workers: int | None, device: str) -> Executor:
    """Return where the tasks are done."""
    if workers == 0:
        return InlineExecutor(store.layout, device)
    if device != "cpu":
        return DeviceExecutor(store.layout, device, workers or N_AT_ONCE)
    return ProcessExecutor(store.layout, workers or default_workers(study), study.threads)


def default_workers(study: Study) -> int:
    """Return how many fits train at once unless somebody says: the cores to be had divided by the study's threads."""
    return max(1, n_cores() // study.threads)


class _Run:
    """One run under way."""

    def __init__(
        self, study: Study, store: History, run_id: str, listener: Listener, reason: str | None
    ) -> None:
        self.study, self.store, self.run_id, self.listener = study, store, run_id, listener
        self.reason = reason  # to accept the failures of earlier runs
        self.outcomes = store.outcomes(run_id)
        self.begun: set[str] = set()  # the fits that a worker took up in this run
        self.tried: set[str] = set()  # those of them that ended
        self.hung: set[str] = set()  # lineages whose timed-out fit may still write a checkpoint
        self.plan: Plan  # as the records have it, see _resolve
        self.choices: tuple[Choice, ...] = ()  # that the plan rests on
        self.told_choices: set[str] = set()
        self.reached: dict[str, tuple[int, int]] = {}
        self.lost: set[tuple[str, str]] = set()  # the keys of files that this run restores
        self.unrestored: set[str] = set()  # fits whose weights are lost
        self.deaths: Counter[Task] = Counter()

    def go(self, unwatched: Executor, limit: float | None) -> None:
        """Train, choose and test until nothing is left to do; a task that is silent for ``limit`` seconds is ended."""
        executor = Watched(unwatched, self.listener, limit)
        self._resolve()
        done = frozenset(i for i, outcome in self.outcomes.items() if outcome.final or self.reason)
        self.listener(RunStarted(self.run_id, self.plan, done, executor.n_workers))
        with unwatched:
            while tasks := [Train(fit) for fit in self._choose()] or self._restoring():
                self._train(executor, tasks)
            if not all(self._is_final(fit) for fit in self.plan.settled_fits):
                return  # a choice may follow yet, so that no test image is read and every checkpoint stays
            for stage in self.plan.stages:
                self._drop_checkpoints(stage)
            self._test(executor)
            if self._has_test_score():
                inspect_images(self.study.dataset, self.store, executor, self.listener)

    def _resolve(self) -> None:
        """Bring the plan and its choices up to date with the records, those of earlier runs and other studies too."""
        while True:
            self.plan, self.choices = self.store.resolved(self.study, self.run_id)
            if not self._accept():
                return

    def _accept(self) -> bool:
        """Accept the failures of earlier runs that the plan has come upon, if a reason was given; tell of any.

        A fit that fails in this run is not accepted: its error was not known when the reason was given.
        """
        if self.reason is None:
            return False
        fits = [fit for fit in self.plan.settled_fits if fit.id in self.outcomes and fit.id not in self.tried]
        failed = [self.store.records[fit.id] for fit in fits if not self.outcomes[fit.id].final]
        self.store.accept_failures(self.run_id, failed, self.reason)
        self.outcomes = self.store.outcomes(self.run_id)
        return bool(failed)

    def _is_final(self, fit: Fit) -> bool:
        """Tell whether a fit is done or has failed for good."""
        outcome = self.outcomes.get(fit.id)
        return outcome is not None and outcome.final

    def _choose(self) -> list[Fit]:
        """Make every choice that the records allow, and return the settled fits to train in this run, in turn."""
        self._resolve()
        for choice in self.choices:
            self.store.save_choice(self.run_id, choice)
            if choice.stage not in self.told_choices:
                self.told_choices.add(choice.stage)
                self.listener(ChoiceMade(choice, self.plan))
                stage = self.plan.stage(choice.stage)
                # The winners of a nested search's outer folds may go on from what the search itself has paused.
                if stage.question != "search" or not self.study.search[stage.name].nested:
                    self._drop_checkpoints(stage)
        self._tell_of_searches()
        ended = {
            fit.id
            for fit in self.plan.settled_fits
            if fit.id in self.tried or self._is_final(fit) or fit.lineage_id in self.hung
        }
        return in_turn(self.plan, ended)

    def _drop_checkpoints(self, stage: Stage) -> None:
        """Remove the checkpoints of paused fits that a stage kept to go on from: none goes on any more."""
        for fit in stage.fits:
            if fit.until is not None:
                self.store.drop_checkpoint(fit)

    def _tell_of_searches(self) -> None:
        """Tell of each open search that has come a rung or some trials further since it was last looked at."""
        for stage in self.plan.stages:
            reached = (sum(rung.decided for rung in stage.rungs), len(stage.candidates))
            before = self.reached.setdefault(stage.key, reached)
            if reached != before:
                self.reached[stage.key] = reached
                if stage.key not in self.told_choices:
                    self.listener(SearchAdvanced(stage.key, self.plan))

    def _restoring(self) -> list[Train]:
        """Return the trainings that restore the files which the test and the report need; each file once a run."""
        files = lost_files(self.store, self.plan, self.lost)
        if files:
            self.lost |= {file.key for file in files}
            self.unrestored |= {file.fit.id for file in files if file.kind == "weights"}
            self.listener(FilesLost(files))
        fits = {file.fit.id: file.fit for file in files if file.kind != "test"}
        # A paused fit first: the next of its lineage resumes from its checkpoint.
        return [
            Train(fit, "" if self._is_untested(fit) else self.store.briefs[fit.id].weights_digest)
            for fit in sorted(fits.values(), key=lambda fit: fit.n_epochs)
            if fit.lineage_id not in self.hung
        ]

    def _train(self, executor: Watched, tasks: Iterable[Train]) -> None:
        """Do these trainings, or fewer: return as soon as a choice can be made that may bring others."""
        waiting = deque(tasks)
        under_way: dict[str, str] = {}
        missing = {task.fit.id for task in waiting if not self._is_final(task.fit)}
        deciding = deciding_fits(self.plan, missing)
        while waiting or under_way:
            while len(under_way) < executor.n_workers and (task := next_training(waiting, under_way)):
                under_way[task.fit.id] = task.fit.lineage_id
                self.store.make_way(task.fit)
                executor.submit(task)
            message = executor.next_message()
            self.store.check_presence()
            assert isinstance(message.task, Train)  # nothing else was submitted
            fit = message.task.fit
            match message:
                case Started():
                    self.begun.add(fit.id)
                    self.listener(FitStarted(fit))
                case Advanced(epoch=epoch):
                    self.listener(EpochEnded(fit, epoch))
                case Trained(record=record):
                    under_way.pop(fit.id, None)
                    self._keep(message.task, record, deciding)
                case Halted(problems=problems):
                    raise halted(fit, problems)
                case Lost(reason=reason, timed_out=timed_out):
                    under_way.pop(fit.id, None)
                    if timed_out:
                        self.hung.add(fit.lineage_id)
                        waiting = deque(task for task in waiting if task.fit.lineage_id not in self.hung)
                    if not timed_out and self._may_retry(message.task):
                        waiting.appendleft(message.task)
                    elif fit.id not in self.begun:
                        raise unstartable(reason, timed_out)
                    else:
                        kind = "timed-out" if timed_out else "crashed"
                        self._keep(
                            message.task, Record(fit.id, "failed", error_kind=kind, error=reason), deciding
                        )
            if any(not ids for ids in deciding):
                # A choice is due: what is under way ends, the rest is planned anew.
                new = self._choose()
                deciding = deciding_fits(self.plan, {fit.id for fit in new})
                waiting = deque(Train(fit) for fit in new if fit.id not in under_way)

    def _may_retry(self, task: Task) -> bool:
        """Count the death of a worker that had this task in hand, and tell whether to try it again."""
        self.deaths[task] += 1
        return self.deaths[task] <= N_RETRIES

    def _keep(self, task: Train, record: Record, deciding: list[set[str]]) -> None:
        """Write a record down unless the earlier one stays; take a final fit off what choices wait for."""
        fit, before = task.fit, self.store.briefs.get(task.fit.id)
        accepting = self.reason is not None and fit.id in self.unrestored
        if replaces(record, before, scored=bool(task.weights_digest), accepting=accepting):
            if not record.done:
                record = record.failed_after(self.store.records.get(fit.id))
            self.store.save_record(fit, record)
        elif fit.until is None and is_same(record, before):
            self.store.drop_checkpoint(fit)
        if is_same(record, self.store.briefs[fit.id]):
            self.unrestored.discard(fit.id)
        self.tried.add(fit.id)
        if self._is_final(fit):
            for ids in deciding:
                ids.discard(fit.id)
        self.listener(FitEnded(fit, record))
        if record.done and task.weights_digest not in ("", record.weights_digest):
            self.listener(NotReproduced(fit))

    def _test(self, executor: Watched) -> None:
        """Open the sealed test set once for each chosen model, after all choices are made."""
        untested = [fit for fit in self.plan.tested_fits if self._is_untested(fit)]
        if any(fit.id in self.unrestored for fit in untested):
            return
        waiting = deque((*untested, *filter(self._is_unpredicted, self.plan.tested_fits)))
        n_under_way = 0
        while waiting or n_under_way:
            while waiting and n_under_way < executor.n_workers:
                executor.submit(self._opening(waiting.popleft()))
                n_under_way += 1
            message = executor.next_message()
            self.store.check_presence()
            match message:
                case Tested(task=Test() as task):
                    n_under_way -= 1
                    if message.error:
                        raise untestable(task.fit, message.error)
                    if not self._is_untested(task.fit):
                        continue  # only its predictions were lost: the score stays
                    opening = self.store.end_opening(
                        task.opening, message.loss, message.accuracy, message.seconds
                    )
                    self.listener(TestOpened(task.fit, opening))
                case Lost(task=Test() as task, reason=reason, timed_out=timed_out):
                    n_under_way -= 1
                    if timed_out or not self._may_retry(task):
                        raise untestable(task.fit, reason, timed_out)
                    waiting.appendleft(task.fit)

    def _has_test_score(self) -> bool:
        """Tell whether the test set was opened for a model of this run."""
        done = (fit for fit in self.plan.tested_fits if self.store.briefs[fit.id].done)
        return any(not self._is_untested(fit) for fit in done)

    def _is_untested(self, fit: Fit) -> bool:
        """Tell whether there is a model of this fit and the test set was not yet opened for it."""
        record = self.store.briefs[fit.id]
        return record.done and self.store.opening_of(fit.id, record.weights_digest) is None

    def _is_unpredicted(self, fit: Fit) -> bool:
        """Tell whether a model has a test score, lost its test predictions, and has its weights."""
        return (fit.id, "test") in self.lost and fit.id not in self.unrestored and not self._is_untested(fit)

    def _opening(self, fit: Fit) -> Test:
        """Write down that the test set is opened for this fit's model, and return the task to do so."""
        self.store.make_way(fit)
        digest = self.store.briefs[fit.id].weights_digest
        return Test(fit, digest, self.store.begin_opening(self.run_id, fit, digest, self.study.name))
