"""Figures: Vega-Lite charts with titles and alternative texts; axes, scales and marks that charts share.

A chart is a Vega-Lite specification as plain values. The page draws it, and vl-convert writes it as SVG, PDF or PNG.
The package does not use Altair, which took three quarters of the time of a report on 1,000 fits; a test validates each
chart against Altair's schema. Every chart is a single layered view as wide as its container, so that it fits a phone.
Dashes, shapes or positions repeat the information of colours, for colour-blind readers.
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
    """A chart with its title and alternative text.

    Attributes:
        name: the file name without its suffix.
        title: the title on the page. It omits the subject, because the section's title names it.
        alt: a sentence for screen readers.
        draw: returns the chart; called once per format, so that a report keeps no charts in memory.
        full_title: the title in a file, with the subject; empty if ``title`` is also the title in a file.
        width: the width in a file, in pixels.
        is_narrow: whether the page limits the chart to the width of a column of text.
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
    """Marks of one kind: their style, the encoding of their channels, and the rows of data that they show."""

    mark: Spec
    encoding: Spec
    rows: Rows
    params: tuple[Spec, ...] = ()


def chart(*layers: Layer, height: int) -> Spec:
    """Combine layers into a chart; layers with the same rows share one dataset. ``height`` is in pixels."""
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
    """Encode a field as a number; ``options`` are those of a Vega-Lite channel."""
    return {"field": field, "type": "quantitative", **options}


def nominal(field: str, **options: Any) -> Spec:
    """Encode a field as a category; ``options`` are those of a Vega-Lite channel."""
    return {"field": field, "type": "nominal", **options}


def either(test: str, yes: Any, no: Any) -> Spec:
    """Encode the value ``yes`` for rows for which the Vega expression ``test`` is true, else ``no``."""
    return {"condition": {"test": test, "value": yes}, "value": no}


def rows_of(names: Sequence[str], field: str = "candidate", widest: int = 150) -> Spec:
    """Encode names from top to bottom; labels have at most ``widest`` pixels."""
    axis: Spec = {"labelLimit": widest, "labelFontSize": 13, "grid": True}
    labels = short_names(names, widest // 7)  # a letter of this size is 7 pixels wide
    if labels != tuple(names):
        index = f"indexof({json.dumps(list(names))}, datum.label)"
        axis["labelExpr"] = f"{json.dumps(labels)}[{index}]"
    return nominal(field, title=None, sort=list(names), axis=axis)


def short_names(names: Sequence[str], most: int) -> tuple[str, ...]:
    """Shorten names to at most ``most`` letters, so that different names stay different.

    The middle of a long name is left out, because candidates often differ at the end of their names. If this makes two
    names equal, the common beginning is left out instead. If this does not help, numbers are put in front.

    >>> short_names(("conv", "convolution-with-batch-norm"), 12)
    ('conv', 'convo…-norm')
    >>> short_names(("network-with-8-filters-inside", "network-with-9-filters-inside"), 12)
    ('…8-filters-…', '…9-filters-…')
    """
    letters = zip(*(name for name in names if len(name) > most), strict=False)
    begin = next((index for index, found in enumerate(letters) if len(set(found)) > 1), 0)
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
    """Return a legend with as many columns as fit on a phone."""
    widest = max(map(len, names), default=0)
    return {"columns": max(1, min(len(names), 42 // (widest + 4))), "labelLimit": 240}


def named_scale(names: Sequence[str], values: Sequence[Any]) -> Spec:
    """Return a scale from names to values, which repeat if there are more names."""
    return {"domain": list(names), "range": [values[i % len(values)] for i in range(len(names))]}


def epoch_axis(n: int) -> Spec:
    """Return an axis from 1 to n with integer ticks, about ten at most."""
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10**6) if n / step <= 10)
    return {"values": sorted({1, *range(step, n + 1, step)}), "format": "d", "grid": False}


def metric_axis(metric: Metric) -> Spec:
    """Return an axis of a metric's values, in percent if they are fractions."""
    text_format = "~%" if metric.unit == "percent" else "~g"
    # labelSeparation lets a phone leave out every second label
    return {"format": text_format, "tickCount": 5, "labelSeparation": 4}


def label_angle(names: Sequence[str]) -> int:
    """Return the angle of class names below a chart, in degrees: 0 if they are short."""
    return 0 if max(map(len, names), default=0) <= 3 else -45
