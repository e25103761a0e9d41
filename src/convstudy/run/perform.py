"""Doing a task, wherever it is done: the only way from a task to the engine."""

from __future__ import annotations

from functools import lru_cache

from convstudy.data import Dataset, load_dataset
from convstudy.engine.environment import environment
from convstudy.engine.fit import run_fit
from convstudy.engine.opening import open_test
from convstudy.engine.weights import write_tensors
from convstudy.errors import ConvstudyError
from convstudy.record import Record
from convstudy.run.tasks import Advanced, Started, Task, Tell, Test, Tested, Train, Trained
from convstudy.store import Layout


@lru_cache(maxsize=1)
def _dataset(name: str) -> Dataset:
    """Return a dataset, read once a process."""
    return load_dataset(name)


def perform(task: Task, layout: Layout, tell: Tell) -> None:
    """Do a task, write its artefacts, and tell what came of it; errors are told too, not raised."""
    tell(Started(task))
    tell(_trained(task, layout, tell) if isinstance(task, Train) else _tested(task, layout))


def _trained(task: Train, layout: Layout, tell: Tell) -> Trained:
    fit = task.fit
    try:
        trained = run_fit(
            fit,
            _dataset(fit.dataset).train,
            layout.artefact(fit.lineage_id, "checkpoint"),
            lambda epoch: tell(Advanced(task, epoch)),
        )
        if trained.record.done:
            facts = {"fit_id": fit.id, "weights_digest": trained.record.weights_digest}
            write_tensors(layout.artefact(fit.id, "validation"), trained.validation, facts)
            write_tensors(layout.artefact(fit.id, "weights"), trained.weights, facts)
        return Trained(task, trained.record)
    except Exception as error:
        # A fit that fails is a record with its error, whatever it was; the study goes on.
        surroundings = environment(fit.threads)
        return Trained(
            task,
            Record(fit.id, "failed", error_kind="failed", error=_sentence(error), environment=surroundings),
        )


def _tested(task: Test, layout: Layout) -> Tested:
    fit = task.fit
    try:
        # The opening has been written down by the one process that writes: task.opening is its number.
        opened = open_test(
            fit,
            layout.artefact(fit.id, "weights"),
            task.weights_digest,
            _dataset(fit.dataset).test,
            lambda: None,
        )
        write_tensors(layout.artefact(fit.id, "test"), opened.predictions, {"fit_id": fit.id})
        return Tested(task, opened.score.loss, opened.score.accuracy, opened.seconds)
    except Exception as error:  # as above
        return Tested(task, error=_sentence(error))


def _sentence(error: Exception) -> str:
    """Return an error as a record keeps it."""
    return str(error) if isinstance(error, ConvstudyError) else f"{type(error).__name__}: {error}"
