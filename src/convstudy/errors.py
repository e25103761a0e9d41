"""Every error that convstudy raises on purpose, as one tree.

::

    ConvstudyError                what was wrong, what was got, what is allowed, how to mend it, where
    ├── UsageError                somebody asked for what cannot be; exit status 2
    │   ├── StudyError            a study file or Study object with one or more problems
    │   ├── NetworkError          a layer text that cannot be read, or layers that do not fit each other
    │   ├── DataError             a dataset that is missing, damaged or not what it should be
    │   └── StoreError            a runs folder that is locked, damaged or does not hold what was asked for
    └── FitError                  one training that could not be finished; it becomes a record, the study goes on
        ├── Diverged              the loss stopped being a number
        └── OutOfMemory           the machine had no memory left for it

All of them carry :class:`Problem` values, so that a program can read what a person sees.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    ``what`` is a sentence; the others are left empty where they do not apply.
    """

    what: str
    where: str = ""
    got: str = ""
    allowed: str = ""
    mend: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        for label, text in (("got", self.got), ("allowed", self.allowed), ("mend", self.mend)):
            if text:
                lines.append(f"  {label}: {text}")
        return "\n".join(lines)


class ConvstudyError(Exception):
    """Base of all errors raised on purpose; holds one or more :class:`Problem`."""

    exit_status: ClassVar[int] = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            problem if isinstance(problem, Problem) else Problem(problem) for problem in problems
        )
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def as_json(self) -> list[dict[str, str]]:
        """Return the problems as plain dictionaries, for ``--json``."""
        return [asdict(problem) for problem in self.problems]


class UsageError(ConvstudyError):
    """Somebody asked for something that cannot be."""


class StudyError(UsageError):
    """A study that cannot be run as it is written."""


class NetworkError(UsageError):
    """A layer text that cannot be read, or layers that do not fit each other."""


class DataError(UsageError):
    """A dataset that is missing, damaged or not what it should be."""


class StoreError(UsageError):
    """A runs folder that is locked, damaged or does not hold what was asked for."""


class FitError(ConvstudyError):
    """One training that could not be finished."""

    exit_status = 1
    kind: ClassVar[str] = "failed"


class Diverged(FitError):
    """The loss stopped being a finite number; ``what`` says which and when."""

    kind = "diverged"

    def __init__(self, what: str) -> None:
        super().__init__(Problem(what, mend="a smaller learning_rate, or clip_norm = 1.0"))


class OutOfMemory(FitError):
    """The machine had no memory left for a fit."""

    kind = "out-of-memory"


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Return ``'did you mean "x"?'`` for the closest allowed word, or an empty string if none is close."""
    close = difflib.get_close_matches(word, [str(name) for name in allowed], n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else ""


def unknown(noun: str, word: str, allowed: Iterable[str], where: str = "") -> Problem:
    """Return the problem "there is no NOUN called WORD", with what is allowed and the nearest name."""
    names = list(allowed)
    return Problem(
        what=f'there is no {noun} called "{word}"',
        where=where,
        got=word,
        allowed=", ".join(names),
        mend=nearest(word, names),
    )
