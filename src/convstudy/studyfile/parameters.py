"""Parameters in layer texts: ``"conv 64 {kernel} relu"`` with ``kernel = 7`` is ``"conv 64 7 relu"``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from convstudy.errors import NetworkError, Problem, nearest

_MEND = "write a parameter as {name}; braces mean nothing else"


def filled(layers: Iterable[str], parameters: Mapping[str, int | float | str]) -> tuple[str, ...]:
    """Return the layer texts with every ``{name}`` replaced by the value of that parameter.

    A value is written as it stands and is not searched for further parameters, so that a text such as
    ``"conv 8 3 relu"`` may be a value too.

    >>> filled(["conv 64 {kernel} relu", "flatten"], {"kernel": 7})
    ('conv 64 7 relu', 'flatten')

    Raises:
        NetworkError: with a problem for each unknown name and each lone brace, by layer number.
    """
    texts: list[str] = []
    problems: list[Problem] = []
    for number, text in enumerate(layers, start=1):
        parts: list[str] = []
        for part, is_name in _parts(text):
            if not is_name:
                parts.append(part)
            elif part in parameters:
                parts.append(str(parameters[part]))
            else:
                problems.append(_misplaced(part, text, f"layer {number}", parameters))
        texts.append("".join(parts))
    if problems:
        raise NetworkError(*problems)
    return tuple(texts)


def parameter_names(layers: Iterable[str]) -> frozenset[str]:
    """Return the names that the layer texts ask for.

    >>> sorted(parameter_names(["conv {filters} {kernel} relu", "dropout {rate}"]))
    ['filters', 'kernel', 'rate']
    """
    return frozenset(
        part for text in layers for part, is_name in _parts(text) if is_name and part[:1] not in "{}"
    )


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text and whether each is a name; a lone brace is a name that none has."""
    rest = text
    while rest:
        start = min((place for place in (rest.find("{"), rest.find("}")) if place >= 0), default=len(rest))
        if start:
            yield rest[:start], False
        if start == len(rest):
            return
        end = rest.find("}", start + 1)
        inner = rest[start + 1 : end] if end >= 0 else ""
        if rest[start] == "}" or end < 0 or "{" in inner:
            yield rest[start], True
            rest = rest[start + 1 :]
        else:
            yield inner.strip(), True
            rest = rest[end + 1 :]


def _misplaced(name: str, text: str, where: str, parameters: Mapping[str, object]) -> Problem:
    """Return what is wrong with a name that no parameter has."""
    if name in ("{", "}", ""):
        what = (
            f'"{text}" has a "{name}" without its partner'
            if name
            else f'"{text}" has braces with no name in them'
        )
        return Problem(what, where, got=name or "{}", mend=_MEND)
    return Problem(
        f'"{text}" needs the parameter "{name}", which the network does not have',
        where,
        got=name,
        allowed=", ".join(parameters) or "nothing: the network has no parameters",
        mend=nearest(name, parameters) or f"give it a value beside layers: {name} = ...",
    )
