"""An executor that the caller of ``run_study`` passes: checked before anything is trained."""

from __future__ import annotations

from collections.abc import Callable

from convstudy.errors import Problem, UsageError
from convstudy.run.executors.executor import Executor
from convstudy.store import Layout

MakeExecutor = Callable[[Layout], Executor]
"""Makes an executor for a runs folder: a class such as ``InlineExecutor``, or a function."""

METHODS = ("submit", "next_message", "cancel", "__enter__", "__exit__")
PROTOCOL = (*METHODS, "waiting", "n_workers")


def check_own(executor: object, workers: int | None, device: str, precisions: set[str]) -> None:
    """Check what comes with an executor of the caller's: it replaces ``workers`` and ``device``.

    Raises:
        UsageError: where either of them is set too, a recipe leaves its precision to the device, or this is no
            function that makes an executor.
    """
    problems = []
    if workers is not None:
        problems.append(Problem("workers must be None with an executor: it has its own", got=str(workers)))
    if device != "auto":
        problems.append(Problem('device must be "auto" with an executor: it has its own', got=repr(device)))
    if "auto" in precisions:
        what = "precision must be a number format with an executor: its device is not known here"
        problems.append(Problem(what, got='"auto"', expected="float32, bfloat16"))
    if not callable(executor):
        what = "executor must be a class or a function that takes a Layout and returns an Executor"
        problems.append(Problem(what, got=type(executor).__name__))
    if problems:
        raise UsageError(*problems)


def make_own(executor: MakeExecutor, layout: Layout) -> Executor:
    """Return the executor of the caller for a runs folder; raise :class:`UsageError` where it lacks a method."""
    made = executor(layout)
    missing = [name for name in PROTOCOL if not hasattr(made, name)]
    missing += [f"{name}()" for name in METHODS if name not in missing and not callable(getattr(made, name))]
    if missing:
        what = "an executor must have what convstudy.run.executors.Executor has"
        raise UsageError(Problem(what, got=f"{type(made).__name__} without {', '.join(missing)}"))
    return made
