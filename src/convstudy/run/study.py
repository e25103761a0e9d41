"""The whole study: train what is missing, choose by validation, and open the test set last."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path

from convstudy.data import load_dataset
from convstudy.errors import Problem, StoreError
from convstudy.plan import Fit, Plan, resolve
from convstudy.plan.choices import CHOOSING
from convstudy.record import Record
from convstudy.run.events import (
    ChoiceMade,
    EpochEnded,
    FitEnded,
    FitStarted,
    Listener,
    RunStarted,
    TestOpened,
    silent,
)
from convstudy.run.executors import Executor, InlineExecutor, ProcessExecutor
from convstudy.run.tasks import Advanced, Lost, Started, Test, Tested, Train, Trained
from convstudy.spec import Study, check_study
from convstudy.store import Results, Store
from convstudy.store.store import COMPLETE, FAILED_FITS, INTERRUPTED

# How often a fit is tried again in one run when its worker dies; it goes on from its last checkpoint.
N_RETRIES = 1
# A loss that left the finite numbers would do so again; all else may have been the moment's fault.
LASTING_ERRORS = ("diverged",)


def run_study(
    study: Study, runs: Path | str = "runs", workers: int | None = None, listener: Listener = silent
) -> Results:
    """Run a study, or go on with it where it stopped, and return what it came to.

    Args:
        study: what to find out; it is checked first.
        runs: the folder of the store. Fits that are done there, by whichever study, are not trained again.
        workers: how many processes train at once (default: the cores divided by the study's threads); 0 trains in
            this process, one fit after another. Results do not depend on it.
        listener: is told what happens, in this thread.

    Raises:
        StudyError: where the study cannot be run as it is.
        DataError: where its dataset is not to be had.
        StoreError: where the runs folder cannot be used, or another process writes to it.
    """
    check_study(study)
    load_dataset(study.dataset)
    store = Store.open(Path(runs), create=True)
    try:
        with store.writing():
            run_id = store.begin_run(study)
            try:
                _Run(study, store, run_id, listener).go(_executor(study, store, workers))
            except BaseException:
                store.end_run(run_id, INTERRUPTED)
                raise
            results = store.results(run_id)
            store.end_run(run_id, FAILED_FITS if results.failed or not results.complete else COMPLETE)
            return store.results(run_id)
    finally:
        store.close()


def _executor(study: Study, store: Store, workers: int | None) -> Executor:
    """Return where the tasks are done."""
    if workers == 0:
        return InlineExecutor(store.layout)
    n_workers = workers or max(1, (os.cpu_count() or 1) // study.threads)
    return ProcessExecutor(store.layout, n_workers, study.threads)


class _Run:
    """One run under way."""

    def __init__(self, study: Study, store: Store, run_id: str, listener: Listener) -> None:
        self.study, self.store, self.run_id, self.listener = study, store, run_id, listener
        self.plan, _ = resolve(study, store.records)
        self.told_choices: set[str] = set()
        self.deaths: Counter[str] = Counter()

    def go(self, executor: Executor) -> None:
        """Train, choose and test until nothing is left to do."""
        self._drop_passing_failures()
        done = frozenset(fit.id for fit in self.plan.fits if fit.id in self.store.records)
        self.listener(RunStarted(self.run_id, self.plan, done, executor.n_workers))
        with executor:
            while missing := self._choose():
                self._train(executor, missing)
            self._test(executor)

    def _drop_passing_failures(self) -> None:
        """Forget failures that may not come again, and fits whose weights somebody has deleted."""
        records = self.store.records
        for fit in self.plan.fits:
            if fit.id not in records:
                continue
            record = records[fit.id]
            tested = record.done and self.store.opening_of(fit.id, record.weights_digest) is not None
            passing = not record.done and record.error_kind not in LASTING_ERRORS
            if passing or (record.done and not tested and not self.store.has_weights(fit.id)):
                self.store.drop_record(fit.id)

    def _choose(self) -> list[Fit]:
        """Make every choice that the records allow, and return the settled fits that have no record."""
        self.plan, choices = resolve(self.study, self.store.records)
        for choice in choices:
            self.store.save_choice(self.run_id, choice)
            if choice.stage not in self.told_choices:
                self.told_choices.add(choice.stage)
                self.listener(ChoiceMade(choice, self.plan))
        return [fit for fit in self.plan.settled_fits if fit.id not in self.store.records]

    def _train(self, executor: Executor, fits: Iterable[Fit]) -> None:
        """Train these fits, or fewer: return as soon as a choice can be made that may bring others."""
        waiting = deque(Train(fit) for fit in fits)
        under_way: set[str] = set()
        deciding = _deciding(self.plan, {task.fit.id for task in waiting})
        while waiting or under_way:
            while waiting and len(under_way) < executor.n_workers:
                task = waiting.popleft()
                under_way.add(task.fit.id)
                executor.submit(task)
            message = executor.next_message()
            fit = message.task.fit
            match message:
                case Started():
                    self.listener(FitStarted(fit))
                case Advanced(epoch=epoch):
                    self.listener(EpochEnded(fit, epoch))
                case Trained(record=record):
                    under_way.discard(fit.id)
                    self._keep(fit, record, deciding)
                case Lost(reason=reason):
                    under_way.discard(fit.id)
                    self.deaths[fit.id] += 1
                    if self.deaths[fit.id] <= N_RETRIES:
                        waiting.appendleft(Train(fit))
                    else:
                        crashed = Record(fit.id, "failed", error_kind="crashed", error=reason)
                        self._keep(fit, crashed, deciding)
            if any(not ids for ids in deciding):
                # A choice is due: what is under way ends, the rest is planned anew.
                new = self._choose()
                deciding = _deciding(self.plan, {fit.id for fit in new})
                waiting = deque(Train(fit) for fit in new if fit.id not in under_way)

    def _keep(self, fit: Fit, record: Record, deciding: list[set[str]]) -> None:
        """Write a record down, and take its fit off what choices wait for."""
        self.store.save_record(fit, record)
        for ids in deciding:
            ids.discard(fit.id)
        self.listener(FitEnded(fit, record))

    def _test(self, executor: Executor) -> None:
        """Open the sealed test set once for each chosen model, after all choices are made."""
        waiting: deque[Test] = deque()
        for fit in self.plan.tested_fits:
            record = self.store.records[fit.id]
            if record.done and self.store.opening_of(fit.id, record.weights_digest) is None:
                number = self.store.begin_opening(self.run_id, fit, record.weights_digest, self.study.name)
                waiting.append(Test(fit, record.weights_digest, number))
        n_under_way = 0
        while waiting or n_under_way:
            while waiting and n_under_way < executor.n_workers:
                executor.submit(waiting.popleft())
                n_under_way += 1
            message = executor.next_message()
            if isinstance(message, Tested) and isinstance(message.task, Test):
                n_under_way -= 1
                if message.error:
                    raise StoreError(Problem(f"a model could not be tested: {message.error}"))
                opening = self.store.end_opening(
                    message.task.opening, message.loss, message.accuracy, message.seconds
                )
                self.listener(TestOpened(message.task.fit, opening))
            elif isinstance(message, Lost):
                what = f"a model could not be tested: {message.reason}"
                raise StoreError(Problem(what, mend="run the study again: it goes on from here"))


def _deciding(plan: Plan, missing: set[str]) -> list[set[str]]:
    """Return, for each stage whose choice is open, the fits it still waits for."""
    stages = [stage for stage in plan.stages if stage.question in CHOOSING and not stage.waits_for]
    fits = [
        {fit.id for candidate in stage.candidates for fit in candidate.fits} & missing for stage in stages
    ]
    return [ids for ids in fits if ids]
