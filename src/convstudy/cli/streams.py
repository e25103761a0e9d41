"""Stdout and stderr that may be closed, full, without a reader, or in an encoding without Unicode.

A result that cannot be printed on stdout raises :class:`NotPrinted` or :class:`ReaderGone`. Text that cannot be printed
on stderr is dropped, so that a full disk does not stop a run.
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
    """The reader of stdout has ended. It does not subclass ``OSError``, which click turns into exit status 1."""


class _Stream(ABC):
    """A wrapped text stream; subclasses decide what a failed write means."""

    buffer = None  # else click would bypass the wrapper

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        encoding = getattr(self._stream, "encoding", None)
        if encoding:
            text = encodable(text, encoding, getattr(self._stream, "errors", None) or "strict")
        self._do(partial(self._stream.write, text))
        return len(text)

    def flush(self) -> None:
        self._do(self._stream.flush)

    @abstractmethod
    def _do(self, step: Callable[[], object]) -> None:
        """Call a function that may fail to write."""


class _Results(_Stream):
    """Stdout: a failed write is an error."""

    def _do(self, step: Callable[[], object]) -> None:
        try:
            step()
        except BrokenPipeError:
            raise ReaderGone from None
        except (OSError, ValueError) as error:  # a closed stream raises ValueError
            reason = getattr(error, "strerror", None) or str(error)
            what = f"the result cannot be printed: {reason.lower()}"
            raise NotPrinted(Problem(what, where=Location(subject="stdout"))) from None


class _Messages(_Stream):
    """Stderr: a failed write is ignored."""

    def _do(self, step: Callable[[], object]) -> None:
        with contextlib.suppress(OSError, ValueError):
            step()


@contextmanager
def safe_streams() -> Iterator[None]:
    """Wrap stdout and stderr while a command runs. At the end, flush them or discard their buffers."""
    before = sys.stdout, sys.stderr
    _occupy_closed()
    with ExitStack() as at_end:
        # A read-only descriptor: writing fails, as it does for a closed stream.
        out = sys.stdout or at_end.enter_context(os.fdopen(os.open(os.devnull, os.O_RDONLY), "w"))
        err = sys.stderr or at_end.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
        for stream in (out, err):
            if isinstance(stream, io.TextIOWrapper) and not stream.closed:
                at_end.callback(stream.reconfigure, errors=stream.errors)
                stream.reconfigure(errors="surrogateescape")  # keeps the bytes of file names
            at_end.callback(_empty, stream)
        sys.stdout, sys.stderr = cast(TextIO, _Results(out)), cast(TextIO, _Messages(err))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def _occupy_closed() -> None:
    """Open the null device as each closed standard stream.

    Otherwise the next opened file would get the descriptor of the stream, and libraries would print into that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number


def _empty(stream: TextIO) -> None:
    """Flush a stream, or discard its buffer; otherwise Python would exit with status 120."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
            stream.flush()


def encodable(text: str, encoding: str, errors: str = "strict") -> str:
    """Return a text that an encoding can hold: signs in ASCII, and "?" for other missing characters.

    Replacing a minus sign by "?" would change the meaning of a sentence.

    Args:
        text: any text.
        encoding: the encoding of the stream.
        errors: its error handler.

    >>> encodable("−0.5 to 2 × 10¹⁰, naïve", "ascii")
    '-0.5 to 2 x 10^10, na?ve'
    """

    def encodes(part: str) -> bool:
        try:
            part.encode(encoding, errors)
        except UnicodeEncodeError:
            return False
        return True

    if encodes(text):
        return text
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: "^" + found[0].translate(_SUPERSCRIPTS), text)
    return "".join(character if encodes(character) else "?" for character in text.translate(_ASCII))
