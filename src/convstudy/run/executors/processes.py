"""Tasks done in worker processes of this machine.

A worker is ``python -m convstudy.run.worker``; tasks go in and messages come out as lines of JSON, so that nothing is
pickled, and whatever else a worker prints goes to the log of the runs folder.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from convstudy.errors import Location, Problem, StoreError
from convstudy.regular_file import append_regular
from convstudy.run.tasks import (
    Halted,
    Inspected,
    Lost,
    Message,
    Task,
    Tested,
    Trained,
    message_from_json,
    task_as_json,
)
from convstudy.store import Layout


def keep_blocks(library: str, version: str) -> dict[str, str]:
    """Return the environment in which this C library keeps big blocks of memory for the next step of a training.

    glibc gives them back to the system after each step and fetches them anew at the next; up to these thresholds it
    keeps them. Before version 2.35 it takes no more than 32 MiB for the first, and then, with the second one set, maps
    every big block anew; with 32 MiB a batch of training is kept, a larger one of evaluation is not. Other C libraries
    do not look at these variables.
    """
    numbers = [int(number) for number in version.split(".") if number.isdigit()]
    largest = 1 << 30 if library == "glibc" and numbers >= [2, 35] else 1 << 25
    return {"MALLOC_MMAP_THRESHOLD_": str(largest), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}


# A value that is set already stays, so that MALLOC_MMAP_THRESHOLD_=131072 switches it off.
KEEP_BLOCKS = keep_blocks(*platform.libc_ver())

# What a library prints must not end a fit because the locale's encoding cannot hold it.
LOG_ENCODING = {"PYTHONIOENCODING": "utf-8:backslashreplace"}


@dataclass
class _Worker:
    """A worker process, the thread that passes its lines on, and the task that it has in hand.

    Nothing here asks ``Popen.poll``, and nothing but :meth:`end` waits: a Ctrl-C inside a poll leaves Popen's lock
    taken, so that a later ``wait`` never returns.
    """

    process: subprocess.Popen[str]
    listener: threading.Thread | None = None
    task: Task | None = None
    cancelled: bool = False
    silent: bool = False  # its output has ended, and so has the process, or it will at once

    @property
    def idle(self) -> bool:
        """Whether it lives and has no task."""
        return self.task is None and not self.cancelled and not self.silent

    def kill(self) -> None:
        """End the process at once; before :meth:`end` its id cannot be another's."""
        if os.name == "nt":
            self.process.kill()
        elif self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait until the process has ended, let go of its pipes, and return how it ended."""
        status = self.process.wait()
        if self.listener is not None:
            self.listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            # What it had not read any more cannot be handed over: the pipe breaks, and is closed all the same.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return status


class ProcessExecutor:
    """Keeps up to ``n_workers`` worker processes; one that dies loses its task, and another takes its place."""

    def __init__(self, layout: Layout, n_workers: int, threads: int) -> None:
        self.n_workers = n_workers
        self._layout = layout
        self._threads = threads
        self._workers: list[_Worker] = []
        self._lines: queue.SimpleQueue[tuple[_Worker, str]] = queue.SimpleQueue()
        self._log: IO[bytes] | None = None

    def submit(self, task: Task) -> None:
        """Hand a task to a living worker that has none."""
        worker = next((worker for worker in self._workers if worker.idle), None) or self._start()
        worker.task = task
        assert worker.process.stdin is not None  # it was opened as a pipe
        # If it dies at this very moment, its last line, the empty one, says so.
        with contextlib.suppress(OSError):
            print(json.dumps(task_as_json(task)), file=worker.process.stdin, flush=True)

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message of any worker that has a task; ``None`` where none comes for ``timeout`` seconds."""
        while True:
            try:
                worker, line = self._lines.get(timeout=timeout)
            except queue.Empty:
                return None
            task = worker.task
            if not line:
                self._workers.remove(worker)
                status = worker.end()
                if task is not None:
                    return Lost(task, _death(status))
            elif task is not None:
                message = message_from_json(task, json.loads(line))
                if isinstance(message, Trained | Tested | Inspected | Halted):
                    worker.task = None
                return message

    def cancel(self, task: Task) -> None:
        """Kill the worker that has this task."""
        for worker in self._workers:
            if worker.task == task:
                worker.task, worker.cancelled = None, True
                worker.kill()

    @property
    def waiting(self) -> tuple[Task, ...]:
        """None: each task has a worker."""
        return ()

    def __enter__(self) -> Self:
        try:
            self._log = append_regular(self._layout.log)
        except OSError as error:
            what, hint = "this file cannot be written", "make room or restore access"
            where = Location(str(self._layout.log))
            raise StoreError(Problem(what, where=where, got=error.strerror or "", hint=hint)) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        if self._log is not None:
            self._log.close()

    def _start(self) -> _Worker:
        """Start a worker process, and a thread that passes its lines on."""
        try:
            process = self._process()
        except OSError as error:  # too many processes or open files, too little memory
            what, hint = "a worker process cannot be started", "fewer --workers, or end other programs"
            raise StoreError(Problem(what, got=error.strerror or str(error), hint=hint)) from None
        worker = _Worker(process)
        self._workers.append(worker)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()
        return worker

    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            # -P: a file called queue.py in the folder that somebody works in must not become the library's.
            [sys.executable, "-P", "-m", "convstudy.run.worker", str(self._layout.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env={**KEEP_BLOCKS, "OMP_NUM_THREADS": str(self._threads), **os.environ, **LOG_ENCODING},
            # Ctrl-C goes to the whole foreground group of a terminal; workers are stopped by their executor instead.
            start_new_session=True,
        )

    def _listen(self, worker: _Worker) -> None:
        """Pass a worker's lines on; an empty one says that it has ended."""
        assert worker.process.stdout is not None  # it was opened as a pipe
        try:
            for line in worker.process.stdout:
                # A line without an end was cut off when the worker was killed.
                if line.endswith("\n"):
                    self._lines.put((worker, line))
        finally:
            worker.silent = True
            self._lines.put((worker, ""))


def _death(status: int) -> str:
    """Return in words how a process ended."""
    if status == -9:
        return "the worker process was killed (signal 9), perhaps because the machine ran out of memory"
    return f"the worker process ended {f'by signal {-status}' if status < 0 else f'with status {status}'}"
