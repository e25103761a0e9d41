"""Executes tasks in threads of this process, several at once on one GPU.

A small fit leaves most of a GPU idle, and a GPU runs only streams of the same process concurrently. On out-of-memory,
the executor halves the concurrency and retries the failed tasks, finally one task alone. A task that fails alone is too
large for the GPU; then the earlier concurrency is restored.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from types import TracebackType
from typing import Self

from convstudy.errors import OutOfMemory
from convstudy.run.tasks import (
    Advanced,
    Inspect,
    Lost,
    Message,
    Started,
    Task,
    Tested,
    Trained,
    WorkerMessage,
)
from convstudy.store import Layout

# Speed in images per second relative to a single fit: 1.49 with 6 fits, 1.62 with 12, with nearly twice the memory
# (benchmarks/RESULTS.md).
DEFAULT_CONCURRENCY = 6


class _Stopped(BaseException):
    """Ends a task before its next step. An ``Exception`` would become the record of a failed fit."""


class GpuExecutor:
    """Executes up to ``n_workers`` tasks at once in threads. A thread uses one CUDA stream for all its tasks.

    Args:
        layout: the runs folder.
        device: ``"cuda:N"``; ``"cpu"`` works too, for tests.
        concurrency: the number of tasks at once; lower after an out-of-memory error.
    """

    def __init__(self, layout: Layout, device: str, concurrency: int = DEFAULT_CONCURRENCY) -> None:
        self.n_workers = concurrency
        self._layout = layout
        self._device = device
        self._waiting: deque[Task] = deque()
        # Running task -> the highest number of tasks that ran at once since it started, including itself.
        self._under_way: dict[Task, int] = {}
        # Task -> n_workers at its first start, restored if the task runs out of memory even when it runs alone.
        self._first_n_workers: dict[Task, int] = {}
        self._reported: set[Task] = set()  # tasks whose Started message was returned
        self._cancelled: set[Task] = set()
        self._threads: list[threading.Thread] = []
        self._task_of: dict[threading.Thread, Task] = {}
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stopping = threading.Event()

    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        self._start_tasks()

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message about any task; ``None`` if there is none within ``timeout`` seconds.

        Messages of an attempt that ran out of memory are not returned if the task is tried again.
        """
        while True:
            try:
                message = self._messages.get(timeout=timeout)
            except queue.Empty:
                return None
            task = message.task
            if task in self._cancelled:
                continue
            if isinstance(message, Started):
                if task in self._reported:
                    continue  # this is a retry, and the caller must get one Started message per task
                self._reported.add(task)
            elif not isinstance(message, Advanced):
                concurrency, failed = self._under_way.pop(task), _is_out_of_memory(message)
                retry = failed and concurrency > 1
                if failed and not retry:
                    # The task ran alone, so the concurrency was not the cause.
                    self.n_workers = max(self.n_workers, self._first_n_workers[task])
                if retry:
                    # Halve the concurrency of this task, not n_workers: several tasks that ran together can fail one
                    # after another, and must halve n_workers only once.
                    self.n_workers = min(self.n_workers, concurrency // 2)
                    self._waiting.appendleft(task)
                self._start_tasks()
                if retry:
                    continue
                self._reported.discard(task)
                del self._first_n_workers[task]
            return message

    def cancel(self, task: Task) -> None:
        """Ignore a task's thread from now on. It ends before its next step, or never if it hangs in a CUDA call."""
        if task in self._waiting:
            self._waiting.remove(task)
        elif self._under_way.pop(task, None) is not None:
            self._cancelled.add(task)
            self._threads = [thread for thread in self._threads if self._task_of.get(thread) != task]
        self._reported.discard(task)
        self._first_n_workers.pop(task, None)
        self._start_tasks()

    @property
    def waiting(self) -> tuple[Task, ...]:
        """The submitted tasks that have not started, because the concurrency was reduced."""
        return tuple(self._waiting)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._waiting.clear()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            # An inspection can take minutes and cannot be stopped. Do not wait for it: it does not use the GPU, and its
            # daemon thread ends with the process.
            if not isinstance(self._task_of.get(thread), Inspect):
                thread.join()
        self._threads.clear()

    def _start_tasks(self) -> None:
        """Start waiting tasks while fewer than ``n_workers`` are running."""
        while self._waiting and len(self._under_way) < self.n_workers:
            task = self._waiting.popleft()
            concurrency = len(self._under_way) + 1
            self._under_way = {each: max(concurrency, most) for each, most in self._under_way.items()}
            self._under_way[task] = concurrency
            self._first_n_workers.setdefault(task, self.n_workers)
            if len(self._threads) < len(self._under_way):
                self._threads.append(threading.Thread(target=self._work, daemon=True))
                self._threads[-1].start()
            self._tasks.put(task)

    def _work(self) -> None:
        """Execute tasks until the queue has a ``None``."""
        while (task := self._tasks.get()) is not None:
            self._task_of[threading.current_thread()] = task
            try:
                # This import loads torch. It is inside the try block so that a failed import does not end the thread.
                from convstudy.run.execute import execute

                execute(task, self._layout, self._send, self._device, self._check_stopped)
            except _Stopped:
                if self._stopping.is_set() or threading.current_thread() not in self._threads:
                    return
            except BaseException as error:
                # execute() reports the errors of a task; any other exception would end the thread.
                self._messages.put(Lost(task, f"its thread ended with {type(error).__name__}: {error}"))

    def _check_stopped(self) -> None:
        """Raise :class:`_Stopped` if this thread's task was cancelled or the executor stops."""
        if self._stopping.is_set() or self._task_of.get(threading.current_thread()) in self._cancelled:
            raise _Stopped

    def _send(self, message: WorkerMessage) -> None:
        self._check_stopped()
        self._messages.put(message)


def _is_out_of_memory(message: Message) -> bool:
    match message:
        case Trained():
            return message.record.error_kind == OutOfMemory.kind
        case Tested():
            return message.error_kind == OutOfMemory.kind
    return False
