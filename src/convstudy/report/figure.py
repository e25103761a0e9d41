"""A chart with its words, and what all charts share: their size, their axes, their scales.

A chart is a Vega-Lite specification as plain values, which the page draws and vl-convert writes as SVG, PDF or PNG.
Built through Altair, the charts of 1,000 fits took three quarters of a report's time; a test holds each to the same
schema. Every chart is a single layered view as wide as its container, so that it fits a phone. Colour is never the
only sign: dashes, shapes or places say the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from convstudy.metrics import Metric

Spec = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart with its words.

    Attributes:
        name: what files are called.
        title: what it shows; the section that it is in says of what.
        alt: a sentence for readers who cannot see it.
        draw: returns the chart; called once for each format, so that a report holds no chart in memory.
        full_title: the title of a file, which has no section around it; the title, if there is no other.
        width: of a file, in pixels.
        is_narrow: whether the page shows it no wider than a column of text.
    """

    shape: ClassVar[str] = "figure"

    name: str
    title: str
    alt: str
    draw: Callable[[], Spec]
    full_title: str = ""
    width: int = 640
    is_narrow: bool = False


@dataclass(frozen=True, eq=False)
class Layer:
    """Marks of one kind: how they look, what their channels show, and the rows that they are of."""

    mark: Spec
    encoding: Spec
    rows: Rows
    params: tuple[Spec, ...] = ()


def chart(*layers: Layer, height: int) -> Spec:
    """Return a chart of layers; rows that several share are in it once."""
    data: dict[int, tuple[str, Rows]] = {}
    drawn: list[Spec] = []
    for layer in layers:
        name, _ = data.setdefault(id(layer.rows), (f"rows-{len(data) + 1}", layer.rows))
        spec: Spec = {"data": {"name": name}, "mark": layer.mark, "encoding": layer.encoding}
        drawn.append({**spec, "params": list(layer.params)} if layer.params else spec)
    return {
        "datasets": dict(data.values()),
        "layer": drawn,
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def quantity(field: str, **options: Any) -> Spec:
    """Return the channel of a number."""
    return {"field": field, "type": "quantitative", **options}


def nominal(field: str, **options: Any) -> Spec:
    """Return the channel of a name."""
    return {"field": field, "type": "nominal", **options}


def either(test: str, yes: Any, no: Any) -> Spec:
    """Return the channel of a value where a test holds of a row, and of another one where it does not."""
    return {"condition": {"test": test, "value": yes}, "value": no}


def rows_of(names: Sequence[str], field: str = "candidate", widest: int = 150) -> Spec:
    """Return the channel of names from top to bottom, each no wider than this many pixels."""
    axis: Spec = {"labelLimit": widest, "labelFontSize": 13, "grid": True}
    labels = short_names(names, widest // 7)  # a letter of this size is 7 pixels wide
    if labels != tuple(names):
        place = f"indexof({json.dumps(list(names))}, datum.label)"
        axis["labelExpr"] = f"{json.dumps(labels)}[{place}]"
    return nominal(field, title=None, sort=list(names), axis=axis)


def short_names(names: Sequence[str], most: int) -> tuple[str, ...]:
    """Return the names with at most this many letters each, so that different names stay different.

    A long name loses its middle, for candidates often differ at the end of their names. Where that makes two names
    equal, it loses what all long names begin with instead; where that does not help, labels get their number in front.

    >>> short_names(("conv", "convolution-with-batch-norm"), 12)
    ('conv', 'convo…-norm')
    >>> short_names(("network-with-8-filters-inside", "network-with-9-filters-inside"), 12)
    ('…8-filters-…', '…9-filters-…')
    """
    letters = zip(*(name for name in names if len(name) > most), strict=False)
    begin = next((place for place, found in enumerate(letters) if len(set(found)) > 1), 0)
    for shorten in (_without_middle, lambda name, most: _from(name, begin, most)):
        short = tuple(name if len(name) <= most else shorten(name, most) for name in names)
        if len(set(short)) == len(set(names)):
            return short
    return tuple(_without_middle(f"{number}. {name}", most) for number, name in enumerate(names, start=1))


def _without_middle(name: str, most: int) -> str:
    half = most // 2 - 1
    return name if len(name) <= most else f"{name[:half]}…{name[-half:]}"


def _from(name: str, begin: int, most: int) -> str:
    rest = name[begin:]
    return f"…{rest}" if len(rest) < most else f"…{rest[: most - 2]}…"


def phone_legend(names: Sequence[str]) -> Spec:
    """Return a legend with the number of columns that a phone has room for."""
    widest = max(map(len, names), default=0)
    return {"columns": max(1, min(len(names), 42 // (widest + 4))), "labelLimit": 240}


def named_scale(names: Sequence[str], values: Sequence[Any]) -> Spec:
    """Return a scale that gives each name a value, beginning again where they run out."""
    return {"domain": list(names), "range": [values[i % len(values)] for i in range(len(names))]}


def epoch_axis(n: int) -> Spec:
    """Return an axis from 1 to n with at most some ten whole ticks."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10**6) if n / step <= 10)
    return {"values": sorted({1, *range(step, n + 1, step)}), "format": "d", "grid": False}


def metric_axis(metric: Metric) -> Spec:
    """Return an axis of a metric's values, in percent where its values are fractions."""
    text_format = "~%" if metric.unit == "percent" else "~g"
    return {
        "format": text_format,
        "tickCount": 5,
        "labelSeparation": 4,
    }  # a phone then leaves out every second one


def label_angle(names: Sequence[str]) -> int:
    """Return how class names stand below a chart: upright if they are short."""
    return 0 if max(map(len, names), default=0) <= 3 else -45
