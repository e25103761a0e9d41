"""A chart with its words, and what all charts share: their size, their axes, their scales.

A chart is an Altair tree that is drawn on the page and written as SVG, PDF or PNG. Every chart is a single layered
view as wide as its container, so that it fits a phone. Colour never stands alone: dashes, shapes or places tell the
same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import altair as alt

Measure = Literal["loss", "accuracy"]


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart with its name (of files), its title and a sentence for those who cannot see it."""

    name: str
    title: str
    alt: str
    chart: alt.LayerChart | alt.Chart  # type: ignore[name-defined]

    @property
    def spec(self) -> dict[str, Any]:
        """The chart as a Vega-Lite specification, without theme; a test checks them all against the schema."""
        spec: dict[str, Any] = self.chart.to_dict(validate=False)
        return {key: value for key, value in spec.items() if key != "config"}


def drawn_from(rows: Sequence[dict[str, Any]]) -> alt.Chart:
    """Return a chart of these rows, without marks yet.

    Altair copies a chart at almost every step, and each row with it if they come as a list; a tuple it hands on.
    """
    import altair as alt

    return alt.Chart(alt.InlineData(values=tuple(rows)))


def chart_size(height: int) -> dict[str, Any]:
    """Return the size of a chart: as wide as its container, the plot this high."""
    import altair as alt

    return {
        "width": "container",
        "height": height,
        "autosize": alt.AutoSizeParams(type="fit-x", contains="padding"),
    }


def phone_legend(names: Sequence[str]) -> alt.Legend:
    """Return a legend of as many columns as a phone has room for."""
    import altair as alt

    return alt.Legend(
        columns=max(1, min(len(names), 42 // (max(map(len, names), default=0) + 4))), labelLimit=240
    )


def named_scale(names: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    """Return a scale that gives each name a value, beginning again where they run out."""
    import altair as alt

    return alt.Scale(domain=list(names), range=[values[i % len(values)] for i in range(len(names))])


def epoch_axis(n: int) -> alt.Axis:
    """Return an axis from 1 to n with at most some ten whole ticks."""
    import altair as alt

    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10**6) if n / step <= 10)
    ticks = sorted({1, *range(step, n + 1, step)})
    return alt.Axis(values=ticks, format="d", grid=False)


def measure_axis(measure: Measure) -> alt.Axis:
    """Return an axis of losses or of accuracies in percent."""
    import altair as alt

    return alt.Axis(format="~%", tickCount=5) if measure == "accuracy" else alt.Axis(format="~g", tickCount=5)


def names_axis(widest: int = 150) -> alt.Axis:
    """Return an axis of candidates by name, a name cut off where it is wider than so many pixels."""
    import altair as alt

    return alt.Axis(labelLimit=widest, labelFontSize=13, grid=True)


def label_angle(names: Sequence[str]) -> int:
    """Return how class names stand below a chart: upright if they are short."""
    return 0 if max(map(len, names), default=0) <= 3 else -45
