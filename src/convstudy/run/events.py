"""What a run tells while it goes on; a listener is any function that takes these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from convstudy.data import ImageFacts
from convstudy.plan import Choice, Fit, Plan
from convstudy.record import Epoch, Opening, Record
from convstudy.run.restoring import LostFile


@dataclass(frozen=True)
class RunStarted:
    """The plan is known; ``done`` are the ids of all fits trained before: a choice may bring any of them into it."""

    run_id: str
    plan: Plan
    done: frozenset[str]
    workers: int


@dataclass(frozen=True)
class FitStarted:
    """A worker took up a fit."""

    fit: Fit


@dataclass(frozen=True)
class EpochEnded:
    """A fit came an epoch further."""

    fit: Fit
    epoch: Epoch


@dataclass(frozen=True)
class FitEnded:
    """A fit has a record now, done or failed."""

    fit: Fit
    record: Record


@dataclass(frozen=True)
class ChoiceMade:
    """A stage is complete and has chosen; ``plan`` is the plan after it."""

    choice: Choice
    plan: Plan


@dataclass(frozen=True)
class SearchAdvanced:
    """A rung or some trials of a search are complete, and bring others; ``plan`` is the plan with these."""

    stage: str
    plan: Plan


@dataclass(frozen=True)
class TestOpened:
    """The sealed test set was opened for one model, which scored this."""

    fit: Fit
    opening: Opening


@dataclass(frozen=True)
class ImagesInspected:
    """The images were looked over for duplicates and the like; ``error`` says why where they could not be."""

    facts: ImageFacts | None
    error: str = ""


@dataclass(frozen=True)
class FilesLost:
    """Files that are needed are missing or damaged; damaged ones are set aside, and all are computed again."""

    files: tuple[LostFile, ...]


@dataclass(frozen=True)
class NotReproduced:
    """A fit was trained again and has other weights than those with the test score; record and score stay."""

    fit: Fit


@dataclass(frozen=True)
class NoMessage:
    """A fit that trains or is tested sent no message for some seconds; ``None`` for the inspection of the images."""

    fit: Fit | None
    seconds: float


Event = (
    RunStarted
    | FitStarted
    | EpochEnded
    | FitEnded
    | ChoiceMade
    | SearchAdvanced
    | TestOpened
    | ImagesInspected
    | FilesLost
    | NotReproduced
    | NoMessage
)
Listener = Callable[[Event], None]


def silent(event: Event) -> None:
    """Listen to nothing."""
