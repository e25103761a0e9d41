"""Runs decode tasks in worker processes. A process that ends or takes too long costs one image, not the run."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from convstudy.data.decoded.folders import remove_quietly
from convstudy.data.decoded.tasks import MARK, Done, Task
from convstudy.errors import DataError, Problem

WORKER = "convstudy.data.decoded.worker"
"""The module of the worker; a test replaces it."""
TASKS_IN_ADVANCE = 2
"""The number of tasks that each process has, so that it never waits for the next one."""
POLL_SECONDS = 0.25
"""The number of seconds between two looks at the time limit."""
MAX_DEATHS_PER_IMAGE = 2
"""An image fails if this many processes ended while they decoded it."""
MAX_IDLE_DEATHS = 3
"""The run ends if this many processes in succession ended while they decoded no image."""

# One thread per process: the processes use all cores.
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ENVIRONMENT["PYTHONIOENCODING"] = "utf-8:backslashreplace"


class Halted(Exception):
    """A process cannot write to the cache; the text is the reason of the operating system."""


@dataclass(eq=False)
class _Worker:
    """A process, the thread that reads its results, its tasks (the first is in progress), and its mark."""

    process: subprocess.Popen[str]
    mark: Path
    listener: threading.Thread | None = None
    tasks: list[Task] = field(default_factory=list)
    last_mark: tuple[int, int] = (-1, 0)
    marked_at: float = 0.0
    too_slow: int | None = None  # the position of the image that exceeded the time limit

    def kill(self) -> None:
        # Popen.kill calls poll(), and Ctrl-C inside poll() leaves a lock of Popen locked.
        if os.name == "nt":
            self.process.kill()
        elif self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait until the process has ended, close its pipes, and return its exit status."""
        status = self.process.wait()
        if self.listener is not None:
            self.listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return status

    def read_mark(self) -> tuple[int, int]:
        """Return the position of the image in progress, or -1, and a counter."""
        try:
            position, counter = MARK.unpack(self.mark.read_bytes())
        except (OSError, struct.error):  # the process has not written it yet
            return -1, 0
        return position, counter


class DecodeProcesses:
    """Decode processes; use it in a ``with`` statement, which ends them in every case.

    Args:
        setup: the path of the setup file, see :class:`~convstudy.data.decoded.tasks.Setup`.
        folder: the folder of mark files and of the log.
        n_workers: the number of processes.
        seconds_per_image: the time limit of one image.
    """

    def __init__(self, setup: Path, folder: Path, n_workers: int, seconds_per_image: float) -> None:
        self._setup, self._folder, self._n_workers = setup, folder, n_workers
        self._seconds_per_image = seconds_per_image
        self._workers: list[_Worker] = []
        self._lines: queue.SimpleQueue[tuple[_Worker, str]] = queue.SimpleQueue()
        self._n_started = self._n_idle_deaths = 0
        self._log: IO[bytes] | None = None

    def __enter__(self) -> DecodeProcesses:
        self._log = (self._folder / "workers.log").open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.end()
            remove_quietly(worker.mark)
        self._workers.clear()
        if self._log is not None:
            self._log.close()

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
                self._check_times()
                continue
            self._check_times()
            if line:
                self._n_idle_deaths = 0
                values = json.loads(line)
                if "halted" in values:
                    raise Halted(values["halted"])
                yield worker.tasks.pop(0), Done.from_json(values)
            else:
                self._workers.remove(worker)
                status, (position, _) = worker.end(), worker.read_mark()
                remove_quietly(worker.mark)
                yield from self._after_death(worker, position, status, waiting)

    def _assign(self, waiting: deque[Task], left: Iterator[Task]) -> None:
        """Send tasks until each process has enough."""
        for n_tasks in range(1, TASKS_IN_ADVANCE + 1):
            for number in range(self._n_workers):
                if number < len(self._workers) and len(self._workers[number].tasks) >= n_tasks:
                    continue
                task = waiting.popleft() if waiting else next(left, None)
                if task is None:
                    return
                if number == len(self._workers):
                    self._workers.append(self._started())
                worker = self._workers[number]
                if not worker.tasks:
                    worker.marked_at = time.monotonic()
                worker.tasks.append(task)
                assert worker.process.stdin is not None  # it was opened as a pipe
                # If the process ends now, its empty line after the last result is handled.
                with contextlib.suppress(OSError):
                    worker.process.stdin.write(task.as_line())
                    worker.process.stdin.flush()

    def _check_times(self) -> None:
        """Kill each process whose image takes too long."""
        now = time.monotonic()
        for worker in self._workers:
            mark = worker.read_mark()
            if mark != worker.last_mark:
                worker.last_mark, worker.marked_at = mark, now
            elif worker.tasks and mark[0] >= 0 and now - worker.marked_at > self._seconds_per_image:
                worker.too_slow = mark[0]
                worker.kill()

    def _after_death(
        self, worker: _Worker, position: int, status: int, waiting: deque[Task]
    ) -> Iterator[tuple[Task, Done]]:
        """Put the tasks of a dead process back; yield the failure of an image that ended processes or was too slow."""
        task = next((task for task in worker.tasks if position in task.positions), None)
        if task is None:
            self._n_idle_deaths += 1
            if self._n_idle_deaths >= MAX_IDLE_DEATHS:
                raise self._cannot_start(status)
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

    def _started(self) -> _Worker:
        """Start a process, and a thread that reads its results."""
        self._n_started += 1
        mark = self._folder / f"mark-{self._n_started}"
        with contextlib.suppress(OSError):
            mark.unlink()  # of a killed driver
        try:
            process = subprocess.Popen(
                # Without -P, a file queue.py in the working directory would replace the standard library's module.
                [sys.executable, "-P", "-m", WORKER, str(self._setup), str(mark)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
                encoding="ascii",
                env={**os.environ, **_ENVIRONMENT},
                # A terminal sends Ctrl-C to all processes of a session; only the driver must end the workers.
                start_new_session=True,
            )
        except OSError as error:
            what = f"a decode process cannot be started: {error.strerror or error}"
            raise DataError(Problem(what, hint="end other programs")) from None
        worker = _Worker(process, mark, marked_at=time.monotonic())
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        """Queue the lines of a process, and finally an empty line."""
        assert worker.process.stdout is not None  # it was opened as a pipe
        try:
            for line in worker.process.stdout:
                # A line without a newline is incomplete, because the process was killed.
                if line.endswith("\n"):
                    self._lines.put((worker, line))
        finally:
            self._lines.put((worker, ""))

    def _cannot_start(self, status: int) -> DataError:
        log = (self._folder / "workers.log").read_text(encoding="utf-8", errors="replace")
        last = next(
            (line.strip() for line in reversed(log.splitlines()) if line.strip()), "it printed nothing"
        )
        what = f"decode processes cannot work: {_exit_text(status)}; its last line was: {last[:300]}"
        return DataError(Problem(what, hint="report this as a bug, with the file workers.log"))


def _failure(task: Task, reason: str) -> Done:
    """Return the result of a task of one image that failed; another run tries it again."""
    return Done(task.number, digests=[""], failures={0: (reason, False)})


def _exit_text(status: int) -> str:
    """Return a clause that describes how a decode process ended."""
    if status == -9:
        return "the decode process was killed (signal 9), perhaps because the machine ran out of memory"
    return f"the decode process ended {f'by signal {-status}' if status < 0 else f'with status {status}'}"
