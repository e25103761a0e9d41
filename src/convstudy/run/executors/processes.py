"""Tasks done in worker processes of this machine.

A worker is ``python -m convstudy.run.worker``; tasks go in and messages come out as lines of JSON, so that nothing is
pickled, and whatever else a worker prints goes to the log of the runs folder.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from convstudy.run.tasks import Lost, Message, Task, Tested, Trained, message_from_json, task_as_json
from convstudy.store import Layout

# glibc gives big blocks back to the system after each step and fetches them anew at the next; above these thresholds
# it keeps them. Other C libraries do not look at these variables, and a value that is set already stays.
KEEP_BLOCKS = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 32)}


@dataclass
class _Worker:
    """A worker process and the task that it has in hand."""

    process: subprocess.Popen[str]
    task: Task | None = None


class ProcessExecutor:
    """Keeps up to ``n_workers`` worker processes; a worker that dies loses its task, and another one takes its place."""

    def __init__(self, layout: Layout, n_workers: int, threads: int) -> None:
        self.n_workers = n_workers
        self._layout = layout
        self._threads = threads
        self._workers: list[_Worker] = []
        self._lines: queue.SimpleQueue[tuple[_Worker, str]] = queue.SimpleQueue()
        self._log: IO[str] | None = None

    def submit(self, task: Task) -> None:
        """Hand a task to a worker that has none."""
        worker = next((worker for worker in self._workers if worker.task is None), None) or self._start()
        worker.task = task
        assert worker.process.stdin is not None  # it was opened as a pipe
        try:
            print(json.dumps(task_as_json(task)), file=worker.process.stdin, flush=True)
        except OSError:
            pass  # it died while it waited; its last line, the empty one, says so

    def next_message(self) -> Message:
        """Return the next message of any worker that has a task."""
        while True:
            worker, line = self._lines.get()
            task = worker.task
            if line:
                if task is None:
                    continue
                message = message_from_json(task, json.loads(line))
                if isinstance(message, Trained | Tested):
                    worker.task = None
                return message
            self._workers.remove(worker)
            if task is not None:
                return Lost(task, _death(worker.process.wait()))

    def __enter__(self) -> Self:
        self._log = self._layout.log.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
        if self._log is not None:
            self._log.close()

    def _start(self) -> _Worker:
        """Start a worker process, and a thread that passes its lines on."""
        process = subprocess.Popen(
            [sys.executable, "-m", "convstudy.run.worker", str(self._layout.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env={**KEEP_BLOCKS, "OMP_NUM_THREADS": str(self._threads), **os.environ},
            # Ctrl-C goes to the whole foreground group of a terminal; workers are stopped by their executor instead.
            start_new_session=True,
        )
        worker = _Worker(process)
        self._workers.append(worker)
        threading.Thread(target=self._listen, args=(worker,), daemon=True).start()
        return worker

    def _listen(self, worker: _Worker) -> None:
        """Pass a worker's lines on; an empty one says that it has ended."""
        assert worker.process.stdout is not None  # it was opened as a pipe
        for line in worker.process.stdout:
            self._lines.put((worker, line))
        self._lines.put((worker, ""))


def _death(status: int) -> str:
    """Return in words how a process ended."""
    if status == -9:
        return "the worker process was killed (signal 9), perhaps because the machine ran out of memory"
    return f"the worker process ended {f'by signal {-status}' if status < 0 else f'with status {status}'}"
