"""Runs a study: trains its fits, chooses candidates, evaluates the test set. :func:`run_study` resumes a stopped run.

==================  ==========================================================================
``study``           the run loop, between schedule, store, executor and listener
``schedule``        which trainings can start, and what follows from each message (pure)
``evaluation``      the test-set evaluation, after all choices
``tasks``           the tasks and the messages of a worker, also as JSON
``execute``         executes a task, in any process
``choosing``        the device of a run, and the precision that ``auto`` selects there
``executors/``      where tasks are executed: in this process, in worker processes, or on a GPU
``restoring``       finds and restores missing or damaged files of completed fits
``inspecting``      stores what the search for duplicates found, next to the test-set evaluation
``save_arrays``     stores the arrays of a study in the runs folder
``baselines``       fits and stores the baselines of a plan
``examples``        stores examples of augmented images for the report
``arguments``       checks the arguments of a run
``stopping``        the errors that end a run
``watching``        reports tasks without messages, and ends them after the fit timeout
``worker``          the main program of a worker process
``events``          the events that a listener receives
``event_lines``     writes events as lines of JSON, and reads them
``progress``        the progress of a run and its remaining time, from its events
``estimate``        the cost and time of a study before it is run
``first_study``     a first study of images, sized to the time that its networks need
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
    ignore_events,
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
    "ignore_events",
    "read_events",
    "run_study",
]
