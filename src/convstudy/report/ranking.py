"""The chart of an answer: candidates ranked by mean score, with intervals, the selected one marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convstudy.analysis import CandidateRow, StageResult
from convstudy.metrics import Metric
from convstudy.numbers import counted
from convstudy.report.figure import (
    Figure,
    Layer,
    Spec,
    chart,
    either,
    metric_axis,
    nominal,
    quantity,
    rows_of,
)
from convstudy.report.metric_text import tip_format, writer
from convstudy.report.stages import CHOSEN, stage_title
from convstudy.stats import Interval

MOST = 12
"""The chart shows up to this many candidates; the section of the stage has all of them."""
HEIGHT = 30
"""Height of a candidate's row, in pixels."""


def ranking_figure(stage_result: StageResult) -> Figure | None:
    """Draw the candidates that can be compared, the best mean first; ``None`` if none has a score.

    For a search, these are the candidates that were trained on the same folds and up to the same epoch as the selected
    one.
    """
    ranking = stage_result.ranking
    if stage_result.question == "search" and stage_result.best is not None:
        best = stage_result.best
        ranking = tuple(row for row in ranking if row.is_comparable_to(best))
    shown = shortened(ranking)
    if not shown:
        return None
    measure, intervals = _measure(stage_result, shown)
    rows = [_row(stage_result, row, intervals) for row in shown]
    title = measure if len(shown) == len(ranking) else f"{measure}, the best {MOST} of {len(ranking)}"
    marked = next((row["candidate"] for row in rows if row["chosen"]), "")
    subject = stage_title(stage_result)
    means = ", ".join(f"{row['candidate']} {writer(stage_result.metric)(row['mean'])}" for row in rows)
    alt = f"{subject}, {title}: {means}.{f' Selected: {marked}.' if marked else ''}"
    name = f"answer-{stage_result.question}-{stage_result.name}"
    sign = " (◆\u00a0selected)" if marked else ""
    return Figure(name, f"{subject}: {title}{sign}", alt, lambda: _draw(rows, stage_result.metric))


def shortened(ranking: tuple[CandidateRow, ...]) -> tuple[CandidateRow, ...]:
    """Return the first ``MOST`` candidates; the selected one takes the last place if it ranks lower."""
    if len(ranking) <= MOST or any(row.chosen for row in ranking[:MOST]):
        return ranking[:MOST]
    chosen = [row for row in ranking[MOST:] if row.chosen]
    return (*ranking[: MOST - len(chosen)], *chosen)


def _measure(
    stage_result: StageResult, shown: tuple[CandidateRow, ...]
) -> tuple[str, Mapping[str, Interval]]:
    """Return the title of the chart, and the intervals by candidate."""
    search = stage_result.question == "search"
    tested = {row.name: stage_result.interval(row.name) for row in stage_result.rows}
    known = {
        name: interval for name, interval in tested.items() if interval is not None and interval.reliable
    }
    intervals = stage_result.fold_intervals if search else known
    images, part = ("validation", "fold") if search else ("test", "seed")
    mean = "mean and 95 % CI" if intervals else "mean"
    if any(interval is not None and not interval.reliable for interval in tested.values()):
        mean += " (none where seeds collapsed)" if intervals else ""
    numbers = sorted({row.summary(stage_result.measure).n for row in shown})
    parts = counted(numbers[-1], part)
    over = parts if len(numbers) == 1 else f"{numbers[0]} to {parts}"
    return f"{images} {stage_result.metric.title}, {mean} over {over}", intervals


def _row(stage_result: StageResult, row: CandidateRow, intervals: Mapping[str, Interval]) -> dict[str, Any]:
    mean = row.summary(stage_result.measure).mean
    interval = intervals.get(row.name)
    return {
        "candidate": row.name,
        "mean": mean,
        "low": interval.low if interval else mean,
        "high": interval.high if interval else mean,
        "chosen": row.chosen,
    }


def _draw(rows: list[dict[str, Any]], metric: Metric) -> Spec:
    y = rows_of([row["candidate"] for row in rows], widest=150)
    scale = {"zero": False, "padding": 14}
    x = quantity("mean", title=None, scale=scale, axis=metric_axis(metric))
    tips = [nominal("candidate")]
    tips += [
        quantity(key, title=text, format=tip_format(metric))
        for key, text in (("mean", "mean"), ("low", "from"), ("high", "to"))
    ]
    shape = either("datum.chosen", "diamond", "circle")
    return chart(
        Layer(
            {"type": "rule", "strokeWidth": 2.4, "opacity": 0.85},
            {"x": quantity("low", scale=scale, title=None), "x2": {"field": "high"}, "y": y, "color": CHOSEN},
            rows,
        ),
        Layer(
            {"type": "point", "size": 110, "filled": True, "opacity": 1},
            {"x": x, "y": y, "color": CHOSEN, "shape": shape, "tooltip": tips},
            rows,
        ),
        height=HEIGHT * len(rows),
    )
