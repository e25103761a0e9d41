"""Tasks done in this very process, one after another: for debugging, for tests, and as the slow twin of the others."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Self

from convstudy.run.tasks import Message, Task
from convstudy.store import Layout


class InlineExecutor:
    """Does a task when its first message is asked for."""

    n_workers = 1

    def __init__(self, layout: Layout, device: str = "cpu") -> None:
        self._layout = layout
        self._device = device
        self._tasks: deque[Task] = deque()
        self._messages: deque[Message] = deque()

    def submit(self, task: Task) -> None:
        """Take a task."""
        self._tasks.append(task)

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message, doing the next task if there is none, however long that takes."""
        # It loads torch, which only this executor needs in this process.
        from convstudy.run.execute import execute

        if not self._messages:
            execute(self._tasks.popleft(), self._layout, self._messages.append, self._device)
        return self._messages.popleft()

    def cancel(self, task: Task) -> None:
        """Drop a task that was not begun; between two calls none is under way."""
        self._tasks = deque(each for each in self._tasks if each != task)

    @property
    def waiting(self) -> tuple[Task, ...]:
        """All tasks: none is under way between two calls."""
        return tuple(self._tasks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tasks.clear()
