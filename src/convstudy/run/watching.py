"""An executor whose silent tasks are reported, and after a limit ended: a task that hangs sends no message."""

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
"""A silence this long is reported; the next report of the same task follows when a silence is twice as long."""


def checked_timeout(seconds: float | None) -> float | None:
    """Return a limit; raise :class:`UsageError` where it is no positive number of seconds."""
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        what = "fit_timeout must be a number of seconds above 0"
        raise UsageError(Problem(what, got=str(seconds), expected="seconds, or None for no limit"))
    return seconds


class Watched:
    """Passes tasks to an executor and its messages back; a task that is ended for its silence is ``Lost``.

    A fit sends a message when it starts and after each epoch, so that a long epoch is silent too. An executor that
    does its tasks in the calling thread cannot be watched: its silence is over when it returns.

    Args:
        executor: where the tasks are done.
        listener: gets :class:`~convstudy.run.events.NoMessage` events.
        limit: after how many seconds without a message a task is ended; ``None`` for never.
        clock: seconds since any moment; a test brings its own.
    """

    def __init__(
        self,
        executor: Executor,
        listener: Listener,
        limit: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._executor, self._listener, self._limit, self._clock = executor, listener, limit, clock
        self._heard: dict[Task, float] = {}  # when each task under way sent its last message
        self._due: dict[Task, float] = {}  # after how many seconds of silence it is reported next
        self._waiting: tuple[Task, ...] = ()

    @property
    def n_workers(self) -> int:
        """The number of tasks that may be under way now.

        Raises:
            UsageError: where the executor has none, so that a run would wait for ever.
        """
        n_workers = self._executor.n_workers
        if type(n_workers) is not int or n_workers < 1:
            what = "an executor must have n_workers, a whole number of 1 or more"
            raise UsageError(Problem(what, Location(key=("executor",)), repr(n_workers)))
        return n_workers

    def submit(self, task: Task) -> None:
        """Pass a task on; its silence begins here."""
        self._heard[task] = self._clock()
        self._due[task] = FIRST_REPORT_SECONDS
        self._executor.submit(task)

    def next_message(self) -> Message:
        """Return the next message, or that a task was ended for its silence."""
        while True:
            hung = self._look()
            if hung is not None:
                return hung
            message = _checked(self._executor.next_message(self._patience()))
            if message is None:
                continue
            if isinstance(message, Started | Advanced):
                self._heard[message.task] = self._clock()
            else:
                self._forget(message.task)
            return message

    def _look(self) -> Lost | None:
        """Report the tasks whose silence is due; end one that has been silent too long."""
        now = self._clock()
        # A task that waits for room on its device has nothing to say, and neither has one that has just got it.
        waiting = self._executor.waiting
        for task in {*waiting, *self._waiting} & self._heard.keys():
            self._heard[task] = now
        self._waiting = waiting
        for task, heard in self._heard.items():
            silent = now - heard
            if self._limit is not None and silent >= self._limit:
                self._executor.cancel(task)
                self._forget(task)
                return Lost(
                    task, f"it sent no message for {shortest(self._limit)} s (fit timeout)", timed_out=True
                )
            if silent >= self._due[task]:
                reached = self._due[task]
                while 2 * reached <= silent:
                    reached *= 2
                self._due[task] = 2 * reached
                self._listener(NoMessage(None if isinstance(task, Inspect) else task.fit, reached))
        return None

    def _patience(self) -> float | None:
        """Return for how many seconds nothing is due; ``None`` where no task is under way."""
        ends = [
            heard + min(self._due[task], math.inf if self._limit is None else self._limit)
            for task, heard in self._heard.items()
        ]
        return max(0.0, min(ends) - self._clock()) if ends else None

    def _forget(self, task: Task) -> None:
        self._heard.pop(task, None)
        self._due.pop(task, None)


def _checked(message: object) -> Message | None:
    """Return a message; raise :class:`UsageError` where an executor sends something else."""
    if message is None or isinstance(message, Message):
        return message
    what = "an executor must send messages of convstudy.run.tasks"
    raise UsageError(Problem(what, Location(key=("executor",)), repr(message)))
