"""Tasks done in threads of this process, several at once on one device.

A small fit leaves most of a device idle, and only streams of one process run beside each other there. When the
device's memory is too small for as many, half as many go on: what ran out of memory is tried again, alone in the end.
What fails alone too was to blame itself, and as many as before go on.
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

N_AT_ONCE = 6


class _Stopped(BaseException):
    """Ends a task before its next step; no error of the task, so nothing on the way may take it for one."""


class GpuExecutor:
    """Has up to ``n_workers`` threads do tasks; a thread keeps its stream for one task after another."""

    def __init__(self, layout: Layout, device: str, n_at_once: int = N_AT_ONCE) -> None:
        self.n_workers = n_at_once
        self._layout = layout
        self._device = device
        self._waiting: deque[Task] = deque()
        # Each task under way with how many have been under way at once since it was begun, itself among them.
        self._under_way: dict[Task, int] = {}
        # How many might be under way when a task was first begun.
        self._n_allowed: dict[Task, int] = {}
        self._told: set[Task] = set()
        self._cancelled: set[Task] = set()
        self._threads: list[threading.Thread] = []
        self._doing: dict[threading.Thread, Task] = {}
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stopping = threading.Event()

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._waiting.append(task)
        self._begin_tasks()

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message of any task under way; ``None`` where none comes for ``timeout`` seconds."""
        while True:
            try:
                message = self._messages.get(timeout=timeout)
            except queue.Empty:
                return None
            task = message.task
            if task in self._cancelled:
                continue
            if isinstance(message, Started):
                if task in self._told:
                    continue  # it is tried again, which is nobody's business
                self._told.add(task)
            elif not isinstance(message, Advanced):
                n_at_once, failed = self._under_way.pop(task), _ran_out_of_memory(message)
                again = failed and n_at_once > 1
                if failed and not again:
                    # It was this task that the memory was too small for, not the number.
                    self.n_workers = max(self.n_workers, self._n_allowed[task])
                if again:
                    # All that were under way at once may run out of memory: that halves their number once.
                    self.n_workers = min(self.n_workers, n_at_once // 2)
                    self._waiting.appendleft(task)
                self._begin_tasks()
                if again:
                    continue
                self._told.discard(task)
                del self._n_allowed[task]
            return message

    def cancel(self, task: Task) -> None:
        """Leave a task's thread: it ends before its next step, and never where it hangs in a call of the device."""
        if task in self._waiting:
            self._waiting.remove(task)
        elif self._under_way.pop(task, None) is not None:
            self._cancelled.add(task)
            self._threads = [thread for thread in self._threads if self._doing.get(thread) != task]
        self._told.discard(task)
        self._n_allowed.pop(task, None)
        self._begin_tasks()

    @property
    def waiting(self) -> tuple[Task, ...]:
        """The tasks that have no room on the device now."""
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
            # Looking images over takes its time and is asked nothing meanwhile, but has no part in the device, and
            # nothing waits for it: it ends by itself.
            if not isinstance(self._doing.get(thread), Inspect):
                thread.join()
        self._threads.clear()

    def _begin_tasks(self) -> None:
        """Hand out tasks that wait, while there is room for them."""
        while self._waiting and len(self._under_way) < self.n_workers:
            task = self._waiting.popleft()
            n_at_once = len(self._under_way) + 1
            self._under_way = {each: max(n_at_once, most) for each, most in self._under_way.items()}
            self._under_way[task] = n_at_once
            self._n_allowed.setdefault(task, self.n_workers)
            if len(self._threads) < len(self._under_way):
                self._threads.append(threading.Thread(target=self._work, daemon=True))
                self._threads[-1].start()
            self._tasks.put(task)

    def _work(self) -> None:
        """Do tasks until there are no more."""
        while (task := self._tasks.get()) is not None:
            self._doing[threading.current_thread()] = task
            try:
                # It loads torch, which this process needs only now; where that fails, the task is lost, not the thread.
                from convstudy.run.execute import execute

                execute(task, self._layout, self._tell, self._device, self._go_on)
            except _Stopped:
                if self._stopping.is_set() or threading.current_thread() not in self._threads:
                    return
            except BaseException as error:  # perform tells of what a task may meet with; this is worse
                self._messages.put(Lost(task, f"its thread ended with {type(error).__name__}: {error}"))

    def _go_on(self) -> None:
        """End the task of this thread if it or all are to end."""
        if self._stopping.is_set() or self._doing.get(threading.current_thread()) in self._cancelled:
            raise _Stopped

    def _tell(self, message: WorkerMessage) -> None:
        """Pass a message on, or end the task that it is from."""
        self._go_on()
        self._messages.put(message)


def _ran_out_of_memory(message: Message) -> bool:
    """Send whether a task ended for lack of memory."""
    match message:
        case Trained():
            return message.record.error_kind == OutOfMemory.kind
        case Tested():
            return message.error_kind == OutOfMemory.kind
    return False
