"""What commands print on: stdout and stderr that may be closed, full, without a reader, or unable to hold Unicode.

A result that cannot be printed is an error (:class:`NotPrinted`, :class:`ReaderGone`). Text on stderr that cannot be
printed is dropped: no run ends because its log is full.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from convstudy.errors import Location, Problem, UsageError

_ASCII = str.maketrans(
    {
        **dict.fromkeys("−–─━", "-"),
        **dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "'"),
        **dict.fromkeys("“”", '"'),
        "×": "x",
        "±": "+-",
        "…": "...",
        "→": "->",
        "▸": ">",
        "≤": "<=",
        "≥": ">=",
        "\N{NO-BREAK SPACE}": " ",
    }
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


class NotPrinted(UsageError):
    """Stdout is closed, or its disk is full."""


class ReaderGone(Exception):
    """The program that read our output has ended; no ``OSError``, of which click would make exit status 1."""


class _Stream(ABC):
    """A text stream; subclasses say what a failure to write means."""

    buffer = None  # click would write past us

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write text."""
        encoding = getattr(self._stream, "encoding", None)
        if encoding:
            text = encodable(text, encoding, getattr(self._stream, "errors", None) or "strict")
        self._do(partial(self._stream.write, text))
        return len(text)

    def flush(self) -> None:
        """Hand what is written to the system."""
        self._do(self._stream.flush)

    @abstractmethod
    def _do(self, step: Callable[[], object]) -> None:
        """Take a step that may fail."""


class _Results(_Stream):
    """Stdout: what cannot be written is an error."""

    def _do(self, step: Callable[[], object]) -> None:
        try:
            step()
        except BrokenPipeError:
            raise ReaderGone from None
        except (OSError, ValueError) as error:  # the latter from a stream that Python has closed
            reason = getattr(error, "strerror", None) or str(error)
            what = f"the result cannot be printed: {reason.lower()}"
            raise NotPrinted(Problem(what, where=Location(subject="stdout"))) from None


class _Messages(_Stream):
    """Stderr: what cannot be written is dropped."""

    def _do(self, step: Callable[[], object]) -> None:
        with contextlib.suppress(OSError, ValueError):
            step()


@contextmanager
def safe_streams() -> Iterator[None]:
    """Replace stdout and stderr while a command runs, and leave nothing that Python cannot flush at its end."""
    before = sys.stdout, sys.stderr
    _occupy_closed()
    with ExitStack() as at_end:
        # EvaluationResult for reading only: to write to it fails, as to a closed stream.
        out = sys.stdout or at_end.enter_context(os.fdopen(os.open(os.devnull, os.O_RDONLY), "w"))
        err = sys.stderr or at_end.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        for stream in (out, err):
            if isinstance(stream, io.TextIOWrapper) and not stream.closed:
                at_end.callback(stream.reconfigure, errors=stream.errors)
                stream.reconfigure(errors="surrogateescape")  # the bytes of file names stay what they are
            at_end.callback(_empty, stream)
        sys.stdout, sys.stderr = cast(TextIO, _Results(out)), cast(TextIO, _Messages(err))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def _occupy_closed() -> None:
    """Open a null device under the number of each closed standard stream.

    The next file to be opened would take its number, and what a library prints would be written into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


def _empty(stream: TextIO) -> None:
    """Flush a stream; what it cannot write goes nowhere, or Python would complain at its end with status 120."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
            stream.flush()


def encodable(text: str, encoding: str, errors: str = "strict") -> str:
    """Return a text that an encoding can hold: signs in ASCII where it lacks one of them, and "?" for the rest.

    A "?" for a minus sign would change what a sentence says.

    >>> encodable("−0.5 to 2 × 10¹⁰, naïve", "ascii")
    '-0.5 to 2 x 10^10, na?ve'
    """

    def holds(part: str) -> bool:
        try:
            part.encode(encoding, errors)
        except UnicodeEncodeError:
            return False
        return True

    if holds(text):
        return text
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    return "".join(letter if holds(letter) else "?" for letter in text.translate(_ASCII))
