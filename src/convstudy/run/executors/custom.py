"""Checks the executor that a caller passes to ``run_study``, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable

from convstudy.errors import Problem, UsageError
from convstudy.run.executors.executor import Executor
from convstudy.store import Layout

MakeExecutor = Callable[[Layout], Executor]
"""A class such as ``InlineExecutor``, or a function, that returns an executor for a runs folder."""

METHODS = ("submit", "next_message", "cancel", "__enter__", "__exit__")
PROTOCOL = (*METHODS, "waiting", "n_workers")


def check_executor(executor: object, workers: int | None, device: str, precisions: set[str]) -> None:
    """Check the arguments that an executor replaces or needs.

    Args:
        executor: the class or function that the caller passes.
        workers: the argument of ``run_study``; must be ``None``.
        device: the argument of ``run_study``; must be ``"auto"``.
        precisions: the precisions in the study; must not contain ``"auto"``, which depends on the device.

    Raises:
        UsageError: with a problem for each argument that violates these conditions.
    """
    problems = []
    if workers is not None:
        what = "workers must be None with an executor, which has its own"
        problems.append(Problem(what, got=str(workers)))
    if device != "auto":
        what = 'device must be "auto" with an executor, which has its own'
        problems.append(Problem(what, got=repr(device)))
    if "auto" in precisions:
        what = (
            'precision must be "float32" or "bfloat16" with an executor, because its device is not known here'
        )
        problems.append(Problem(what, got='"auto"'))
    if not callable(executor):
        what = "executor must be a class or a function that takes a Layout and returns an Executor"
        problems.append(Problem(what, got=type(executor).__name__))
    if problems:
        raise UsageError(*problems)


def make_executor(executor: MakeExecutor, layout: Layout) -> Executor:
    """Return the caller's executor for a runs folder; raise :class:`UsageError` if it lacks a method."""
    made = executor(layout)
    missing = [name for name in PROTOCOL if not hasattr(made, name)]
    missing += [f"{name}()" for name in METHODS if name not in missing and not callable(getattr(made, name))]
    if missing:
        what = "an executor must have all members of convstudy.run.executors.Executor"
        raise UsageError(Problem(what, got=f"{type(made).__name__} without {', '.join(missing)}"))
    return made
