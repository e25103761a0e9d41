"""A layer text to a layer: ``"conv 64 3 relu padding=same"``.

First the layer's word, then its values in their order, then a bare activation, then ``key=value`` pairs. The grammar of
each layer is the fields of its dataclass, so that a new layer brings its own words along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convstudy.errors import NetworkError, Problem, nearest, unknown
from convstudy.networks.layers import LAYERS, Layer
from convstudy.networks.layers.layer import Argument, arguments_of

LONGEST_TEXT = 200


def read_layer(text: str) -> Layer:
    """Return the layer that ``text`` describes; raise :class:`NetworkError` saying what is wrong with it.

    Layers that hold others (``residual``, ``concat``) are read by :func:`convstudy.networks.expanding.expand`.
    """
    check_length(text)
    words = text.split()
    if not words:
        raise NetworkError(Problem("a layer text is empty", expected=", ".join(LAYERS)))
    if words[0] not in LAYERS:
        raise NetworkError(unknown("layer", words[0], LAYERS))
    layer = LAYERS[words[0]]
    if layer.holds:
        raise NetworkError(Problem(f'"{text}" has no layers inside', got=text, expected=layer.usage))
    return layer(**read_values(layer, words[1:], text))


def check_length(text: str) -> None:
    """Raise :class:`NetworkError` for a text of more than ``LONGEST_TEXT`` characters."""
    if len(text) > LONGEST_TEXT:
        got, expected = f"{len(text)} characters", f"at most {LONGEST_TEXT}"
        raise NetworkError(
            Problem(
                "this layer text is too long", got=got, expected=expected, hint="split it into several layers"
            )
        )


def read_values(layer: type[Layer], words: Sequence[str], text: str) -> dict[str, Any]:
    """Return field -> value from the words that follow a layer's own; ``text`` is the whole, for messages."""
    values: dict[str, Any] = {}
    waiting = _arguments(layer, "position")
    for word in words:
        if word in layer.presets and not waiting:
            given = layer.presets[word]
            if twice := [name for name in given if name in values]:
                raise NetworkError(
                    Problem(f'"{text}" gives {" and ".join(twice)} twice', got=word, expected=layer.usage)
                )
            values |= given
            continue
        name, argument, written = _argument_of(layer, word, waiting, text)
        if name in values:
            raise NetworkError(Problem(f'"{text}" gives {name} twice', got=word, expected=layer.usage))
        try:
            values[name] = argument.read(written)
        except ValueError:
            raise NetworkError(
                Problem(
                    f'"{text}" gives its {name} a value that cannot be',
                    got=written,
                    expected=argument.expected,
                    hint=nearest(written, argument.names),
                )
            ) from None
    if waiting:
        missing = [name for name, _ in waiting]
        raise NetworkError(
            Problem(f'"{text}" lacks its {" and ".join(missing)}', got=text, expected=layer.usage)
        )
    return values


def _arguments(layer: type[Layer], how: str) -> list[tuple[str, Argument]]:
    """Return the fields of a layer that are written in this way, in their order."""
    return [(name, argument) for name, argument in arguments_of(layer).items() if argument.how == how]


def _argument_of(
    layer: type[Layer], word: str, waiting: list[tuple[str, Argument]], text: str
) -> tuple[str, Argument, str]:
    """Return which field a written word belongs to and what is written for it; takes it off ``waiting``."""
    if "=" in word:
        key, _, written = word.partition("=")
        keyed = dict(_arguments(layer, "key"))
        if key not in keyed:
            what = f'"{text}" has a key that "{layer.word}" does not know'
            raise NetworkError(Problem(what, got=key, expected=layer.usage, hint=nearest(key, keyed)))
        return key, keyed[key], written
    bare = _arguments(layer, "word")
    if waiting and not any(word in argument.names for _, argument in bare):
        name, argument = waiting.pop(0)
        return name, argument, word
    if bare and not word[0].isdigit():
        return *bare[0], word
    raise NetworkError(
        Problem(f'"{text}" says more than "{layer.word}" takes', got=word, expected=layer.usage)
    )
