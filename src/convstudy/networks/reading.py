"""Parses a layer text such as ``"conv 64 3 relu padding=same"``.

A layer text has the name of the layer, its positional values, an optional activation, and ``key=value`` pairs. The
fields of a layer's dataclass define its grammar, so a new layer needs no change here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convstudy.errors import NetworkError, Problem, nearest, unknown
from convstudy.networks.layers import LAYERS, Layer
from convstudy.networks.layers.layer import Argument, arguments_of

MAX_TEXT_LENGTH = 200


def read_layer(text: str) -> Layer:
    """Return the layer that a layer text describes.

    Layers that contain others (``residual``, ``concat``) are parsed by :func:`convstudy.networks.expanding.expand`.

    Raises:
        NetworkError: if the text is not the text of a layer.

    >>> read_layer("conv 64 3 relu").text
    'conv 64 3 relu'
    """
    check_length(text)
    words = text.split()
    if not words:
        what, hint = "a layer text must not be empty", '"convstudy layers" lists the layers'
        raise NetworkError(Problem(what, hint=hint))
    if words[0] not in LAYERS:
        raise NetworkError(unknown("layer", words[0], LAYERS))
    layer = LAYERS[words[0]]
    if layer.contains:
        raise NetworkError(Problem(f'"{text}" has no layers inside', hint=f"write {layer.usage}"))
    return layer(**read_values(layer, words[1:], text))


def check_length(text: str) -> None:
    """Raise :class:`NetworkError` for a text of more than ``MAX_TEXT_LENGTH`` characters."""
    if len(text) > MAX_TEXT_LENGTH:
        what, got = f"a layer text must have at most {MAX_TEXT_LENGTH} characters", f"{len(text)}"
        raise NetworkError(Problem(what, got=got, hint="split it into several layers"))


def read_values(layer: type[Layer], words: Sequence[str], text: str) -> dict[str, Any]:
    """Return the field values of a layer.

    Args:
        layer: the class of the layer.
        words: the words of its text after the first.
        text: the whole text, for error messages.

    Raises:
        NetworkError: if a value is missing, unknown, given twice or not allowed.
    """
    values: dict[str, Any] = {}
    missing = _arguments(layer, "position")
    form = f"write {layer.usage}"
    for word in words:
        # A preset is a bare word, so it comes after all positional values.
        if word in layer.presets and not missing:
            preset = layer.presets[word]
            if twice := [name for name in preset if name in values]:
                raise NetworkError(Problem(f'"{text}" sets {" and ".join(twice)} twice', hint=form))
            values |= preset
            continue
        name, argument, written = _argument_of(layer, word, missing, text)
        if name in values:
            raise NetworkError(Problem(f'"{text}" sets {name} twice', hint=form))
        try:
            values[name] = argument.read(written)
        except ValueError:
            what = f'"{text}": {name} must be {argument.read.expected}'
            raise NetworkError(
                Problem(what, got=written or '""', hint=nearest(written, argument.names))
            ) from None
    if missing:
        names = " and ".join(name for name, _ in missing)
        raise NetworkError(Problem(f'"{text}" is missing its {names}', hint=form))
    return values


def _arguments(layer: type[Layer], how: str) -> list[tuple[str, Argument]]:
    """Return the name and argument of each field whose ``how`` is the given one, in order."""
    return [(name, argument) for name, argument in arguments_of(layer).items() if argument.how == how]


def _argument_of(
    layer: type[Layer], word: str, missing: list[tuple[str, Argument]], text: str
) -> tuple[str, Argument, str]:
    """Return the field that a word belongs to and its written value; remove a positional field from ``missing``."""
    form = f"write {layer.usage}"
    if "=" in word:
        key, _, written = word.partition("=")
        keyed = dict(_arguments(layer, "key"))
        if key not in keyed:
            what = f'"{text}" has an unknown option "{key}"'
            raise NetworkError(Problem(what, hint=nearest(key, keyed) or form))
        return key, keyed[key], written
    # An activation may come before the positional values: "conv relu 64 3".
    bare = _arguments(layer, "word")
    if missing and not any(word in argument.names for _, argument in bare):
        name, argument = missing.pop(0)
        return name, argument, word
    # A number cannot be a misspelt name, so it is a surplus value.
    if bare and not word[0].isdigit():
        return *bare[0], word
    raise NetworkError(Problem(f'"{text}" has an unexpected value "{word}"', hint=form))
