"""Executes tasks in worker processes of this machine.

A worker is ``python -m convstudy.run.worker``. Tasks and messages are lines of JSON in its pipes, so nothing is
pickled. Everything else that a worker prints goes to ``workers.log`` in the runs folder.
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

from convstudy.cores import n_cores
from convstudy.errors import Location, Problem, StoreError
from convstudy.regular_file import append_regular
from convstudy.run.tasks import (
    Halted,
    Inspected,
    Lost,
    Message,
    Task,
    Tested,
    Train,
    Trained,
    message_from_json,
    task_as_json,
)
from convstudy.store import Layout


def keep_blocks(library: str, version: str) -> dict[str, str]:
    """Return environment variables with which glibc keeps large memory blocks between training steps.

    By default, glibc returns large blocks to the system after each step and maps them again in the next step. It keeps
    blocks below these thresholds. glibc before 2.35 rejects a mmap threshold above 32 MiB; if the trim threshold is set
    too, it then maps every large block again. 32 MiB are enough for a training batch, but not for a larger evaluation
    batch. Other C libraries ignore these variables.

    Args:
        library: the name of the C library, as ``platform.libc_ver()`` returns it.
        version: its version, such as ``"2.35"``.
    """
    numbers = [int(number) for number in version.split(".") if number.isdigit()]
    largest = 1 << 30 if library == "glibc" and numbers >= [2, 35] else 1 << 25
    return {"MALLOC_MMAP_THRESHOLD_": str(largest), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}


# A variable of the user's environment takes precedence; MALLOC_MMAP_THRESHOLD_=131072 restores glibc's default.
KEEP_BLOCKS = keep_blocks(*platform.libc_ver())

# Without this variable, a fit would fail if a library prints a character outside the locale's encoding.
LOG_ENCODING = {"PYTHONIOENCODING": "utf-8:backslashreplace"}


@dataclass
class _Worker:
    """A worker process, the thread that reads its messages, and its current task.

    This class never calls ``Popen.poll``, and only :meth:`end` waits: a Ctrl-C inside ``poll`` leaves the lock of Popen
    locked, so that a later ``wait`` never returns.
    """

    process: subprocess.Popen[str]
    listener: threading.Thread | None = None
    task: Task | None = None
    cancelled: bool = False
    closed: bool = False  # whether its output has ended: then the process has ended or is about to end

    @property
    def idle(self) -> bool:
        """Whether the process runs and has no task."""
        return self.task is None and not self.cancelled and not self.closed

    def kill(self) -> None:
        # Popen.kill would call poll. The process id cannot be reused before end() has waited for the process.
        if os.name == "nt":
            self.process.kill()
        elif self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait until the process has ended, close its pipes, and return its exit status."""
        status = self.process.wait()
        if self.listener is not None:
            self.listener.join()
        for pipe in (self.process.stdin, self.process.stdout):
            # Closing flushes the pipe. Flushing fails if the process ended before it had read everything.
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return status


class ProcessExecutor:
    """Executes tasks in up to ``n_workers`` worker processes. A dead worker is replaced, and its task is ``Lost``.

    While trainings with more threads than ``threads`` run, there are fewer workers: threads that wait for a core can
    take several times as long (docs/performance.md).

    Args:
        layout: the runs folder.
        n_workers: the number of worker processes.
        threads: the number of threads of each worker.
    """

    def __init__(self, layout: Layout, n_workers: int, threads: int) -> None:
        self._n_workers = n_workers
        self._most_threads = max(n_workers * threads, n_cores())
        self._layout = layout
        self._threads = threads
        self._workers: list[_Worker] = []
        self._lines: queue.SimpleQueue[tuple[_Worker, str]] = queue.SimpleQueue()
        self._log: IO[bytes] | None = None

    @property
    def n_workers(self) -> int:
        """The number of tasks that may run at the same time, which depends on the threads of the running trainings."""
        running = [worker.task.fit.threads for worker in self._workers if isinstance(worker.task, Train)]
        n_more = (self._most_threads - sum(running)) // max(running, default=1)
        return min(self._n_workers, max(1, len(running) + n_more))

    def submit(self, task: Task) -> None:
        """Send a task to an idle worker; start a worker if none is idle."""
        worker = next((worker for worker in self._workers if worker.idle), None) or self._start()
        worker.task = task
        assert worker.process.stdin is not None  # it was opened as a pipe
        # If the worker dies now, next_message gets the empty line after its output and returns Lost.
        with contextlib.suppress(OSError):
            print(json.dumps(task_as_json(task)), file=worker.process.stdin, flush=True)

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message about any task; ``None`` if there is none within ``timeout`` seconds."""
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
                    return Lost(task, _exit_text(status))
            elif task is not None:
                message = message_from_json(task, json.loads(line))
                if isinstance(message, Trained | Tested | Inspected | Halted):
                    worker.task = None
                return message

    def cancel(self, task: Task) -> None:
        """Kill the worker of a task."""
        for worker in self._workers:
            if worker.task == task:
                worker.task, worker.cancelled = None, True
                worker.kill()

    @property
    def waiting(self) -> tuple[Task, ...]:
        """Always empty, because each submitted task has a worker."""
        return ()

    def __enter__(self) -> Self:
        try:
            self._log = append_regular(self._layout.log)
        except OSError as error:
            what, hint = f"this file cannot be written: {error.strerror}", "free disk space or restore access"
            raise StoreError(Problem(what, where=Location(str(self._layout.log)), hint=hint)) from None
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
        """Start a worker process, and a thread that reads its messages."""
        try:
            process = self._process()
        except OSError as error:  # too many processes or open files, too little memory
            what = f"a worker process cannot be started: {error.strerror or error}"
            raise StoreError(Problem(what, hint="use fewer --workers, or end other programs")) from None
        worker = _Worker(process)
        self._workers.append(worker)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()
        return worker

    def _process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            # Without -P, a file queue.py in the working directory would replace the module of the standard library.
            [sys.executable, "-P", "-m", "convstudy.run.worker", str(self._layout.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env={**KEEP_BLOCKS, "OMP_NUM_THREADS": str(self._threads), **os.environ, **LOG_ENCODING},
            # A terminal sends Ctrl-C to all processes of a session; only the executor must stop the workers.
            start_new_session=True,
        )

    def _listen(self, worker: _Worker) -> None:
        """Queue the lines of a worker, and finally an empty line."""
        assert worker.process.stdout is not None  # it was opened as a pipe
        try:
            for line in worker.process.stdout:
                # A line without a newline is incomplete, because the worker was killed.
                if line.endswith("\n"):
                    self._lines.put((worker, line))
        finally:
            worker.closed = True
            self._lines.put((worker, ""))


def _exit_text(status: int) -> str:
    """Return a clause that describes the exit status of a worker."""
    if status == -9:
        return "the worker process was killed (signal 9), perhaps because the machine ran out of memory"
    return f"the worker process ended {f'by signal {-status}' if status < 0 else f'with status {status}'}"
