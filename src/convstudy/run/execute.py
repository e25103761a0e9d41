"""Executes a task with the engine, in the process or thread in which an executor calls :func:`execute`."""

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
from convstudy.run.baselines import save_baselines
from convstudy.run.examples import save_examples
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
    # Threads of one process share the images. Without the lock, each thread would read them at the start.
    with _reading:
        return _read(dataset)


def execute(
    task: Task,
    layout: Layout,
    send: Send,
    device: str = "cpu",
    before_step: Callable[[], None] = lambda: None,
) -> None:
    """Execute a task: train, evaluate or inspect, write the files, and send messages.

    If the task fails, this function does not raise; the last message contains the error.

    Args:
        task: the task.
        layout: the runs folder that receives the files.
        send: a function that receives each message in this thread: ``Started`` first, ``Advanced`` after each epoch of
            a training, and finally one other message.
        device: ``"cpu"`` or ``"cuda:N"``.
        before_step: a function that is called before each training step. ``before_step`` and ``send`` can end the task
            by raising a ``BaseException`` that is not an ``Exception``.
    """
    send(Started(task))
    send(_last_message(task, layout, send, device, before_step))


def _last_message(
    task: Task, layout: Layout, send: Send, device: str, before_step: Callable[[], None]
) -> WorkerMessage:
    match task:
        case Train():
            return _train(task, layout, send, device, before_step)
        case Test():
            return _test(task, layout, device)
        case Inspect():
            return _inspect(task, layout)


def _train(
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
            metadata = _metadata(fit, digest, trained.validation)
            write_tensors(layout.artefact(fit.id, "validation"), trained.validation, metadata)
            write_tensors(layout.artefact(fit.id, "weights"), trained.weights, _metadata(fit, digest))
            save_examples(fit, _loaded(fit.dataset).train, layout)
        return Trained(task, trained.record)
    except Exception as error:
        problems = _shared_problems(error)
        if problems:
            return Halted(task, problems)
        # A failed fit becomes a record with its error; fits that do not depend on it are still trained.
        where = environment(fit.threads, device_name(device))
        # Here, an OSError can only be ENOMEM, because _shared_problems reports all others.
        kind = OutOfMemory.kind if isinstance(error, (MemoryError, OSError)) else "failed"
        return Trained(
            task, Record(fit.id, "failed", error_kind=kind, error=_error_text(error), environment=where)
        )


def _test(task: Test, layout: Layout, device: str) -> Tested:
    fit = task.fit
    try:
        # Only the run loop writes the access log, and it has already written the entry task.test_evaluation. So the
        # callback that writes an entry does nothing here.
        evaluated = evaluate_test_set(
            fit,
            layout.artefact(fit.id, "weights"),
            task.weights_digest,
            _loaded(fit.dataset).test,
            lambda: None,
            device,
        )
        metadata = _metadata(fit, task.weights_digest, evaluated.predictions)
        write_tensors(layout.artefact(fit.id, "test"), evaluated.predictions, metadata)
        return Tested(task, evaluated.scores, evaluated.seconds)
    except Exception as error:  # send every error to the run loop, which may be in another process
        kind = error.kind if isinstance(error, FitError) else "failed"
        return Tested(task, error=_error_text(error), error_kind=kind)


def _inspect(task: Inspect, layout: Layout) -> Inspected:
    try:
        loaded = _loaded(task.dataset)
        # An inspection needs no entry in the access log: nothing is chosen after it, and it starts after a logged
        # evaluation. The protocol of a run says that its baselines were scored on the test images.
        test = loaded.test.open(lambda: None)
    except Exception as problem:  # send every error to the run loop, as in _test
        return Inspected(task, error=_error_text(problem))
    statistics, error, baselines_error = None, "", ""
    try:
        if not task.has_statistics:
            statistics = dataset_statistics(loaded.info, loaded.train, test)
    except Exception as problem:
        error = _error_text(problem)
    try:
        if task.baselines:
            _check_presence(layout)
            save_baselines(layout, task.dataset.digest, loaded.train, test, task.baselines)
    except Exception as problem:
        baselines_error = _error_text(problem)
    return Inspected(task, statistics, error, baselines_error)


def _check_presence(layout: Layout) -> None:
    # Writing into a deleted runs folder would create the folder again, without its database.
    if not layout.database.exists():
        raise StoreError(Problem("this runs folder was deleted", where=Location(str(layout.folder))))


def _metadata(fit: Fit, digest: str, predictions: Tensors | None = None) -> dict[str, str]:
    """Return the metadata of a file: the fit's id, the digest of its weights, and a digest of predictions."""
    metadata = {"fit_id": fit.id, "weights_digest": digest}
    return metadata if predictions is None else {**metadata, "digest": weights_digest(predictions)}


def _shared_problems(error: Exception) -> tuple[Problem, ...]:
    """Return the problems of an error if every other fit would fail with it too, otherwise an empty tuple.

    Examples are a full or failing disk, too many open files and deleted data. Too little memory does not count, because
    another fit may need less.
    """
    if isinstance(error, (StoreError, DataError)):
        return error.problems
    if isinstance(error, OSError) and error.errno != errno.ENOMEM:
        what = f"the operating system reported an error to a worker: {error.strerror or error}"
        hint = "free disk space or restore access, then run the same command again"
        return (Problem(what, where=Location(str(error.filename or "")), hint=hint),)
    return ()


def _error_text(error: Exception) -> str:
    return str(error) if isinstance(error, ConvstudyError) else f"{type(error).__name__}: {error}"
