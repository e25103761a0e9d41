"""Runs decode tasks in processes. A process that ends or takes too long costs one image, not the run."""

from __future__ import annotations

import json
import queue
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from convstudy.data.decoded.tasks import Done, Task
from convstudy.data.decoded.worker_process import WorkerProcess, idle_or_new, keep_idle
from convstudy.errors import DataError, Problem

TASKS_IN_ADVANCE = 2
"""The number of tasks that each process has, so that it never waits for the next one."""
POLL_SECONDS = 0.25
"""The number of seconds between two checks of the time limit."""
MAX_DEATHS_PER_IMAGE = 2
"""An image fails if this many processes ended while they decoded it."""
MAX_IDLE_DEATHS = 3
"""The run ends if this many processes in succession ended while they decoded no image."""


class Halted(Exception):
    """A process cannot write to the cache; the text is the reason of the operating system."""


class DecodeProcesses:
    """Decode processes; use it in a ``with`` statement, which ends them after an error or an interruption.

    Args:
        setup: the path of the setup file, see :class:`~convstudy.data.decoded.tasks.Setup`.
        n_workers: the number of processes.
        seconds_per_image: the time limit of one image.
    """

    def __init__(self, setup: Path, n_workers: int, seconds_per_image: float) -> None:
        self._setup, self._n_workers, self._seconds_per_image = setup, n_workers, seconds_per_image
        self._workers: list[WorkerProcess] = []
        self._lines: queue.SimpleQueue[tuple[WorkerProcess, str]] = queue.SimpleQueue()
        self._n_idle_deaths = 0

    def __enter__(self) -> DecodeProcesses:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and not any(worker.tasks for worker in self._workers):
            keep_idle(self._workers)
            return
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.end()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Done]]:
        """Yield each task with its result, in the order of completion. A task can be split.

        Raises:
            Halted: if a process cannot write to the cache.
            DataError: if processes cannot be started.
        """
        waiting, left = deque[Task](), iter(tasks)
        while True:
            self._assign(waiting, left)
            if not any(worker.tasks for worker in self._workers):
                return
            try:
                worker, line = self._lines.get(timeout=POLL_SECONDS)
            except queue.Empty:
                line = None
            for each in self._workers:
                each.check_time(self._seconds_per_image)
            if line:
                self._n_idle_deaths = 0
                values = json.loads(line)
                if "halted" in values:
                    raise Halted(values["halted"])
                yield worker.tasks.pop(0), Done.from_json(values)
            elif line is not None and worker in self._workers:
                self._workers.remove(worker)
                yield from self._after_death(worker, waiting)

    def _assign(self, waiting: deque[Task], left: Iterator[Task]) -> None:
        """Give each process enough tasks."""
        for n_tasks in range(1, TASKS_IN_ADVANCE + 1):
            for number in range(self._n_workers):
                if number < len(self._workers) and len(self._workers[number].tasks) >= n_tasks:
                    continue
                task = waiting.popleft() if waiting else next(left, None)
                if task is None:
                    return
                if number == len(self._workers):
                    self._workers.append(idle_or_new())
                    self._workers[number].set_up(self._setup, self._lines)
                self._workers[number].give(task)

    def _after_death(self, worker: WorkerProcess, waiting: deque[Task]) -> Iterator[tuple[Task, Done]]:
        """Put the tasks of a dead process back; yield the failure of an image that ended processes or was too slow."""
        position, _ = worker.read_mark()
        status = worker.end()
        task = next((task for task in worker.tasks if position in task.positions), None)
        if task is None:
            self._n_idle_deaths += 1
            if self._n_idle_deaths >= MAX_IDLE_DEATHS:
                what = f"decode processes cannot work: {_exit_text(status)}; its last line was: {worker.last_words}"
                raise DataError(Problem(what))
            waiting.extend(worker.tasks)
            return
        self._n_idle_deaths = 0
        waiting.extend(other for other in worker.tasks if other is not task)
        others = tuple(other for other in task.positions if other != position)
        culprit = replace(task, positions=(position,), n_deaths=task.n_deaths + 1)
        if others:
            # The one image has the last row of the task, so both parts have enough rows.
            waiting.append(replace(task, positions=others))
            culprit = replace(culprit, row=task.row + len(others), n_deaths=1)
        if worker.too_slow == position:
            yield culprit, _failure(culprit, f"decoding takes more than {self._seconds_per_image:g} seconds")
        elif culprit.n_deaths >= MAX_DEATHS_PER_IMAGE:
            yield culprit, _failure(culprit, _exit_text(status))
        else:
            waiting.append(culprit)


def _failure(task: Task, reason: str) -> Done:
    """Return the result of a task of one image that failed; another run tries it again."""
    return Done(task.number, digests=[""], failures={0: (reason, False)})


def _exit_text(status: int) -> str:
    """Return a clause that describes how a decode process ended."""
    if status == -9:
        return "the decode process was killed (signal 9), perhaps because the machine ran out of memory"
    return f"the decode process ended {f'by signal {-status}' if status < 0 else f'with status {status}'}"
