"""The exceptions that convstudy raises.

::

    ConvstudyError                one or more problems
    ├── UsageError                the request cannot be carried out; exit status 2
    │   ├── StudyError            an invalid study file or Study
    │   ├── NetworkError          a layer text that cannot be read, or layers that do not fit each other
    │   ├── DataError             a dataset that is missing, damaged or invalid
    │   └── StoreError            a runs folder that is locked, damaged or lacks the requested run
    └── FitError                  a fit that failed; its record says so, and the study continues
        ├── Diverged              the loss is no longer finite
        └── OutOfMemory           the fit needs more memory than the machine has

Each has :class:`Problem` values, which programs can read.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

KeyPath = tuple[str | int, ...]
"""The path of a key, with indices of lists: ``("search", "kernel-size", "parameters", "kernel", 4)``."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MAX_PART_LENGTH = 78
"""The maximum length of a quoted part of a key in a message, in characters."""


LayerPath = tuple[int | str, ...]
"""The path of a layer, counted from 1: ``(4, 2)`` is the second layer inside the fourth. A string is the name of a part
of a layer, as in ``(4, "shortcut", 1)``. :data:`OUTPUT` is the output layer."""
OUTPUT: LayerPath = ("output",)


@dataclass(frozen=True)
class Location:
    """The location of a problem. Parts that do not apply are empty.

    Attributes:
        file: the path of a file or folder, as the user wrote it.
        line: the line of the file, counted from 1.
        key: the path of a key of a study, or of an argument of a function.
        column: the column of the line, counted from 1.
        subject: something else with a name: ``"fit 1f2e"``, ``"mnist"``, ``"--set recipe.epochs"``.
        layer: the path of a layer in its network, or in the layers of ``block``.
        layer_text: the text of that layer.
        block: the name of the block that contains the layer.

    >>> print(Location("study.toml", 12, ("search", "size", "parameters", "kernel", 4)))
    study.toml:12: search.size.parameters.kernel
    >>> print(Location(layer=(2,), layer_text="conv {filters} 3", block="basic"))
    layer 2 of block "basic", "conv {filters} 3"
    """

    file: str = ""
    line: int | None = None
    key: KeyPath = ()
    column: int | None = None
    subject: str = ""
    layer: LayerPath = ()
    layer_text: str = ""
    block: str = ""

    def __str__(self) -> str:
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        key = key_text(self.key)
        key = "" if self.subject.split() == ["--set", key] else key  # the subject names the key
        file = ":".join((self.file, *numbers))
        return ": ".join(filter(None, (file, self.subject, key, self.layer_description)))

    @property
    def layer_description(self) -> str:
        """The path of the layer in words, and its text; empty without a layer."""
        layer = "the output layer" if self.layer == OUTPUT else f"layer {'.'.join(map(str, self.layer))}"
        layer += f' of block "{self.block}"' if self.block else ""
        text = f'"{self.layer_text}"' if self.layer_text else ""
        return ", ".join(filter(None, (layer if self.layer else "", text)))

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "key": list(self.key), "layer": list(self.layer)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Location:
        return cls(**{**values, "key": tuple(values["key"]), "layer": tuple(values["layer"])})


NOWHERE = Location()


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, printed as one sentence and an optional hint.

    Attributes:
        what: a statement, without a period. Leave it empty if ``where`` is the subject; the sentence is then
            "WHERE must be EXPECTED; got GOT."
        where: the place.
        got: the value that was found. It is not printed if ``what`` quotes it or ``where`` ends with it.
        expected: what is allowed, as a phrase that follows "must be".
        hint: how to fix the problem. Leave it empty if the sentence already says this.

    >>> print(Problem(where=Location("a.toml", 7, ("recipe", "epochs")), expected="an integer > 0", got="-1"))
    a.toml:7: recipe.epochs must be an integer > 0; got -1.
    >>> print(Problem(where=Location("a.toml", 9, ("compare", "a", "networks", 1)), expected="a string", got="3"))
    a.toml:9: compare.a.networks: item 2 must be a string; got 3.
    >>> print(Problem("the labels do not fit the images", got="5 labels", expected="6", hint="remove an image"))
    the labels do not fit the images; expected 6; got 5 labels.
      hint: remove an image
    """

    what: str = ""
    where: Location = NOWHERE
    got: str = ""
    expected: str = ""
    hint: str = ""

    def __str__(self) -> str:
        sentence = self._sentence
        sentence += "" if sentence.endswith(".") else "."
        return f"{sentence}\n  hint: {self.hint}" if self.hint else sentence

    @property
    def reason(self) -> str:
        """``what``, or the sentence without a period if ``what`` is empty; other messages quote it."""
        return self.what or self._sentence

    @property
    def _sentence(self) -> str:
        where = str(self.where)
        bare = self.got.strip('"')  # "what" can quote a value that "got" has without quotes
        is_repeated = bool(self.what) and (f'"{bare}"' in self.what or self.where.key[-1:] == (bare,))
        got = "" if is_repeated else self.got
        clauses = [f"{where}: {self.what}" if where else self.what]
        if not self.what:
            position = self.where.key[-1] if self.where.key and not self.where.layer else ""
            item = f": item {position + 1}" if isinstance(position, int) else ""
            clauses = [f"{where}{item} must be {self.expected}".lstrip()]
        elif self.expected:
            clauses.append(f"expected {self.expected}")
        if got:
            clauses.append(f"got {got}")
        return "; ".join(clauses)

    def as_json(self) -> dict[str, Any]:
        texts = {"got": self.got, "expected": self.expected, "hint": self.hint}
        return {"what": self.what, "where": self.where.as_json(), **texts}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Problem:
        return cls(**{**values, "where": Location.from_json(values["where"])})


class ConvstudyError(Exception):
    """Base class of the exceptions of convstudy. ``problems`` is a tuple of one or more :class:`Problem`.

    >>> from convstudy import load_study
    >>> try:
    ...     load_study("digits", {"recipe.epochs": 0})
    ... except ConvstudyError as error:
    ...     print(error.problems[0].where, error.problems[0].expected, sep="; ")
    --set recipe.epochs; an integer in [1, 100000]
    """

    exit_status: ClassVar[int] = 2

    def __init__(self, *problems: Problem | str) -> None:
        self.problems: tuple[Problem, ...] = tuple(
            problem if isinstance(problem, Problem) else Problem(problem) for problem in problems
        )
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the problems as dictionaries, for ``--json``."""
        return [problem.as_json() for problem in self.problems]


