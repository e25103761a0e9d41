"""The protocol between the run loop and the places where tasks are executed."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from convstudy.run.tasks import Message, Task


class Executor(Protocol):
    """Accepts tasks and returns messages about them.

    An executor decides where and when :func:`convstudy.run.execute.execute` is called. Each submitted task ends with
    exactly one ``Trained``, ``Tested``, ``Inspected``, ``Halted`` or ``Lost`` message, unless it is cancelled. Messages
    about one task keep their order. The end of the ``with`` block stops all tasks; a stopped training resumes from its
    checkpoint in the next run.

    ``docs/running.md`` has a complete executor as an example. The simplest one executes tasks in this process:

    >>> from convstudy import Network, Study, run_study
    >>> from convstudy.run.executors import InlineExecutor
    >>> study = Study(
    ...     name="quick", dataset="digits", seeds=1, subset=100, recipe={"epochs": 1},
    ...     network={"small": Network.read(["conv 4 3 relu stride=4", "flatten"])},
    ...     ablate={"small": {"network": "small", "variants": {"tanh": {"activation": "tanh"}}}},
    ... )
    >>> run_study(study, "runs", executor=InlineExecutor).complete
    True
    """

    @property
    def n_workers(self) -> int:
        """The number of tasks that can be submitted at the same time, at least 1.

        It can change after a submission and after a message.
        """
        ...

    def submit(self, task: Task) -> None:
        """Accept a task. The caller must not have more than ``n_workers`` tasks submitted at the same time."""
        ...

    def next_message(self, timeout: float | None = None) -> Message | None:
        """Return the next message about any task; ``None`` if there is none within ``timeout`` seconds.

        An executor that executes tasks in the calling thread can exceed the timeout.
        """
        ...

    def cancel(self, task: Task) -> None:
        """End a task after a timeout. The executor then returns no further message about it.

        A worker process is killed. A thread cannot be killed, so it is left running and its messages are ignored.
        """
        ...

    @property
    def waiting(self) -> tuple[Task, ...]:
        """The submitted tasks that have not started. Such tasks cannot send messages, so their timeout does not run."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
