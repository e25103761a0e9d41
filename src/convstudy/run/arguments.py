"""Checks the types of the arguments of a run before anything is read or written, and reports all errors at once."""

from __future__ import annotations

from numbers import Real
from os import PathLike

from convstudy.errors import Problem, UsageError
from convstudy.studyfile import Study


def check_types(
    study: object,
    runs: object,
    workers: object,
    listener: object = print,
    device: object = "auto",
    accept_failures: object = None,
    fit_timeout: object = None,
) -> None:
    """Check the types of the arguments of :func:`convstudy.run_study`; see there for their meaning.

    Raises:
        UsageError: with a problem for each argument of a wrong type.
    """
    is_number = isinstance(fit_timeout, Real) and not isinstance(fit_timeout, bool)
    checks = (
        ("study", "a Study, such as load_study(PATH) returns", study, isinstance(study, Study)),
        ("runs", "a path", runs, isinstance(runs, str | PathLike) and "\0" not in str(runs)),
        ("workers", "an integer or None", workers, workers is None or type(workers) is int),
        ("listener", "a function of one argument, the event", listener, callable(listener)),
        ("device", 'a string, such as "cpu"', device, isinstance(device, str)),
        ("accept_failures", "a string or None", accept_failures, isinstance(accept_failures, str | None)),
        ("fit_timeout", "a number of seconds or None", fit_timeout, fit_timeout is None or is_number),
    )
    problems = [
        Problem(f"{name} must be {expected}", got=f"{repr(value)[:80]} ({type(value).__name__})")
        for name, expected, value, is_right in checks
        if not is_right
    ]
    if problems:
        raise UsageError(*problems)
