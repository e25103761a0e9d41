"""Train a list of fits into a runs folder, without a study."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from convstudy.history import History
from convstudy.plan import Fit
from convstudy.run.executors import InlineExecutor, ProcessExecutor
from convstudy.run.tasks import Lost, Train, Trained


def train_fits(runs: Path, fits: Sequence[Fit], workers: int) -> None:
    """Train the fits that the runs folder does not have yet, in this order.

    Args:
        runs: the runs folder, which is created if it is missing.
        fits: the fits.
        workers: the number of processes, each with the threads of the first fit; 0 trains in this process.
    """
    history = History.open(runs, create=True)
    pending = deque(fit for fit in fits if fit.id not in history.records)
    n_done, n_running = len(fits) - len(pending), 0
    executor = (
        ProcessExecutor(history.layout, workers, fits[0].threads)
        if workers
        else InlineExecutor(history.layout)
    )
    with history.writing(), executor:
        # History.open refuses a folder with weights whose database has no run.
        history.store.save_run("filled", "filled", {}, "interrupted")
        while pending or n_running:
            while pending and n_running < executor.n_workers:
                executor.submit(Train(pending.popleft()))
                n_running += 1
            message = executor.next_message()
            if isinstance(message, Lost):
                raise SystemExit(f"A worker ended: {message.reason}. Run the command again; it resumes.")
            if isinstance(message, Trained) and isinstance(message.task, Train):
                n_running, n_done = n_running - 1, n_done + 1
                history.save_record(message.task.fit, message.record)
                print(f"{n_done} of {len(fits)} fits", flush=True)
    history.close()
