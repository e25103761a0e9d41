"""The recipe key ``class_weights``: "none", "balanced", or a table of class names and weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

WeightNames = Literal["none", "balanced"]
WeightTable = tuple[tuple[str, float], ...]
"""The weight of each class by its name, sorted by name. Unlike a dict, it can be hashed."""

NAMES: tuple[WeightNames, ...] = ("none", "balanced")
MAX_WEIGHT = 1e6
"""The largest weight of a class. Weights only count in proportion to each other."""


def _validated(value: Any) -> WeightNames | WeightTable:
    """Return the value of a study file or of Python; a mapping becomes a sorted tuple of pairs."""
    for name in NAMES:
        if isinstance(value, str) and value == name:
            return name
    if isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        value = dict(value)
    if not isinstance(value, Mapping):
        what = 'class_weights must be "none", "balanced" or a table of class names and weights'
        raise PydanticCustomError("class_weights", what)
    for name, weight in value.items():
        if not isinstance(name, str):
            raise _refusal(str(name), "written as a string: the name of the class", repr(name))
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not (is_number and math.isfinite(weight) and 0 < weight <= MAX_WEIGHT):
            got = str(weight).lower() if isinstance(weight, bool) else f"{weight!r:.60}"
            raise _refusal(name, f"a number in (0, {MAX_WEIGHT:.0f}]", got)
    return tuple((name, float(value[name])) for name in sorted(value))


def _refusal(name: str, expected: str, got: str) -> PydanticCustomError:
    context = {"key": name, "expected": expected, "got": got}
    return PydanticCustomError("combination", "{key} must be {expected}; got {got}", context)


def _plain(value: WeightNames | WeightTable) -> Any:
    return value if isinstance(value, str) else dict(value)


ClassWeights = Annotated[
    WeightNames | WeightTable,
    PlainValidator(_validated),
    PlainSerializer(_plain),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": list(NAMES)},
                {
                    "type": "object",
                    "additionalProperties": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_WEIGHT},
                },
            ]
        }
    ),
]
"""A field for "none", "balanced" or a table of class names and weights."""
