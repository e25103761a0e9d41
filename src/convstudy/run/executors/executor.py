"""The seam between a study and the places where its tasks are done."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from convstudy.run.tasks import Message, Task


class Executor(Protocol):
    """Takes tasks and sends messages about them.

    :func:`convstudy.run.execute.execute` does a task wherever it is called and sends its messages; an executor decides
    where and when. Every task that was submitted and not cancelled ends in exactly one ``Trained``, ``Tested``,
    ``Inspected``, ``Halted`` or ``Lost`` message. Messages about one task arrive in the order in which they were sent.
    Leaving the ``with`` block stops all tasks; a training that was stopped resumes from its checkpoint in the next run.

    Attributes:
        n_workers: how many tasks can be under way at once, at least 1. It may change between two messages.
    """

    n_workers: int

    def submit(self, task: Task) -> None:
        """Take a task; it may only be called while fewer than ``n_workers`` are under way."""
        ...

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message of any task under way; ``None`` where there is none for ``timeout`` seconds.

        An executor that does its tasks in the calling thread returns when it has a message, whatever the timeout.
        """
        ...

    def cancel(self, task: Task) -> None:
        """End a task that sends no message; no message of it follows. Its worker is killed, or left where it hangs."""
        ...

    @property
    def waiting(self) -> tuple[Task, ...]:
        """The tasks that were submitted and wait for room: their silence says nothing."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
