"""What a caller passes to a run: each argument is checked before a folder is opened, all errors at once."""

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
    """Check the types of the arguments of :func:`convstudy.run_study`; another function has the first three.

    Raises:
        UsageError: with a problem for each argument that has another type.
    """
    of_number = isinstance(fit_timeout, Real) and not isinstance(fit_timeout, bool)
    checks = (
        ("study", "a Study, such as load_study(PATH) returns", study, isinstance(study, Study)),
        ("runs", "the path of a folder", runs, isinstance(runs, str | PathLike) and "\0" not in str(runs)),
        ("workers", "a whole number or None", workers, workers is None or type(workers) is int),
        ("listener", "a function that takes an event", listener, callable(listener)),
        ("device", 'a text, such as "cpu"', device, isinstance(device, str)),
        ("accept_failures", "a text or None", accept_failures, isinstance(accept_failures, str | None)),
        ("fit_timeout", "a number of seconds or None", fit_timeout, fit_timeout is None or of_number),
    )
    problems = [
        Problem(f"{name} must be {expected}", got=f"{repr(value)[:80]}, a {type(value).__name__}")
        for name, expected, value, is_right in checks
        if not is_right
    ]
    if problems:
        raise UsageError(*problems)
