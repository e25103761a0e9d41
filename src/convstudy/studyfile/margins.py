"""The key ``equivalence_margin``: a number, a share of the errors such as "10 %", or a table of metrics and margins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from convstudy.errors import one_of
from convstudy.metrics import Metric, metrics
from convstudy.stats.error_ratio import Share

MAX_MARGIN = 100
SHARE_PATTERN = r"^\s*[0-9]+(\.[0-9]+){0,1}\s*%\s*$"
EXPECTED = f'a number in [0, {MAX_MARGIN}], or a share of the errors in (0, 100) such as "10 %"'

MarginValue = float | str
"""A margin as written: a number, or a share such as "10 %"."""
MarginTable = tuple[tuple[str, MarginValue], ...]
"""The margin of each metric by its name, sorted by name. Unlike a dict, it can be hashed."""


def _validated(value: Any) -> MarginValue | MarginTable | None:
    """Return the value of a study file or of Python; a mapping becomes a sorted tuple of pairs."""
    if value is None:
        return None
    if isinstance(value, tuple) and all(map(_is_pair, value)):
        value = dict(value)
    if not isinstance(value, Mapping) or not value:
        found = _margin(value)
        if found is None:
            expected = f"{EXPECTED}, or a table of metrics and margins"
            raise PydanticCustomError(
                "value", "must be {expected}; got {got}", {"expected": expected, "got": _shown(value)}
            )
        return found
    pairs: list[tuple[str, MarginValue]] = []
    for name, margin in value.items():
        if name not in metrics():
            raise _refusal(str(name), f"the margin of a metric: {one_of(metrics())}", f'a metric "{name}"')
        found = _margin(margin)
        if found is None:
            raise _refusal(name, EXPECTED, _shown(margin))
        pairs.append((name, found))
    return tuple(sorted(pairs))


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)


def _margin(value: Any) -> MarginValue | None:
    """Return a number, or a share in its shortest form; ``None`` if the value is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 <= value <= MAX_MARGIN else None  # False for nan
    share = share_of(value) if isinstance(value, str) else None
    return None if share is None else share.text


def share_of(text: str) -> Share | None:
    """Return the share that a text such as "10 %" names; ``None`` for other texts, and outside (0, 100) %.

    >>> share_of("10 %"), share_of("10"), share_of("100 %")
    (Share(value=0.1), None, None)
    """
    if len(text) > 40 or not re.match(SHARE_PATTERN, text):
        return None
    percent = float(text.strip().rstrip("%"))
    share = Share(percent / 100)
    # The text of a share near 0 or 100 % names no share: "1e-07 %", "100 %".
    has_text = re.match(SHARE_PATTERN, share.text) and share.text != Share(1).text
    return share if 0 < percent < 100 and has_text else None


def margin_in_units(metric: Metric, margin: MarginValue | None) -> float | Share:
    """Return a margin in the unit of the metric: 0.001 for 0.1 percentage points of accuracy; a share stays a share.

    Args:
        metric: the metric.
        margin: as in a study file; ``None`` for the default of the metric.
    """
    if margin is None:
        return metric.margin
    if isinstance(margin, str):
        share = share_of(margin)
        assert share is not None  # validated before
        return share
    return margin / 100 if metric.unit == "percent" else margin


def is_default(metric: Metric, margin: MarginValue | None) -> bool:
    """Return whether a margin is left out of the document of a study, because it is the default of the metric.

    A margin in percentage points is kept: the ids of older runs contain it.
    """
    return margin is None or (metric.unit != "percent" and margin == metric.margin)


def _refusal(name: str, expected: str, got: str) -> PydanticCustomError:
    context = {"key": name, "expected": expected, "got": got}
    return PydanticCustomError("combination", "{key} must be {expected}; got {got}", context)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value:.60}"' if isinstance(value, str) else f"{value!r:.60}"


def _plain(value: MarginValue | MarginTable | None) -> Any:
    return dict(value) if isinstance(value, tuple) else value


_ONE = [
    {"type": "number", "minimum": 0, "maximum": MAX_MARGIN},
    {"type": "string", "pattern": SHARE_PATTERN, "maxLength": 40},
]
EquivalenceMargin = Annotated[
    MarginValue | MarginTable | None,
    PlainValidator(_validated),
    PlainSerializer(_plain),
    WithJsonSchema(
        {
            "anyOf": [
                *_ONE,
                {
                    "type": "object",
                    "propertyNames": {"enum": list(metrics())},
                    "additionalProperties": {"anyOf": _ONE},
                    "minProperties": 1,
                },
            ]
        }
    ),
]
"""A field for a margin or a table of margins."""
