"""The errors that end a run or prevent its start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from convstudy.errors import NOWHERE, Location, Problem, StoreError, UsageError
from convstudy.plan import Fit


def checked_reason(text: str) -> str:
    """Return the reason for accepting failures, on one line.

    Raises:
        UsageError: if the text is empty or has characters that cannot be printed.
    """
    reason = " ".join(text.split())
    if not reason or not reason.isprintable():
        what = "the reason to accept failures must be printable text"
        raise UsageError(
            Problem(what, got=repr(text), hint='give a reason, such as "too large for this GPU"')
        )
    return reason


TIMEOUT_HINT = "run the study again with a longer fit timeout, or without one"


def evaluation_error(fit: Fit, reason: str, timed_out: bool = False) -> StoreError:
    """Return the error of a model that could not be evaluated on the test set."""
    what = f"the test-set evaluation failed: {reason}"
    hint = TIMEOUT_HINT if timed_out else "run the study again: it resumes here"
    return StoreError(Problem(what, where=Location(subject=f"fit {fit.id}"), hint=hint))


def training_error(fit: Fit, problems: Iterable[Problem]) -> StoreError:
    """Return the error of a training that could not read its data or write its files."""
    where = Location(subject=f"fit {fit.id}")
    return StoreError(*(replace(each, where=where) if each.where == NOWHERE else each for each in problems))


def start_error(reason: str, timed_out: bool = False) -> StoreError:
    """Return the error of a worker that ended before it started a fit. The cause cannot be the fit."""
    if timed_out:
        what = f"a worker did not start a fit within the fit timeout: {reason}"
        return StoreError(Problem(what, hint=f"{TIMEOUT_HINT}; a worker first loads PyTorch"))
    what = f"a worker ended before it started a fit: {reason}"
    hint = "read workers.log in the runs folder, then run the same command again"
    return StoreError(Problem(what, hint=hint))
