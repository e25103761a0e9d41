"""The reliability diagram: accuracy against confidence, and how many predictions stand behind each point."""

from __future__ import annotations

from typing import Any

from convstudy.analysis import Calibration
from convstudy.figures import percent
from convstudy.report import theme
from convstudy.report.figure import Figure, chart_size, drawn_from


def calibration_chart(calibration: Calibration, title: str) -> Figure:
    """Return the reliability diagram (DeGroot and Fienberg 1983) over a histogram of the confidences.

    Both are shares, so that they stand on one axis: bars are shares of all predictions, points shares of right ones.
    """
    import altair as alt

    n = sum(each.n for each in calibration.bins)
    rows: list[dict[str, Any]] = [
        {
            "low": each.low,
            "high": each.high,
            "n": each.n,
            "share": each.n / n,
            "none": 0,
            "confidence": each.confidence,
            "accuracy": each.accuracy,
            "from": each.interval.low,
            "to": each.interval.high,
        }
        for each in calibration.bins
        if each.interval is not None
    ]
    scale = alt.Scale(domain=[0, 1], nice=False)
    axis = alt.Axis(format="~%", tickCount=5)
    y = alt.Y("accuracy:Q", title="right (bars: share of predictions)", scale=scale, axis=axis)
    tips = [
        alt.Tooltip("confidence:Q", title="mean confidence", format=".2%"),
        alt.Tooltip("accuracy:Q", title="right", format=".2%"),
        alt.Tooltip("from:Q", format=".2%"),
        alt.Tooltip("to:Q", format=".2%"),
        alt.Tooltip("n:Q", title="predictions", format=","),
    ]
    base = drawn_from(rows)
    bars = base.mark_rect(color=theme.GREY, opacity=0.28, stroke=None).encode(
        x=alt.X("low:Q", title="confidence", scale=scale, axis=axis),
        x2="high:Q",
        y=alt.Y("none:Q", scale=scale),
        y2="share:Q",
        tooltip=tips,
    )
    diagonal = (
        drawn_from([{"x": 0, "y": 0}, {"x": 1, "y": 1}])
        .mark_line(color=theme.GREY, strokeDash=[5, 4], strokeWidth=1.4)
        .encode(x=alt.X("x:Q", scale=scale), y=alt.Y("y:Q", scale=scale))
    )
    x = alt.X("confidence:Q", scale=scale)
    intervals = base.mark_rule(color=theme.BLUE, strokeWidth=2.4, opacity=0.6).encode(
        x=x, y=alt.Y("from:Q", scale=scale), y2="to:Q"
    )
    points = base.mark_point(color=theme.BLUE, filled=True, size=80, opacity=1).encode(x=x, y=y, tooltip=tips)
    chart = alt.layer(bars, diagonal, intervals, points).properties(**chart_size(320))
    last = rows[-1]
    text = (
        f"{title}: of {n:,} predictions {percent(last['share'])} are more than {percent(last['low'], 0)} sure, and "
        f"{percent(last['accuracy'])} of these are right."
    )
    return Figure("calibration", title, text, chart)
