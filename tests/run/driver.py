"""A program whose child processes run a study up to a given moment, report it, and wait there until they are killed.

``python -m tests.run.driver RUNS STUDY``; moments come in as lines.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from convstudy.data import BUILT_IN_DATASETS
from convstudy.engine import training, weights
from convstudy.engine.optimizers import build_optimizer
from convstudy.history import History
from convstudy.run import ChoiceMade, EpochEnded, Event, FitStarted, SearchAdvanced, run_study
from convstudy.studyfile import Recipe
from tests.run.studies import STUDIES


def wait_to_be_killed() -> None:
    """Report that the moment is reached, and wait to be killed."""
    print(os.getpid(), flush=True)
    while True:
        signal.pause()


def _stop_before(owner: Any, name: str, number: int = 1) -> None:
    """Stop before the n-th call of a function."""
    original, calls = getattr(owner, name), []

    def stopping(*args: Any, **values: Any) -> Any:
        calls.append(name)
        if len(calls) == number:
            wait_to_be_killed()
        return original(*args, **values)

    setattr(owner, name, stopping)


def _stop_after(owner: Any, name: str, number: int = 1) -> None:
    """Stop after the n-th call of a function."""
    original, calls = getattr(owner, name), []

    def stopping(*args: Any, **values: Any) -> Any:
        result = original(*args, **values)
        calls.append(name)
        if len(calls) == number:
            wait_to_be_killed()
        return result

    setattr(owner, name, stopping)


def _stop_at_half_a_checkpoint() -> None:
    """Stop when half of the second checkpoint is on the disk."""
    original, calls = weights.save_file, []

    def save_file(tensors: Any, path: Path, statistics: Any) -> None:
        original(tensors, path, statistics)
        calls.append(path)
        if len(calls) == 2:
            content = path.read_bytes()
            path.write_bytes(content[: len(content) // 2])
            wait_to_be_killed()

    weights.save_file = save_file


class _Listener:
    """Ignores all events, unless the moment is an event."""

    def __init__(self) -> None:
        self.event: type | None = None
        self.left = 0

    def __call__(self, received: Event) -> None:
        """Stop at the n-th event of a kind; the workers continue."""
        if self.event is not None and isinstance(received, self.event):
            self.left -= 1
            if self.left == 0:
                wait_to_be_killed()


listener = _Listener()


def _at_event(event: type, number: int) -> None:
    listener.event, listener.left = event, number


# In the order of a run. Each moment is reached by a new process that resumes the run of the previous moment.
MOMENTS: dict[str, tuple[int, Callable[[], None]]] = {
    "half a checkpoint is written": (0, _stop_at_half_a_checkpoint),
    "during an epoch": (0, lambda: _stop_before(training, "make_step", 6)),
    "a record of the search is written": (0, lambda: _stop_after(History, "save_record")),
    "a fit of the search completes an epoch": (2, lambda: _at_event(EpochEnded, 1)),
    "the choice of the search is not written": (0, lambda: _stop_before(History, "save_choice")),
    "the choice of the search is an event": (0, lambda: _at_event(ChoiceMade, 1)),
    "a fit of the comparison starts": (0, lambda: _at_event(FitStarted, 1)),
    "the record of a trained variant is not written": (0, lambda: _stop_before(History, "save_record", 3)),
    "an entry of the access log is written": (0, lambda: _stop_after(History, "begin_test_evaluation")),
    "the model is evaluated, its score is not written": (
        1,
        lambda: _stop_before(History, "end_test_evaluation", 2),
    ),
    "the final status of the run is not written": (0, lambda: _stop_before(History, "end_run")),
}

MOMENTS_OF_HALVING: dict[str, tuple[int, Callable[[], None]]] = {
    "the record of a fit of the first rung is not written": (
        0,
        lambda: _stop_before(History, "save_record", 2),
    ),
    "the second rung is decided, but not trained": (0, lambda: _at_event(SearchAdvanced, 1)),
    "a fit of the second rung completes an epoch": (2, lambda: _at_event(EpochEnded, 1)),
    "half a checkpoint of a later rung is written": (0, _stop_at_half_a_checkpoint),
    "the last rung has its first record": (0, lambda: _stop_after(History, "save_record", 4)),
    "the search has made its choice, its checkpoints exist": (
        0,
        lambda: _stop_before(History, "drop_checkpoint"),
    ),
}


def main() -> None:
    """Fork a process for each moment that comes in as a line; it runs up to its moment."""
    runs, study = Path(sys.argv[1]), STUDIES[sys.argv[2]]()
    # Imports take seconds: torch, scikit-learn, and what torch loads with the first optimizer.
    BUILT_IN_DATASETS["digits"].load()
    build_optimizer(Recipe(), [torch.nn.Parameter(torch.zeros(1))])
    for line in sys.stdin:
        # This process has trained nothing, so it has no threads that a fork would lose.
        child = os.fork()
        if not child:
            workers, prepare = {**MOMENTS, **MOMENTS_OF_HALVING}[line.strip()]
            prepare()
            run_study(study, runs, workers, listener)
            print("the run ended before its moment", flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
