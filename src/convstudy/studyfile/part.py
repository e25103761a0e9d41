"""The base class of the parts of a study, and their shared field types.

A *part* is an object for one table of a study file, such as ``Recipe`` for ``[recipe]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from convstudy.errors import unknown
from convstudy.metrics import metrics
from convstudy.networks import ACTIVATIONS, INITIALISERS
from convstudy.studyfile.ranges import JsonInt

DIGEST_PATTERN = r"^[0-9a-f]{64}$"
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

Value = JsonInt | float | Annotated[str, Field(max_length=1000)]
SearchValue = bool | Value
"""A value of a key in a search."""
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
T = TypeVar("T")
Many = Annotated[tuple[T, ...], Field(strict=False)]
"""A tuple that is read from a list, because TOML and JSON have no tuples."""


def one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Return a validator that accepts these names only."""

    def check(name: str) -> str:
        if name not in names:
            found = unknown("name", name, names)
            context = {"what": found.what, "expected": found.expected, "hint": found.hint}
            raise PydanticCustomError("unknown_name", "{what}; expected {expected}. {hint}", context)
        return name

    return check


Init = Annotated[
    str, AfterValidator(one_of(INITIALISERS)), Field(json_schema_extra={"enum": list(INITIALISERS)})
]
Activation = Annotated[
    str, AfterValidator(one_of(ACTIVATIONS)), Field(json_schema_extra={"enum": list(ACTIVATIONS)})
]


MetricName = Annotated[
    str, AfterValidator(one_of(metrics())), Field(json_schema_extra={"enum": list(metrics())})
]


class Part(BaseModel):
    """Base class of the parts of a study: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def gathered(values: Any, own: tuple[str, ...], into: str, only: tuple[str, ...] | None = None) -> Any:
    """Return a mapping in which the keys that are not in ``own`` (but are in ``only``) are moved under ``into``."""
    if not isinstance(values, dict):
        return values
    moved = {key: value for key, value in values.items() if key not in own and (only is None or key in only)}
    kept = {key: value for key, value in values.items() if key not in moved}
    inner = kept.get(into, {})
    return {**kept, into: {**inner, **moved}} if moved and isinstance(inner, dict) else kept
