"""A use of blocks in a layer text: ``"residual basic x3 filters=32 then=relu"``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from convstudy.errors import NetworkError, Problem
from convstudy.networks.layers import Layer
from convstudy.networks.layers.layer import arguments_of
from convstudy.networks.parameters import Value, filled
from convstudy.networks.reading import check_length

MOSTREPEATS = 1_000
IDENTITY = "identity"
"""The branch of a concat that is its input; no block may be called so."""
STRIDE = "stride"

REPEATS = re.compile(r"x([0-9]+)")
"""How often a block is repeated; no block may be called so."""
# A pair of braces may have spaces in it.
_WORD = re.compile(r"(?:\{[^{}]*\}|\S)+")


@dataclass(frozen=True)
class Use:
    """A use of blocks: their names, the number of repeats, and what was given by ``key=value``."""

    text: str
    names: tuple[str, ...]
    repeats: int
    arguments: Mapping[str, str]

    @property
    def shown_names(self) -> str:
        """The names for messages; "nothing" where there is none."""
        return ", ".join(self.names) or "nothing"

    @property
    def each_repeat(self) -> tuple[Mapping[str, str], ...]:
        """The arguments of the first repeat and, where there are others, of those: with a stride of 1."""
        return (self.arguments, {**self.arguments, STRIDE: "1"}) if self.repeats > 1 else (self.arguments,)


def filled_words(text: str, parameters: Mapping[str, Value]) -> list[str]:
    """Return the words of a text, filled in; the value of a parameter may have spaces where it is only a part."""
    check_length(text)
    whole = filled(text, parameters)  # all that is wrong with the text at once
    words = _WORD.findall(text)
    if words and "{" in words[0]:
        return whole.split()
    return [filled(word, parameters) for word in words]


def own_words(words: list[str], kind: type[Layer] | None) -> list[str]:
    """Return the words that are arguments of the layer itself."""
    keys = arguments_of(kind) if kind else {}
    return [word for word in words[1:] if word.partition("=")[0] in keys and "=" in word]


def read_use(words: list[str], kind: type[Layer] | None) -> Use:
    """Return a use of blocks; raise :class:`NetworkError` for what is given twice."""
    text = " ".join(words)
    names: list[str] = []
    repeats: list[int] = []
    arguments: dict[str, str] = {}
    own = own_words(words, kind)
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if word in own:
            continue
        if equals:
            if key in arguments:
                raise NetworkError(Problem(f'"{text}" gives {key} twice', got=word, expected="each key once"))
            arguments[key] = value
        elif found := REPEATS.fullmatch(word):
            repeats.append(int(found[1][:9]))
        else:
            names.append(word)
    if len(repeats) > 1 or not all(1 <= n <= MOSTREPEATS for n in repeats):
        got = ", ".join(word for word in words if REPEATS.fullmatch(word))
        raise NetworkError(
            Problem(f'"{text}" must say once how often', got=got, expected=f"x1 to x{MOSTREPEATS:,}")
        )
    return Use(text, tuple(names), repeats[0] if repeats else 1, arguments)
