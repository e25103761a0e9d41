"""What a run reports to its listeners; a listener is any function that takes these.

Each event has ``as_json``: plain values with a ``kind``, complete in themselves. ``event_lines`` writes them to a file
and reads them back; docs/running.md has the table of them.
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
    """The plan is known; ``done`` are the ids of all fits trained before: a choice may bring any of them into it."""

    kind: ClassVar = "run-started"
    run_id: str
    plan: Plan
    done: frozenset[str]
    workers: int

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        own = {"run_id": self.run_id, "done": sorted(self.done), "workers": self.workers}
        return {"kind": self.kind, **own, **_planned(self.plan)}


@dataclass(frozen=True)
class FitStarted:
    """A worker took up a fit."""

    kind: ClassVar = "fit-started"
    fit: Fit

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {"kind": self.kind, **_of(self.fit)}


@dataclass(frozen=True)
class EpochEnded:
    """A fit came an epoch further."""

    kind: ClassVar = "epoch-ended"
    fit: Fit
    epoch: Epoch

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {"kind": self.kind, "epoch": self.epoch.as_json(), **_of(self.fit)}


@dataclass(frozen=True)
class FitEnded:
    """A fit has a record now, done or failed."""

    kind: ClassVar = "fit-ended"
    fit: Fit
    record: Record

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {"kind": self.kind, "record": self.record.as_json(), **_of(self.fit)}


@dataclass(frozen=True)
class ChoiceMade:
    """A stage is complete and has chosen; ``plan`` is the plan after it."""

    kind: ClassVar = "choice-made"
    choice: Choice
    plan: Plan

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {"kind": self.kind, "choice": choice_as_json(self.choice), **_planned(self.plan)}


@dataclass(frozen=True)
class SearchAdvanced:
    """A rung or some trials of a search are complete, and bring others; ``plan`` is the plan with these."""

    kind: ClassVar = "search-advanced"
    stage: str
    plan: Plan

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {"kind": self.kind, "stage": self.stage, **_planned(self.plan)}


@dataclass(frozen=True)
class EvaluatedOnTestSet:
    """The sealed test set was opened for one model, which scored this."""

    kind: ClassVar = "test-set-evaluated"
    fit: Fit
    test_evaluation: Evaluation

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {"kind": self.kind, "evaluation": asdict(self.test_evaluation), **_of(self.fit)}


@dataclass(frozen=True)
class ImagesInspected:
    """A dataset's images were looked over for duplicates and the like; ``error`` says why where they could not be."""

    kind: ClassVar = "images-inspected"
    dataset: Dataset
    statistics: DatasetStatistics | None
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        statistics = None if self.statistics is None else self.statistics.as_json()
        return {"kind": self.kind, "statistics": statistics, "error": self.error, **_fits(self.dataset, ())}


@dataclass(frozen=True)
class FilesLost:
    """Files that are needed are missing or damaged; damaged ones are set aside, and all are computed again."""

    kind: ClassVar = "files-lost"
    files: tuple[LostFile, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        files = [
            {"fit": file.fit.id, "file": file.kind, "set_aside": file.set_aside and str(file.set_aside)}
            for file in self.files
        ]
        fits = [file.fit for file in self.files]
        return {"kind": self.kind, "files": files, **(_fits(fits[0].dataset, fits) if fits else {})}


@dataclass(frozen=True)
class NotReproduced:
    """A fit was trained again and has other weights than those with the test score; record and score stay."""

    kind: ClassVar = "not-reproduced"
    fit: Fit

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return {"kind": self.kind, **_of(self.fit)}


@dataclass(frozen=True)
class NoMessage:
    """A fit that trains or is tested sent no message for some seconds; ``None`` for the inspection of the images."""

    kind: ClassVar = "no-message"
    fit: Fit | None
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return the event as plain values."""
        own = {"kind": self.kind, "seconds": self.seconds}
        return {**own, "fit": None} if self.fit is None else {**own, **_of(self.fit)}


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


def silent(event: Event) -> None:
    """Listen to nothing."""


def _of(fit: Fit) -> dict[str, Any]:
    """Return the part of an event that names one fit."""
    return {"fit": fit.id, **_fits(fit.dataset, [fit])}


def _planned(plan: Plan) -> dict[str, Any]:
    """Return the part of an event that has a plan."""
    return {"plan": plan_as_json(plan), **_fits(plan.dataset, plan.fits)}


def _fits(dataset: Dataset, fits: Iterable[Fit]) -> dict[str, Any]:
    """Return the fits that an event names, by id, and their dataset: what the event needs to be read back."""
    return {"fits": {fit.id: fit.as_json() for fit in fits}, "dataset": dataset.as_json()}
