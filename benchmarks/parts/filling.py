"""Many fits trained into a runs folder, for scripts that ask other questions of them than a study does."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from convstudy.history import History
from convstudy.plan import Fit
from convstudy.run.executors import InlineExecutor, ProcessExecutor
from convstudy.run.tasks import Lost, Train, Trained


def fill(runs: Path, fits: Sequence[Fit], workers: int) -> None:
    """Train these fits in their order; what is there already is not trained again.

    Args:
        runs: the runs folder; it is made where it is missing.
        fits: what to train.
        workers: how many processes, each with the threads of the first fit; 0 trains in this process.
    """
    history = History.open(runs, create=True)
    waiting = deque(fit for fit in fits if fit.id not in history.records)
    n_done, n_under_way = len(fits) - len(waiting), 0
    executor = (
        ProcessExecutor(history.layout, workers, fits[0].threads)
        if workers
        else InlineExecutor(history.layout)
    )
    with history.writing(), executor:
        # A database without runs beside trained fits counts as lost.
        history.store.save_run("filled", "filled", {}, "interrupted")
        while waiting or n_under_way:
            while waiting and n_under_way < executor.n_workers:
                executor.submit(Train(waiting.popleft()))
                n_under_way += 1
            message = executor.next_message()
            if isinstance(message, Lost):
                raise SystemExit(f"a worker is gone: {message.reason}; run this again, it goes on from here")
            if isinstance(message, Trained):
                n_under_way, n_done = n_under_way - 1, n_done + 1
                history.save_record(message.task.fit, message.record)
                print(f"{n_done} of {len(fits)} fits", flush=True)
    history.close()
