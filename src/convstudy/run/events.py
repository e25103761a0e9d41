"""The events of a run. A listener is any function of one argument, the event.

The method ``as_json()`` returns plain values: a ``kind``, the values of the event, its fits and its dataset.
``event_lines`` writes events to a file and reads them. ``docs/running.md`` has a table of all events.

>>> from convstudy.run import EpochEnded
>>> def listener(event):
...     if isinstance(event, EpochEnded):
...         print(event.fit.id, event.epoch.number, event.epoch.validation["accuracy"])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from convstudy.data import Dataset, DatasetStatistics
from convstudy.plan import Choice, Fit, Plan
from convstudy.plan.as_json import choice_as_json, plan_as_json
from convstudy.record import Epoch, Evaluation, Record
from convstudy.run.restoring import LostFile


@dataclass(frozen=True)
class RunStarted:
    """The first event of a run.

    Attributes:
        run_id: the id of the run.
        plan: the plan with all choices that can be made from the existing records.
        done: the ids of all fits in the runs folder that are not trained again. Some of them may not be in the plan
            yet, because a later choice can add them.
        workers: the number of fits that train at the same time.
    """

    kind: ClassVar = "run-started"
    run_id: str
    plan: Plan
    done: frozenset[str]
    workers: int

    def as_json(self) -> dict[str, Any]:
        own = {"run_id": self.run_id, "done": sorted(self.done), "workers": self.workers}
        return {"kind": self.kind, **own, **_plan_values(self.plan)}


@dataclass(frozen=True)
class FitStarted:
    """A worker has started a fit. The event repeats if the worker dies and the fit is tried again."""

    kind: ClassVar = "fit-started"
    fit: Fit

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **_fit_values(self.fit)}


@dataclass(frozen=True)
class EpochEnded:
    """A fit has completed an epoch; ``epoch`` has its number, scores and seconds."""

    kind: ClassVar = "epoch-ended"
    fit: Fit
    epoch: Epoch

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "epoch": self.epoch.as_json(), **_fit_values(self.fit)}


@dataclass(frozen=True)
class FitEnded:
    """A fit is done or has failed; ``record`` has its scores or its error."""

    kind: ClassVar = "fit-ended"
    fit: Fit
    record: Record

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "record": self.record.as_json(), **_fit_values(self.fit)}


@dataclass(frozen=True)
class ChoiceMade:
    """A stage is complete and has chosen its best candidate; ``plan`` is the plan with this choice."""

    kind: ClassVar = "choice-made"
    choice: Choice
    plan: Plan

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "choice": choice_as_json(self.choice), **_plan_values(self.plan)}


@dataclass(frozen=True)
class SearchAdvanced:
    """A rung, some trials or a look are complete. ``stage`` is the key of the stage; ``plan`` has the next fits."""

    kind: ClassVar = "search-advanced"
    stage: str
    plan: Plan

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "stage": self.stage, **_plan_values(self.plan)}


@dataclass(frozen=True)
class EvaluatedOnTestSet:
    """A model was evaluated on the test set; ``test_evaluation`` has its scores."""

    kind: ClassVar = "test-set-evaluated"
    fit: Fit
    test_evaluation: Evaluation

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "evaluation": asdict(self.test_evaluation), **_fit_values(self.fit)}


@dataclass(frozen=True)
class ImagesInspected:
    """The image statistics and the baselines were computed.

    If the statistics failed, ``statistics`` is ``None``, and ``error`` has the reason. If the baselines failed,
    ``baselines_error`` has the reason.
    """

    kind: ClassVar = "images-inspected"
    dataset: Dataset
    statistics: DatasetStatistics | None
    error: str = ""
    baselines_error: str = ""

    def as_json(self) -> dict[str, Any]:
        statistics = None if self.statistics is None else self.statistics.as_json()
        return {
            "kind": self.kind,
            "statistics": statistics,
            "error": self.error,
            "baselines_error": self.baselines_error,
            **_definitions(self.dataset, ()),
        }


@dataclass(frozen=True)
class FilesLost:
    """Files that the run needs are missing or damaged. They are computed again; damaged files were renamed."""

    kind: ClassVar = "files-lost"
    files: tuple[LostFile, ...]

    def as_json(self) -> dict[str, Any]:
        files = [
            {"fit": file.fit.id, "file": file.kind, "set_aside": file.set_aside and str(file.set_aside)}
            for file in self.files
        ]
        fits = [file.fit for file in self.files]
        return {"kind": self.kind, "files": files, **(_definitions(fits[0].dataset, fits) if fits else {})}


@dataclass(frozen=True)
class NotReproduced:
    """A fit was trained again and has other weights than those that have a test score. Its record and score stay."""

    kind: ClassVar = "not-reproduced"
    fit: Fit

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **_fit_values(self.fit)}


@dataclass(frozen=True)
class NoMessage:
    """A fit has sent no message for ``seconds``. ``fit`` is ``None`` for the inspection of the images."""

    kind: ClassVar = "no-message"
    fit: Fit | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        own = {"kind": self.kind, "seconds": self.seconds}
        return {**own, "fit": None} if self.fit is None else {**own, **_fit_values(self.fit)}


Event = (
    RunStarted
    | FitStarted
    | EpochEnded
    | FitEnded
    | ChoiceMade
    | SearchAdvanced
    | EvaluatedOnTestSet
    | ImagesInspected
    | FilesLost
    | NotReproduced
    | NoMessage
)
Listener = Callable[[Event], None]


def ignore_events(event: Event) -> None:
    """The default listener, which ignores all events."""


def _fit_values(fit: Fit) -> dict[str, Any]:
    return {"fit": fit.id, **_definitions(fit.dataset, [fit])}


def _plan_values(plan: Plan) -> dict[str, Any]:
    return {"plan": plan_as_json(plan), **_definitions(plan.dataset, plan.fits)}


def _definitions(dataset: Dataset, fits: Iterable[Fit]) -> dict[str, Any]:
    """Return the fits of an event by id, and their dataset. A reader needs both to read the event."""
    return {"fits": {fit.id: fit.as_json() for fit in fits}, "dataset": dataset.as_json()}
