"""What ends a run or refuses to begin it, as errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from convstudy.errors import NOWHERE, Location, Problem, StoreError, UsageError
from convstudy.plan import Fit


def checked_reason(text: str) -> str:
    """Return a reason on one line.

    Raises:
        UsageError: where there is nothing in it that a report can print.
    """
    reason = " ".join(text.split())
    if not reason or not reason.isprintable():
        what = "the reason to accept failures must be a text that the report can print"
        raise UsageError(
            Problem(what, got=repr(text), expected="a few words, such as: too large for this GPU")
        )
    return reason


LONGER = "run the study again with a longer fit timeout, or without one"


def untestable(fit: Fit, reason: str, timed_out: bool = False) -> StoreError:
    """Return the error of a model that could not be scored on the test set."""
    what = f"a model could not be tested: {reason}"
    hint = LONGER if timed_out else "run the study again: it resumes from here"
    return StoreError(Problem(what, where=Location(subject=f"fit {fit.id}"), hint=hint))


def halted(fit: Fit, problems: Iterable[Problem]) -> StoreError:
    """Return the error of a training whose data or files the system refused."""
    where = Location(subject=f"fit {fit.id}")
    return StoreError(*(replace(each, where=where) if each.where == NOWHERE else each for each in problems))


def unstartable(reason: str, timed_out: bool = False) -> StoreError:
    """Return the error of workers that end too early to be a fit's fault."""
    if timed_out:
        what = "a worker took up no fit within the fit timeout, which is no fault of the fit"
        return StoreError(Problem(what, got=reason, hint=f"{LONGER}: a worker first loads PyTorch"))
    what = "workers end before they take up a fit, which is no fault of the fit"
    hint = "read workers.log in the runs folder, then run the same command again"
    return StoreError(Problem(what, got=reason, hint=hint))
