"""Charts of differences with their intervals, for ablations and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convstudy.metrics import Metric
from convstudy.numbers import shortest
from convstudy.report import theme
from convstudy.report.figure import Figure, Layer, Spec, chart, nominal, quantity, rows_of
from convstudy.report.metric_text import metric_of, with_sign
from convstudy.report.ranking import HEIGHT, MOST
from convstudy.report.stages import ROW
from convstudy.report.verdict_text import reliable_ends
from convstudy.stats import Verdict

_MARKS = {
    "better": ("circle", theme.GREEN),
    "worse": ("diamond", theme.VERMILLION),
    "equivalent": ("square", theme.SKY),
}
_OTHER = ("triangle-up", theme.GREY)


def forest_chart(
    name: str, subject: str, title: str, named: Sequence[tuple[str, Verdict]], is_small: bool = False
) -> Figure | None:
    """Draw a forest plot: differences with intervals, the best first, with zero and the equivalence margin.

    Args:
        name: the name of the figure.
        subject: the title of the stage.
        title: the title of the figure.
        named: verdicts, each with its label on the axis.
        is_small: draw low rows and at most ``MOST`` of them, for the first screen of the report.

    Returns:
        The figure, or ``None`` if no difference is known.
    """
    rows = [_row(label, verdict) for label, verdict in named if verdict.difference.mean is not None]
    if not rows:
        return None
    if is_small and len(rows) > MOST:
        title = f"{title}, the {MOST} largest of {len(rows)}"
        rows = sorted(rows, key=lambda row: -abs(row["mean"]))[:MOST]
    if any(verdict.n_collapsed for _, verdict in named):
        title = f"{title}; no interval where seeds collapsed"
    first = named[0][1]
    metric, margin = metric_of(first), first.margin * _scale(first)
    rows.sort(key=lambda row: metric.rank(row["mean"]))
    ends = ", ".join(
        f"{row['pair']} {with_sign(metric, row['mean'] / _scale(first))} ({row['verdict']})" for row in rows
    )
    unit = ", in percentage points" if metric.unit == "percent" else ""
    lower = "" if metric.higher_is_better else "; lower is better"
    full_title = f"{subject}: {title[:1].lower()}{title[1:]}"
    alt = f"{full_title}{unit}{lower}: {ends}."
    return Figure(name, title, alt, lambda: _draw(rows, metric, margin, is_small), full_title)


def _scale(verdict: Verdict) -> float:
    """Return the factor between a difference and its value on the axis."""
    return 100.0 if metric_of(verdict).unit == "percent" else 1.0


def _row(label: str, verdict: Verdict) -> dict[str, Any]:
    difference = verdict.difference
    assert difference.mean is not None  # forest_chart skips verdicts without pairs
    scale, (low, high) = _scale(verdict), reliable_ends(verdict)
    return {
        "pair": label,
        "mean": difference.mean * scale,
        "low": (difference.mean if low is None else low) * scale,
        "high": (difference.mean if high is None else high) * scale,
        "verdict": verdict.kind,
    }


def _draw(rows: list[dict[str, Any]], metric: Metric, margin: float, is_small: bool) -> Spec:
    kinds = list(dict.fromkeys(row["verdict"] for row in rows))
    look = [_MARKS.get(kind, _OTHER) for kind in kinds]
    y = rows_of([row["pair"] for row in rows], "pair", widest=220)  # two names with a minus between
    colour = nominal("verdict", title=None, scale={"domain": kinds, "range": [c for _, c in look]})
    shape = nominal("verdict", title=None, scale={"domain": kinds, "range": [s for s, _ in look]})
    unit = ", pp" if metric.unit == "percent" else ""
    note = f" (grey: equivalence margin ±{shortest(margin)})" if margin else ""
    note += "" if metric.higher_is_better else ", lower is better"
    small = "percentage points" if unit else f"difference in {metric.title}"
    what = small if is_small else f"difference in test {metric.title}{unit}"
    x = quantity("low", title=f"{what}{note}", axis={"tickCount": 5 if is_small else 6})
    tips = [nominal("pair"), nominal("verdict")]
    tips += [
        quantity(key, title=text, format="+.2f" if unit else "+.4f")
        for key, text in (
            ("mean", "difference, pp" if unit else "difference"),
            ("low", "from"),
            ("high", "to"),
        )
    ]
    return chart(
        Layer(
            {"type": "rect", "opacity": 0.22, "color": theme.GREY},
            {"x": quantity("from"), "x2": {"field": "to"}},
            [{"from": -margin, "to": margin}],
        ),
        Layer(
            {"type": "rule", "strokeWidth": 1.2, "strokeDash": [4, 3], "color": theme.GREY},
            {"x": quantity("zero")},
            [{"zero": 0}],
        ),
        Layer(
            {"type": "rule", "strokeWidth": 2.4, "opacity": 0.7},
            {"x": x, "x2": {"field": "high"}, "y": y, "color": colour},
            rows,
        ),
        Layer(
            {"type": "point", "size": 110, "filled": True, "opacity": 1},
            {"x": quantity("mean"), "y": y, "color": colour, "shape": shape, "tooltip": tips},
            rows,
        ),
        height=(HEIGHT if is_small else ROW) * len(rows),
    )
