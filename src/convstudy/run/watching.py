"""Watches an executor: reports tasks that send no message, and ends them after the fit timeout."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from convstudy.errors import Location, Problem, UsageError
from convstudy.numbers import shortest
from convstudy.run.events import Listener, NoMessage
from convstudy.run.executors import Executor
from convstudy.run.tasks import Advanced, Inspect, Lost, Message, Started, Task

FIRST_REPORT_SECONDS = 60.0
"""Seconds without a message after which a task is reported; the interval doubles after each report about a task."""


def checked_timeout(seconds: float | None) -> float | None:
    """Return the fit timeout; raise :class:`UsageError` if it is not positive and finite."""
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        what = "fit_timeout must be a number of seconds above 0, or None for no limit"
        raise UsageError(Problem(what, got=str(seconds)))
    return seconds


class Watched:
    """Passes tasks to an executor and returns its messages; a task that exceeds the timeout is ``Lost``.

    A fit sends a message at its start and after each epoch, so the timeout must exceed the longest epoch. An executor
    that executes tasks in the calling thread cannot be watched, because it returns only when it has a message.

    Args:
        executor: the executor of the tasks.
        listener: receives :class:`~convstudy.run.events.NoMessage` events.
        limit: a task is ended after this many seconds without a message; ``None`` for no limit.
        clock: returns seconds since any fixed time, as ``time.monotonic`` does.
    """

    def __init__(
        self,
        executor: Executor,
        listener: Listener,
        limit: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor, self._listener, self._limit, self._clock = executor, listener, limit, clock
        self._last_message: dict[Task, float] = {}  # running task -> the time of its last message
        # Running task -> seconds without a message until its next report.
        self._report_after: dict[Task, float] = {}
        self._waiting: tuple[Task, ...] = ()

    @property
    def n_workers(self) -> int:
        """The number of tasks that can be submitted at the same time.

        Raises:
            UsageError: if the executor has no positive number; a run would wait forever.
        """
        n_workers = self._executor.n_workers
        if type(n_workers) is not int or n_workers < 1:
            where = Location(key=("executor", "n_workers"))
            raise UsageError(Problem(where=where, got=repr(n_workers), expected="an integer >= 1"))
        return n_workers

    def submit(self, task: Task) -> None:
        """Submit a task; its timeout starts now."""
        self._last_message[task] = self._clock()
        self._report_after[task] = FIRST_REPORT_SECONDS
        self._executor.submit(task)

    def next_message(self) -> Message:
        """Return the next message of the executor, or a ``Lost`` message about a task that exceeded the timeout."""
        while True:
            timed_out = self._check_tasks()
            if timed_out is not None:
                return timed_out
            message = _checked(self._executor.next_message(self._seconds_until_due()))
            if message is None:
                continue
            if isinstance(message, Started | Advanced):
                self._last_message[message.task] = self._clock()
            else:
                self._forget(message.task)
            return message

    def _check_tasks(self) -> Lost | None:
        """Report tasks without a message for too long; end and return the first one that exceeds the timeout."""
        now = self._clock()
        # A task that waits to start cannot send a message, so its timeout starts again. A task that waited at the last
        # check may have started since then, so its timeout starts again too.
        waiting = self._executor.waiting
        for task in {*waiting, *self._waiting} & self._last_message.keys():
            self._last_message[task] = now
        self._waiting = waiting
        for task, last in self._last_message.items():
            elapsed = now - last
            if self._limit is not None and elapsed >= self._limit:
                self._executor.cancel(task)
                self._forget(task)
                return Lost(task, f"no message for {shortest(self._limit)} s (fit timeout)", timed_out=True)
            if elapsed >= self._report_after[task]:
                # Send one report even if several intervals have passed, for example while the computer was suspended.
                reached = self._report_after[task]
                while 2 * reached <= elapsed:
                    reached *= 2
                self._report_after[task] = 2 * reached
                self._listener(NoMessage(None if isinstance(task, Inspect) else task.fit, reached))
        return None

    def _seconds_until_due(self) -> float | None:
        """Return the seconds until the next report or timeout; ``None`` if no task is running."""
        limit = math.inf if self._limit is None else self._limit
        due = [last + min(self._report_after[task], limit) for task, last in self._last_message.items()]
        return max(0.0, min(due) - self._clock()) if due else None

    def _forget(self, task: Task) -> None:
        self._last_message.pop(task, None)
        self._report_after.pop(task, None)


def _checked(message: object) -> Message | None:
    """Return a message; raise :class:`UsageError` if the executor returned anything else."""
    if message is None or isinstance(message, Message):
        return message
    what = "an executor must return messages of convstudy.run.tasks"
    raise UsageError(Problem(what, Location(key=("executor",)), repr(message)))
