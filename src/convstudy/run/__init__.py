"""A plan to fits done: whoever calls :func:`run_study` gets the results, and can stop and come back at any moment.

==================  ==========================================================================
``study``           the whole study: a loop between schedule, store, executor and listener
``schedule``        which trainings can start, and what follows from a message; pure
``evaluation``      the test-set evaluation, after all choices
``tasks``           the two things that a worker can be asked for, and what it says of them
``execute``         doing a task, wherever it is done
``choosing``        which device a run trains on, and which number format ``auto`` means there
``executors/``      where tasks are done: in this process, in worker processes, or at once on one device
``restoring``       files of finished fits that are missing or damaged, and are needed
``stopping``        the errors that end a run
``watching``        tasks that are silent: reported, and after a limit ended
``worker``          the main program of a worker process
``events``          what a run tells its listeners
``event_lines``     events as lines of JSON, and back
``progress``        how far a run is, and the time left, from its events
``estimate``        what a study has left to train, its cost and its time, before anything is trained
==================  ==========================================================================
"""

from __future__ import annotations

from convstudy.run.choosing import fix_precision
from convstudy.run.estimate import Estimate, StageEstimate, estimate_study
from convstudy.run.event_lines import EventReader, JsonLines, event_of_json, read_events
from convstudy.run.events import (
    ChoiceMade,
    EpochEnded,
    EvaluatedOnTestSet,
    Event,
    FilesLost,
    FitEnded,
    FitStarted,
    ImagesInspected,
    Listener,
    NoMessage,
    NotReproduced,
    RunStarted,
    SearchAdvanced,
    silent,
)
from convstudy.run.progress import Progress
from convstudy.run.study import default_workers, run_study

__all__ = [
    "ChoiceMade",
    "EpochEnded",
    "Estimate",
    "EvaluatedOnTestSet",
    "Event",
    "EventReader",
    "FilesLost",
    "FitEnded",
    "FitStarted",
    "ImagesInspected",
    "JsonLines",
    "Listener",
    "NoMessage",
    "NotReproduced",
    "Progress",
    "RunStarted",
    "SearchAdvanced",
    "StageEstimate",
    "default_workers",
    "estimate_study",
    "event_of_json",
    "fix_precision",
    "read_events",
    "run_study",
    "silent",
]
