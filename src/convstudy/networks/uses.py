"""Parses the use of a block in a layer text: ``"residual basic x3 filters=32 then=relu"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from convstudy.errors import NetworkError, Problem
from convstudy.networks.layers import Layer
from convstudy.networks.layers.layer import arguments_of
from convstudy.networks.parameters import Value, fill_parameters
from convstudy.networks.reading import check_length

MAX_REPEATS = 1_000
IDENTITY = "identity"
"""The name of a branch that returns the input of its concat; a block must not have this name."""
STRIDE = "stride"

REPEATS = re.compile(r"x([0-9]+)")
"""The pattern of a number of repeats, such as "x3"; the name of a block must not match it."""
# A pair of braces can contain spaces: "{4 * filters}".
_WORD = re.compile(r"(?:\{[^{}]*\}|\S)+")


@dataclass(frozen=True)
class Use:
    """A use of one or more blocks: their names, the number of repeats, and the ``key=value`` arguments."""

    text: str
    names: tuple[str, ...]
    repeats: int
    arguments: Mapping[str, str]

    @property
    def shown_names(self) -> str:
        """The names for messages, or "nothing"."""
        return ", ".join(self.names) or "nothing"

    @property
    def arguments_per_repeat(self) -> tuple[Mapping[str, str], ...]:
        """The arguments of the first repeat, then those of all other repeats, with ``stride=1``, if there are any."""
        return (self.arguments, {**self.arguments, STRIDE: "1"}) if self.repeats > 1 else (self.arguments,)


def split_filled(text: str, parameters: Mapping[str, Value]) -> list[str]:
    """Return the words of a text with its parameters filled in.

    A word such as ``norm={norm}`` stays one word, even if the value of the parameter has spaces.
    """
    check_length(text)
    whole = fill_parameters(text, parameters)  # first, so that one error has all problems of the text
    words = _WORD.findall(text)
    # The first word can be a parameter whose value is a whole layer text, such as "{norm}".
    if words and "{" in words[0]:
        return whole.split()
    return [fill_parameters(word, parameters) for word in words]


def option_words(words: list[str], kind: type[Layer] | None) -> list[str]:
    """Return the words that are options of the layer itself, not arguments of its block."""
    keys = arguments_of(kind) if kind else {}
    return [word for word in words[1:] if word.partition("=")[0] in keys and "=" in word]


def read_use(words: list[str], kind: type[Layer] | None) -> Use:
    """Parse the words of a layer text that uses blocks.

    Args:
        words: the words of the text, with parameters filled in.
        kind: the layer whose options are left out of the arguments, or ``None``.

    Raises:
        NetworkError: if an argument or the number of repeats is given twice, or the number of repeats is out of range.
    """
    text = " ".join(words)
    names: list[str] = []
    repeats: list[int] = []
    arguments: dict[str, str] = {}
    own = option_words(words, kind)
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if word in own:
            continue
        if equals:
            if key in arguments:
                raise NetworkError(Problem(f'"{text}" sets {key} twice'))
            arguments[key] = value
        elif found := REPEATS.fullmatch(word):
            repeats.append(int(found[1][:9]))  # nine digits exceed the limit already
        else:
            names.append(word)
    if len(repeats) > 1 or not all(1 <= n <= MAX_REPEATS for n in repeats):
        got = ", ".join(word for word in words if REPEATS.fullmatch(word))
        what = f'"{text}" must have one number of repeats, from x1 to x{MAX_REPEATS}'
        raise NetworkError(Problem(what, got=got))
    return Use(text, tuple(names), repeats[0] if repeats else 1, arguments)