class UsageError(ConvstudyError):
    """A request that cannot be carried out."""


class StudyError(UsageError):
    """An invalid study file or Study."""


class NetworkError(UsageError):
    """A layer text that cannot be read, or layers that do not fit each other."""


class DataError(UsageError):
    """A dataset that is missing, damaged or invalid."""


class StoreError(UsageError):
    """A runs folder that is locked, damaged or lacks the requested run."""


class FitError(ConvstudyError):
    """A fit that failed."""

    exit_status = 1
    kind: ClassVar[str] = "failed"


class Diverged(FitError):
    """The loss is no longer finite. ``what`` names the loss and the epoch."""

    kind = "diverged"

    def __init__(self, what: str) -> None:
        super().__init__(Problem(what, hint="try a smaller learning_rate, or clip_norm = 1.0"))


class OutOfMemory(FitError):
    """A fit needs more memory than the machine has."""

    kind = "out-of-memory"


def key_text(path: KeyPath) -> str:
    """Return a path as a dotted TOML key, without indices of lists: ``search.kernel-size.parameters.kernel``.

    Parts that are not bare TOML keys are quoted, and ``�`` replaces each character that cannot be printed.
    """
    return ".".join(
        part if _BARE.fullmatch(part) else _quoted(part) for part in path if isinstance(part, str)
    )


def _quoted(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "�" for letter in text)
    return f'"{shown}"' if len(shown) <= _MAX_PART_LENGTH else f'"{shown[: _MAX_PART_LENGTH - 1]}…'


def nearest(word: str, expected: Iterable[str]) -> str:
    """Return ``'did you mean "x"?'`` with the most similar of the expected names, or an empty string."""
    close = difflib.get_close_matches(word, [str(name) for name in expected], n=1, cutoff=0.5)
    return f'did you mean "{close[0]}"?' if close else ""


def unknown(noun: str, word: str, expected: Iterable[str], where: Location = NOWHERE) -> Problem:
    """Return the problem of a name that does not exist, with the names that do and the nearest as a hint.

    >>> print(unknown("dataset", "digit", ["digits", "mnist"], Location(key=("study", "dataset"))))
    study.dataset must be one of "digits", "mnist"; got "digit".
      hint: did you mean "digits"?
    >>> print(unknown("layer", "cnov", ["conv", "dense"]))
    unknown layer "cnov"; expected one of "conv", "dense".
      hint: did you mean "conv"?

    Args:
        noun: the kind of thing that the name is for, as in "unknown NOUN".
        word: the name.
        expected: the names that exist.
        where: the place. If it is a key that holds the name, the key is the subject of the sentence.
    """
    names = list(expected)
    if where.key[-1:] == (word,):
        what = f"unknown {noun}"
    elif where.key and isinstance(where.key[-1], str) and names:
        what = ""
    else:
        what = f'unknown {noun} "{word}"'
    if not names:
        what += ": there is none"
    return Problem(what, where, f'"{word}"', one_of(names), nearest(word, names))


def one_of(names: Iterable[str]) -> str:
    """Return ``'one of "a", "b"'``, ``'"a"'`` for a single name, or an empty string for none."""
    quoted = [f'"{name}"' for name in names]
    return f"one of {', '.join(quoted)}" if len(quoted) > 1 else "".join(quoted)
