"""Parameters in layer texts: ``"conv 64 {kernel} relu"`` with ``kernel = 7`` is ``"conv 64 7 relu"``.

A name can be multiplied or divided by an integer: ``{4*filters}``, ``{filters*4}``, ``{filters/4}``. There is no other
arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from convstudy.errors import NetworkError, Problem, nearest

Value = int | float | str
Spec: TypeAlias = "str | tuple[Spec, ...]"
"""A layer in a study file: a layer text, or a list of a layer text and the layers inside this layer."""

_SYNTAX = "write a parameter as {name}, {4*name} or {name/4}"
# Nine digits are more than any layer needs; the limit keeps the numbers small.
_SCALED = re.compile(
    r"(?P<before>[0-9]{1,9})\s*\*\s*(?P<name>.+)|(?P<first>.+?)\s*(?P<sign>[*/])\s*(?P<by>[0-9]{1,9})"
)
_SIGNS = re.compile(r"[*/+%^()]")
_INTEGER = re.compile(r"[0-9]{1,9}")


def fill_parameters(text: str, parameters: Mapping[str, Value]) -> str:
    """Return a layer text with every ``{name}`` replaced by the value of the parameter.

    A value is not searched for further parameters. It can be a whole layer text such as ``"conv 8 3 relu"``.

    >>> fill_parameters("conv {4*filters} {kernel} relu", {"filters": 16, "kernel": 7})
    'conv 64 7 relu'

    Raises:
        NetworkError: with one problem per unknown name, unmatched brace, and result that is not an integer.
    """
    parts: list[str] = []
    problems: list[Problem] = []
    for part, is_name in _parts(text):
        if not is_name:
            parts.append(part)
            continue
        try:
            parts.append(_value(part, text, parameters))
        except NetworkError as error:
            problems += error.problems
    if problems:
        raise NetworkError(*problems)
    return "".join(parts)


def parameter_names(layers: Iterable[Spec]) -> frozenset[str]:
    """Return the names of the parameters that the layer texts use.

    >>> sorted(parameter_names(["conv {2*filters} {kernel} relu", ("residual", "dropout {rate}")]))
    ['filters', 'kernel', 'rate']
    """
    return frozenset(
        name
        for text in _texts(layers)
        for part, is_name in _parts(text)
        if is_name and part[:1] not in "{}"
        for name in _named(_scaled(part)[0])
    )


def _named(inner: str) -> list[str]:
    """Return the name in a pair of braces, or all possible names if the arithmetic is not supported."""
    return [word.strip() for word in _SIGNS.split(inner) if word.strip()]


def _texts(layers: Iterable[Spec]) -> Iterator[str]:
    for layer in layers:
        if isinstance(layer, str):
            yield layer
        else:
            yield from _texts(layer)


def _value(inner: str, text: str, parameters: Mapping[str, Value]) -> str:
    """Return the value of the expression ``inner`` of a pair of braces in ``text``."""
    if inner in parameters:
        return str(parameters[inner])
    name, factor, divisor = _scaled(inner)
    if name not in parameters:
        raise NetworkError(_misplaced(name, text, parameters))
    value = str(parameters[name])
    if not _INTEGER.fullmatch(value):
        raise NetworkError(Problem(f'"{text}": {name} must be an integer', got=value))
    if divisor and int(value) % divisor:
        raise NetworkError(Problem(f'"{text}": {name} must be a multiple of {divisor}', got=value))
    return str(int(value) * factor // (divisor or 1))


def _scaled(inner: str) -> tuple[str, int, int]:
    """Return the name in a pair of braces, its factor, and its divisor (0 if there is none)."""
    found = _SCALED.fullmatch(inner)
    if found is None:
        return inner, 1, 0
    if found["name"]:
        return found["name"], int(found["before"]), 0
    by = int(found["by"])
    # A division by 0 keeps the whole text as the name, which is reported as unsupported arithmetic.
    if found["sign"] == "/":
        return (found["first"], 1, by) if by else (inner, 1, 0)
    return found["first"], by, 0


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text and whether each is a name; an unmatched brace counts as an unknown name."""
    rest = text
    while rest:
        start = min((place for place in (rest.find("{"), rest.find("}")) if place >= 0), default=len(rest))
        if start:
            yield rest[:start], False
        if start == len(rest):
            return
        end = rest.find("}", start + 1)
        inner = rest[start + 1 : end] if end >= 0 else ""
        # A second "{" before the "}" means that the first one is unmatched.
        if rest[start] == "}" or end < 0 or "{" in inner:
            yield rest[start], True
            rest = rest[start + 1 :]
        else:
            yield inner.strip(), True
            rest = rest[end + 1 :]


def _misplaced(name: str, text: str, parameters: Mapping[str, object]) -> Problem:
    """Return the problem of an expression whose name is not a parameter."""
    if name in ("{", "}", ""):
        what = f'an unmatched brace "{name}"' if name else "empty braces"
        return Problem(f'"{text}" has {what}', hint=_SYNTAX)
    if _SIGNS.search(name):
        return Problem(f'"{text}" has unsupported arithmetic in "{{{name}}}"', hint=_SYNTAX)
    return Problem(
        f'"{text}" uses an unknown parameter "{name}"',
        expected=", ".join(parameters),
        hint=nearest(name, parameters) or f"give it a value next to layers: {name} = ...",
    )
