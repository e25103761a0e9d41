"""Executes tasks in the calling thread, one after another. Used for debugging and as the reference implementation."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from convstudy.run.tasks import Message, Task
from convstudy.store import Layout


class InlineExecutor:
    """Executes a task completely when its first message is requested.

    Args:
        layout: the runs folder.
        device: ``"cpu"`` or ``"cuda:N"``.
    """

    n_workers = 1

    def __init__(self, layout: Layout, device: str = "cpu") -> None:
        self._layout = layout
        self._device = device
        self._tasks: deque[Task] = deque()
        self._messages: deque[Message] = deque()

    def submit(self, task: Task) -> None:
        self._tasks.append(task)

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message. If there is none, execute the next task first; the timeout has no effect."""
        # This import loads torch, which takes seconds. With worker processes, this process does not need it.
        from convstudy.run.execute import execute

        if not self._messages:
            execute(self._tasks.popleft(), self._layout, self._messages.append, self._device)
        return self._messages.popleft()

    def cancel(self, task: Task) -> None:
        """Drop a task that has not started. Between two calls, no task is running."""
        self._tasks = deque(each for each in self._tasks if each != task)

    @property
    def waiting(self) -> tuple[Task, ...]:
        """All submitted tasks, because no task is running between two calls."""
        return tuple(self._tasks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.clear()
