"""Charts of differences with their intervals: what each variant of an ablation changes, and pairs of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convstudy.numbers import points, shortest
from convstudy.report import theme
from convstudy.report.figure import Figure, Layer, Spec, chart, nominal, quantity, rows_of
from convstudy.report.ranking import HEIGHT, MOST
from convstudy.report.stages import ROW
from convstudy.stats import Verdict

_MARKS = {
    "better": ("circle", theme.GREEN),
    "worse": ("diamond", theme.VERMILLION),
    "tie": ("square", theme.SKY),
}
_OTHER = ("triangle-up", theme.GREY)


def forest_chart(
    name: str, subject: str, title: str, named: Sequence[tuple[str, Verdict]], is_small: bool = False
) -> Figure | None:
    """Return differences with their intervals, the largest first, zero and the region marked; ``None`` without any.

    Args:
        name: of the figure.
        subject: the title of the stage.
        title: of the figure.
        named: what each verdict is called, and the verdict.
        is_small: whether it is the picture of an answer: low rows, and no more than ``MOST`` of them.
    """
    rows = [_row(label, verdict) for label, verdict in named if verdict.difference.mean is not None]
    if not rows:
        return None
    if is_small and len(rows) > MOST:
        title = f"{title}, the {MOST} largest of {len(rows)}"
        rows = sorted(rows, key=lambda row: -abs(row["mean"]))[:MOST]
    rows.sort(key=lambda row: -row["mean"])
    region = named[0][1].region * 100
    ends = ", ".join(f"{row['pair']} {points(row['mean'] / 100)} ({row['verdict']})" for row in rows)
    alt = f"{subject}: {title.lower()}, in points: {ends}."
    return Figure(name, title, alt, lambda: _draw(rows, region, is_small), f"{subject}: {title.lower()}")


def _row(label: str, verdict: Verdict) -> dict[str, Any]:
    difference = verdict.difference
    assert difference.mean is not None  # callers leave out what has no pair
    return {
        "pair": label,
        "mean": difference.mean * 100,
        "low": (difference.mean if difference.low is None else difference.low) * 100,
        "high": (difference.mean if difference.high is None else difference.high) * 100,
        "verdict": verdict.kind,
    }


def _draw(rows: list[dict[str, Any]], region: float, is_small: bool) -> Spec:
    kinds = list(dict.fromkeys(row["verdict"] for row in rows))
    look = [_MARKS.get(kind, _OTHER) for kind in kinds]
    y = rows_of([row["pair"] for row in rows], "pair", widest=220)  # two names with a minus between
    colour = nominal("verdict", title=None, scale={"domain": kinds, "range": [c for _, c in look]})
    shape = nominal("verdict", title=None, scale={"domain": kinds, "range": [s for s, _ in look]})
    within = f" (grey: ±{shortest(region)} count as none)" if region else ""
    what = "points" if is_small else "difference in test accuracy, points"
    x = quantity("low", title=f"{what}{within}", axis={"tickCount": 5 if is_small else 6})
    tips = [nominal("pair"), nominal("verdict")]
    tips += [
        quantity(key, title=words, format="+.2f")
        for key, words in (("mean", "points"), ("low", "from"), ("high", "to"))
    ]
    return chart(
        Layer(
            {"type": "rect", "opacity": 0.22, "color": theme.GREY},
            {"x": quantity("from"), "x2": {"field": "to"}},
            [{"from": -region, "to": region}],
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
