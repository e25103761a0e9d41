"""Convert exceptions to error messages and exit statuses; write the traceback of a bug to a file."""

from __future__ import annotations

import errno
import re
import tempfile
import traceback
from pathlib import Path

import click

from convstudy.errors import ConvstudyError, Location, Problem, UsageError, unknown

FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
# A write to a full disk or beyond a quota raises an error without a file name, also on stdout.
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
# click's messages about a wrong value. convstudy uses only two of click's types that can fail so: integer and range.
_WRONG_VALUE = re.compile(r"(.*) is not (?:a valid (?:integer|float range)|in the range)")


class Bug(ConvstudyError):
    """An unexpected exception in convstudy; a file has its traceback."""

    exit_status = 1


def as_convstudy_error(error: Exception, where: str = "") -> ConvstudyError:
    """Convert any exception: errors of click and of the operating system become usage errors, all others bugs.

    Args:
        error: the exception.
        where: the subject of the error, such as a file; it precedes the message if the error is a bug.
    """
    if isinstance(error, ConvstudyError):
        return error
    if isinstance(error, click.ClickException):
        return UsageError(_usage_problem(error))
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _NO_SPACE):
        what = (error.strerror or str(error)).lower()
        return UsageError(Problem(what, where=Location(str(error.filename or ""))))
    return _bug(error, where)


def _usage_problem(error: click.ClickException) -> Problem:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "convstudy"
    hint = f"`{path} --help` lists arguments and options"
    if isinstance(error, click.NoSuchOption) and context is not None:
        options = [
            name
            for parameter in context.command.get_params(context)
            if isinstance(parameter, click.Option)
            for name in parameter.opts
        ]
        found = unknown("option", error.option_name, sorted(options), Location(subject=path))
        return Problem(found.what, found.where, found.got, found.expected, found.hint or hint)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        name = error.param.make_metavar(context) if context is not None else error.param.human_readable_name
        before = f"{error.param.opts[0]} " if isinstance(error.param, click.Option) else ""
        return Problem(f"{before}{name.strip('[]')} is missing", where=Location(subject=path), hint=hint)
    where = path
    if isinstance(error, click.BadParameter) and error.param is not None:
        option = isinstance(error.param, click.Option)
        where = f"{path} {error.param.opts[0] if option else error.param.make_metavar(error.ctx)}"  # type: ignore[arg-type]
        if wrong := _WRONG_VALUE.match(error.message):
            bounds = error.param.type
            expected = (
                f"a number in [{bounds.min}, {bounds.max}]"
                if isinstance(bounds, click.FloatRange)
                else "an integer"
            )
            return Problem(where=Location(subject=where), got=wrong[1], expected=expected)
    message = error.message.rstrip(".").replace("Got unexpected extra", "unexpected")
    return Problem(message[:1].lower() + message[1:], where=Location(subject=where), hint=hint)


def _bug(error: Exception, place: str) -> Bug:
    """Write the traceback to a temporary file and return an error with its path."""
    name = type(error).__name__
    first_line = str(error).splitlines()[0][:200] if str(error).strip() else "no message"
    try:
        with tempfile.NamedTemporaryFile(
            "w",
            prefix="convstudy-bug-",
            suffix=".txt",
            delete=False,
            encoding="utf-8",
            errors="backslashreplace",
        ) as file:
            file.writelines(traceback.format_exception(error))
        hint = f"please report it with its traceback: {Path(file.name)}"
    except OSError:
        hint = (
            "please report it; its traceback cannot be saved: the folder for temporary files is not writable"
        )
    what = "this is a bug in convstudy"
    return Bug(Problem(what, Location(subject=place), got=f"{name}: {first_line}", hint=hint))
