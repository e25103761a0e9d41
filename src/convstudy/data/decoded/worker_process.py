"""One decode process: its start, its pipes, its end; and the processes that wait for the next run.

A process takes longer to start than to decode a hundred images, and a study reads headers and decodes in succession.
So a process stays for a few seconds after a run.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from convstudy.data.decoded.tasks import MARK, Task
from convstudy.errors import DataError, Problem

WORKER = "convstudy.data.decoded.worker"
"""The module of the worker; a test replaces it."""
IDLE_SECONDS = 5.0
"""The number of seconds that a process waits for the next run."""

# One thread per process: the processes use all cores.
_ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ENVIRONMENT["PYTHONIOENCODING"] = "utf-8:backslashreplace"


class WorkerProcess:
    """A decode process, the thread that reads its results, its tasks (the first is in progress), and its mark.

    Attributes:
        lines: where the thread puts each line of results, and finally an empty line.
        tasks: the tasks without a result.
        too_slow: the position of an image that exceeded the time limit.
        last_words: the last line that the process printed on its standard error, after its end.

    Raises:
        DataError: if the process cannot be started.
    """

    def __init__(self) -> None:
        self.module = WORKER
        self.lines: queue.SimpleQueue[tuple[WorkerProcess, str]] = queue.SimpleQueue()
        self.tasks: list[Task] = []
        self.too_slow: int | None = None
        self.last_words = ""
        self._last_mark, self._marked_at = (-1, 0), time.monotonic()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        # Without a buffer, which would keep an old mark.
        self._mark: IO[bytes] = tempfile.NamedTemporaryFile(prefix="convstudy-mark-", buffering=0)  # noqa: SIM115
        try:
            self._process = subprocess.Popen(
                # Without -P, a file queue.py in the working directory would replace the standard library's module.
                [sys.executable, "-P", "-m", self.module, self._mark.name],
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
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def set_up(self, setup: Path, lines: queue.SimpleQueue[tuple[WorkerProcess, str]]) -> None:
        """Begin a run: the process reads its setup, and its results go to ``lines``."""
        self.lines = lines
        if not self._listener.is_alive():  # the process was killed while it waited
            lines.put((self, ""))
        self._send(json.dumps({"setup": str(setup)}) + "\n")

    def give(self, task: Task) -> None:
        """Give the process one more task."""
        if not self.tasks:
            self._marked_at = time.monotonic()
        self.tasks.append(task)
        self._send(task.as_line())

    def _send(self, line: str) -> None:
        assert self._process.stdin is not None  # it was opened as a pipe
        # If the process ends now, the empty line after its last result is handled.
        with contextlib.suppress(OSError):
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def read_mark(self) -> tuple[int, int]:
        """Return the position of the image in progress, or -1, and a counter."""
        try:
            self._mark.seek(0)
            position, counter = MARK.unpack(self._mark.read(MARK.size))
        except (OSError, struct.error):  # the process has not written it yet
            return -1, 0
        return position, counter

    def check_time(self, seconds_per_image: float) -> None:
        """Kill the process if its image takes too long."""
        mark, now = self.read_mark(), time.monotonic()
        if mark != self._last_mark:
            self._last_mark, self._marked_at = mark, now
        elif self.tasks and mark[0] >= 0 and now - self._marked_at > seconds_per_image:
            self.too_slow = mark[0]
            self.kill()

    def kill(self) -> None:
        # Popen.kill calls poll(), and Ctrl-C inside poll() leaves a lock of Popen locked.
        if os.name == "nt":
            self._process.kill()
        elif self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def end(self) -> int:
        """Wait until the process has ended, close its pipes, and return its exit status."""
        status = self._process.wait()
        self._listener.join()
        self.last_words = self._last_words()
        for pipe in (self._process.stdin, self._process.stdout, self._mark, self._log):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        return status

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").splitlines()
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "nothing")

    def _listen(self) -> None:
        """Queue the lines of the process, and finally an empty line."""
        assert self._process.stdout is not None  # it was opened as a pipe
        try:
            for line in self._process.stdout:
                # A line without a newline is incomplete, because the process was killed.
                if line.endswith("\n"):
                    self.lines.put((self, line))
        finally:
            self.lines.put((self, ""))


_IDLE: list[WorkerProcess] = []
_LOCK = threading.Lock()


def idle_or_new() -> WorkerProcess:
    """Return a process that waits, or start one.

    Raises:
        DataError: if a process cannot be started.
    """
    with _LOCK:
        for worker in _IDLE:
            if worker.module == WORKER:
                _IDLE.remove(worker)
                return worker
    return WorkerProcess()


def keep_idle(workers: list[WorkerProcess]) -> None:
    """Keep processes without tasks for :data:`IDLE_SECONDS`."""
    with _LOCK:
        _IDLE.extend(workers)
    timer = threading.Timer(IDLE_SECONDS, end_processes, (workers,))
    timer.daemon = True
    timer.start()


def end_processes(workers: list[WorkerProcess] | None = None) -> None:
    """End those of these processes that wait; all that wait if ``None``."""
    with _LOCK:
        ended = [worker for worker in _IDLE if workers is None or worker in workers]
        for worker in ended:
            _IDLE.remove(worker)
    for worker in ended:
        worker.kill()
    for worker in ended:
        worker.end()


atexit.register(end_processes)
