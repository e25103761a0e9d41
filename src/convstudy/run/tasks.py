"""The three things that a worker can be asked for, what it says of them, and both as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from convstudy.data import Dataset, DatasetStatistics
from convstudy.errors import Problem
from convstudy.plan import Fit
from convstudy.record import Epoch, Record, Scores


@dataclass(frozen=True)
class Train:
    """Train a fit, from its checkpoint if there is one; leave weights and validation predictions.

    With ``weights_digest``, that of weights which have a test score, files are only written for exactly these weights.
    """

    fit: Fit
    weights_digest: str = ""


@dataclass(frozen=True)
class Test:
    """Score a fit's weights on the sealed test set.

    ``test_evaluation`` is the number under which the opening has been written down already: a worker cannot be
    asked to open
    the test set without one. Where that opening has a score, only the lost predictions are wanted.
    """

    fit: Fit
    weights_digest: str
    test_evaluation: int


@dataclass(frozen=True)
class Inspect:
    """Look over a dataset's images, those of the test set too, for duplicates and the like.

    It is asked for when the test set was opened and all choices are made; no model has a part in it.
    """

    dataset: Dataset


Task = Train | Test | Inspect


@dataclass(frozen=True)
class Started:
    """A worker took up the task."""

    task: Task


@dataclass(frozen=True)
class Advanced:
    """A training came an epoch further."""

    task: Task
    epoch: Epoch


@dataclass(frozen=True)
class Trained:
    """A training has ended, well or not."""

    task: Task
    record: Record


@dataclass(frozen=True)
class Tested:
    """A test has ended: scores and seconds.

    Where it could not be done, ``error`` is a sentence, and ``error_kind`` a word as in a record.
    """

    task: Task
    scores: Scores = field(default_factory=Scores)
    seconds: float = 0.0
    error: str = ""
    error_kind: str = ""


@dataclass(frozen=True)
class Inspected:
    """The images were looked over; ``error`` is a sentence where they could not be."""

    task: Task
    statistics: DatasetStatistics | None = None
    error: str = ""


@dataclass(frozen=True)
class Halted:
    """A training could not read its data or write its files, so that every other fit would fail in the same way."""

    task: Task
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Lost:
    """The worker that had this task died, or was ended for its silence; ``reason`` says how. No worker can say so."""

    task: Task
    reason: str
    timed_out: bool = False


WorkerMessage = Started | Advanced | Trained | Tested | Inspected | Halted
Message = WorkerMessage | Lost
Send = Callable[[WorkerMessage], None]


def task_as_json(task: Task) -> dict[str, Any]:
    """Return a task as plain values that :func:`task_from_json` reads back; its dataset has paths and digests."""
    if isinstance(task, Inspect):
        return {"task": "inspect", "dataset": task.dataset.as_json()}
    values = {"dataset": task.fit.dataset.as_json(), "fit": task.fit.as_json()}
    if isinstance(task, Train):
        return {"task": "train", **values, "weights_digest": task.weights_digest}
    return {
        "task": "test",
        **values,
        "weights_digest": task.weights_digest,
        "test_evaluation": task.test_evaluation,
    }


def task_from_json(values: dict[str, Any]) -> Task:
    """Return the task of these plain values."""
    dataset = Dataset.from_json(values["dataset"])
    if values["task"] == "inspect":
        return Inspect(dataset)
    fit = Fit.from_json(values["fit"], dataset)
    if values["task"] == "train":
        return Train(fit, values["weights_digest"])
    return Test(fit, values["weights_digest"], values["test_evaluation"])


def message_as_json(message: WorkerMessage) -> dict[str, Any]:
    """Return what a worker says of its task as plain values, without the task: a worker has one at a time."""
    match message:
        case Started():
            return {"said": "started"}
        case Advanced():
            return {"said": "advanced", "epoch": message.epoch.as_json()}
        case Trained():
            return {"said": "trained", "record": message.record.as_json()}
        case Tested():
            return {
                "said": "tested",
                "scores": message.scores,
                "seconds": message.seconds,
                "error": message.error,
                "error_kind": message.error_kind,
            }
        case Inspected():
            statistics = message.statistics.as_json() if message.statistics else None
            return {"said": "inspected", "statistics": statistics, "error": message.error}
        case Halted():
            return {"said": "halted", "problems": [problem.as_json() for problem in message.problems]}


def message_from_json(task: Task, values: dict[str, Any]) -> WorkerMessage:
    """Return what a worker said of its task; raise ``KeyError`` for anything else."""
    match values["said"]:
        case "started":
            return Started(task)
        case "advanced":
            return Advanced(task, Epoch.from_json(values["epoch"]))
        case "trained":
            return Trained(task, Record.from_json(values["record"]))
        case "tested":
            figures = Scores(values["scores"]), values["seconds"]
            return Tested(task, *figures, values["error"], values.get("error_kind", ""))
        case "inspected":
            assert isinstance(task, Inspect)  # nothing else ends so
            statistics = values["statistics"] and DatasetStatistics.from_json(
                values["statistics"], task.dataset
            )
            return Inspected(task, statistics, values["error"])
        case "halted":
            return Halted(task, tuple(Problem.from_json(problem) for problem in values["problems"]))
    raise KeyError(values["said"])
