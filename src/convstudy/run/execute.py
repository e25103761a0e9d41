"""Doing a task, wherever it is done: the only way from a task to the engine."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from functools import lru_cache

from convstudy.data import Dataset, LoadedDataset, dataset_statistics
from convstudy.engine.devices import device_name
from convstudy.engine.environment import environment
from convstudy.engine.fit import run_fit
from convstudy.engine.test_set import evaluate_test_set
from convstudy.engine.weights import Tensors, weights_digest, write_tensors
from convstudy.errors import ConvstudyError, DataError, FitError, Location, OutOfMemory, Problem, StoreError
from convstudy.plan import Fit
from convstudy.record import Record
from convstudy.run.tasks import (
    Advanced,
    Halted,
    Inspect,
    Inspected,
    Send,
    Started,
    Task,
    Test,
    Tested,
    Train,
    Trained,
    WorkerMessage,
)
from convstudy.store import Layout

_reading = threading.Lock()
_read = lru_cache(maxsize=1)(Dataset.load)


def _loaded(dataset: Dataset) -> LoadedDataset:
    """Return a dataset, read once a process, by whichever thread needs it first."""
    with _reading:
        return _read(dataset)


def execute(
    task: Task,
    layout: Layout,
    send: Send,
    device: str = "cpu",
    before_step: Callable[[], None] = lambda: None,
) -> None:
    """Do a task on a device, write its artefacts, and tell what came of it; errors are told too, not raised.

    ``send`` and ``before_step``, which is called often during a training, may end the task at once: by raising what is
    no ``Exception``.
    """
    send(Started(task))
    send(_ended(task, layout, send, device, before_step))


def _ended(
    task: Task, layout: Layout, send: Send, device: str, before_step: Callable[[], None]
) -> WorkerMessage:
    match task:
        case Train():
            return _trained(task, layout, send, device, before_step)
        case Test():
            return _tested(task, layout, device)
        case Inspect():
            return _inspected(task)


def _trained(
    task: Train, layout: Layout, send: Send, device: str, before_step: Callable[[], None]
) -> Trained | Halted:
    fit = task.fit
    try:
        _check_presence(layout)
        trained = run_fit(
            fit,
            _loaded(fit.dataset).train,
            layout.artefact(fit.trial_id, "checkpoint"),
            lambda epoch: send(Advanced(task, epoch)),
            device,
            before_step,
        )
        _check_presence(layout)
        digest = trained.record.weights_digest
        if trained.record.done and task.weights_digest in ("", digest):
            statistics = _facts(fit, digest, trained.validation)
            write_tensors(layout.artefact(fit.id, "validation"), trained.validation, statistics)
            write_tensors(layout.artefact(fit.id, "weights"), trained.weights, _facts(fit, digest))
        return Trained(task, trained.record)
    except Exception as error:
        problems = _halting(error)
        if problems:
            return Halted(task, problems)
        # A fit that fails is a record with its error; the fits that do not depend on it are still trained.
        surroundings = environment(fit.threads, device_name(device))
        kind = OutOfMemory.kind if isinstance(error, (MemoryError, OSError)) else "failed"
        return Trained(
            task, Record(fit.id, "failed", error_kind=kind, error=_sentence(error), environment=surroundings)
        )


def _tested(task: Test, layout: Layout, device: str) -> Tested:
    fit = task.fit
    try:
        # The opening has been written down by the one process that writes: task.opening is its number.
        opened = evaluate_test_set(
            fit,
            layout.artefact(fit.id, "weights"),
            task.weights_digest,
            _loaded(fit.dataset).test,
            lambda: None,
            device,
        )
        statistics = _facts(fit, task.weights_digest, opened.predictions)
        write_tensors(layout.artefact(fit.id, "test"), opened.predictions, statistics)
        return Tested(task, opened.scores, opened.seconds)
    except Exception as error:  # as above
        kind = error.kind if isinstance(error, FitError) else "failed"
        return Tested(task, error=_sentence(error), error_kind=kind)


def _inspected(task: Inspect) -> Inspected:
    try:
        loaded = _loaded(task.dataset)
        # No opening of its own: it answers no question, and those that came before it are on record.
        test = loaded.test.open(lambda: None)
        return Inspected(task, dataset_statistics(loaded.info, loaded.train, test))
    except Exception as error:  # as above
        return Inspected(task, error=_sentence(error))


def _check_presence(layout: Layout) -> None:
    """Write nothing where the runs folder was deleted: it would be there again, without its database."""
    if not layout.database.exists():
        raise StoreError(Problem("this runs folder was deleted", where=Location(str(layout.folder))))


def _facts(fit: Fit, digest: str, predictions: Tensors | None = None) -> dict[str, str]:
    """Return what a file says of itself: its fit, the digest of the fit's weights, and that of predictions."""
    statistics = {"fit_id": fit.id, "weights_digest": digest}
    return statistics if predictions is None else {**statistics, "digest": weights_digest(predictions)}


def _halting(error: Exception) -> tuple[Problem, ...]:
    """Return the problems of an error that every other fit would meet too, else nothing.

    That is what the system refuses: no space, a disk that fails, no file handles, data that has gone. Too little memory
    is no such error: another fit may need less.
    """
    if isinstance(error, (StoreError, DataError)):
        return error.problems
    if isinstance(error, OSError) and error.errno != errno.ENOMEM:
        what = f"the system refused a worker: {error.strerror or error}"
        hint = "make room or restore access, then run the same command again"
        return (Problem(what, where=Location(str(error.filename or "")), hint=hint),)
    return ()


def _sentence(error: Exception) -> str:
    """Return an error as a record keeps it."""
    return str(error) if isinstance(error, ConvstudyError) else f"{type(error).__name__}: {error}"
