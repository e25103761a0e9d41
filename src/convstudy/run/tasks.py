"""The three kinds of tasks and the messages about them; converts both to JSON and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from convstudy.data import Dataset, DatasetStatistics, Split
from convstudy.errors import Problem
from convstudy.plan import Fit
from convstudy.plan.fit import split_as_json, split_from_json
from convstudy.record import Epoch, Record, Scores


@dataclass(frozen=True)
class Train:
    """Train a fit, from its checkpoint if there is one, and write weights and validation predictions.

    ``weights_digest`` is usually empty. If the weights are lost and have a test score, it is their digest, and the
    training must restore them: files are written only if the training gives exactly these weights.
    """

    fit: Fit
    weights_digest: str = ""


@dataclass(frozen=True)
class Test:
    """Evaluate a fit's weights on the test set.

    ``test_evaluation`` is the number of the entry in the test-set access log, which is written before this task exists.
    If the entry has a score already, only lost predictions are computed again.
    """

    fit: Fit
    weights_digest: str
    test_evaluation: int


@dataclass(frozen=True)
class Inspect:
    """Compute the statistics of all images of a dataset, find duplicates between and within its parts, fit baselines.

    The task reads the test images, so it runs after all choices. It uses no trained model.

    Attributes:
        dataset: the dataset.
        baselines: the splits whose baselines are fitted (:func:`convstudy.data.baseline_predictions`).
        has_statistics: whether the statistics exist already, so that only the baselines are missing.
    """

    dataset: Dataset
    baselines: tuple[Split, ...] = ()
    has_statistics: bool = False


Task = Train | Test | Inspect


@dataclass(frozen=True)
class Started:
    """A worker has started the task."""

    task: Task


@dataclass(frozen=True)
class Advanced:
    """A training has completed an epoch."""

    task: Task
    epoch: Epoch


@dataclass(frozen=True)
class Trained:
    """A training has ended; the record has its scores or its error."""

    task: Task
    record: Record


@dataclass(frozen=True)
class Tested:
    """A test-set evaluation has ended, with scores and duration.

    If it failed, ``error`` is the reason, and ``error_kind`` is one of the kinds of :class:`~convstudy.record.Record`.
    """

    task: Task
    scores: Scores = field(default_factory=Scores)
    seconds: float = 0.0
    error: str = ""
    error_kind: str = ""


@dataclass(frozen=True)
class Inspected:
    """The computation of a dataset's statistics and baselines has ended.

    ``error`` is the reason if the statistics failed, ``baselines_error`` the reason if the baselines failed.
    """

    task: Task
    statistics: DatasetStatistics | None = None
    error: str = ""
    baselines_error: str = ""


@dataclass(frozen=True)
class Halted:
    """A training could not read its data or write its files. Every other fit would fail in the same way."""

    task: Task
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Lost:
    """The worker of this task died or was ended after a timeout. The executor sends this message, not the worker."""

    task: Task
    reason: str
    timed_out: bool = False


WorkerMessage = Started | Advanced | Trained | Tested | Inspected | Halted
Message = WorkerMessage | Lost
Send = Callable[[WorkerMessage], None]


def task_as_json(task: Task) -> dict[str, Any]:
    """Return a task as plain values that :func:`task_from_json` reads. The dataset has paths and digests, no images."""
    if isinstance(task, Inspect):
        return {
            "task": "inspect",
            "dataset": task.dataset.as_json(),
            "baselines": [split_as_json(split) for split in task.baselines],
            "has_statistics": task.has_statistics,
        }
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
    dataset = Dataset.from_json(values["dataset"])
    if values["task"] == "inspect":
        splits = tuple(split_from_json(split) for split in values["baselines"])
        return Inspect(dataset, splits, values["has_statistics"])
    fit = Fit.from_json(values["fit"], dataset)
    if values["task"] == "train":
        return Train(fit, values["weights_digest"])
    return Test(fit, values["weights_digest"], values["test_evaluation"])


def message_as_json(message: WorkerMessage) -> dict[str, Any]:
    """Return a message as plain values without its task, because a worker has one task at a time."""
    match message:
        case Started():
            return {"kind": "started"}
        case Advanced():
            return {"kind": "advanced", "epoch": message.epoch.as_json()}
        case Trained():
            return {"kind": "trained", "record": message.record.as_json()}
        case Tested():
            return {
                "kind": "tested",
                "scores": message.scores,
                "seconds": message.seconds,
                "error": message.error,
                "error_kind": message.error_kind,
            }
        case Inspected():
            statistics = message.statistics.as_json() if message.statistics else None
            return {
                "kind": "inspected",
                "statistics": statistics,
                "error": message.error,
                "baselines_error": message.baselines_error,
            }
        case Halted():
            return {"kind": "halted", "problems": [problem.as_json() for problem in message.problems]}


def message_from_json(task: Task, values: dict[str, Any]) -> WorkerMessage:
    """Return the message of a worker about its task; raise ``KeyError`` for an unknown kind."""
    match values["kind"]:
        case "started":
            return Started(task)
        case "advanced":
            return Advanced(task, Epoch.from_json(values["epoch"]))
        case "trained":
            return Trained(task, Record.from_json(values["record"]))
        case "tested":
            scores = Scores(values["scores"])
            return Tested(task, scores, values["seconds"], values["error"], values["error_kind"])
        case "inspected":
            assert isinstance(task, Inspect)  # only an Inspect task ends with this message
            statistics = values["statistics"] and DatasetStatistics.from_json(
                values["statistics"], task.dataset
            )
            return Inspected(task, statistics, values["error"], values["baselines_error"])
        case "halted":
            return Halted(task, tuple(Problem.from_json(problem) for problem in values["problems"]))
    raise KeyError(values["kind"])
