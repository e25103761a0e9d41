"""The picture of an answer: candidates ranked by their mean with its interval, the selected one marked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convstudy.analysis import CandidateRow, Contest
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
from convstudy.report.metric_words import tip_format, writer
from convstudy.report.stages import CHOSEN, stage_title
from convstudy.stats import Interval

MOST = 12
"""The number of candidates that the picture shows; the section of the question has all of them."""
HEIGHT = 30
"""Height of one candidate, in pixels."""


def picture(contest: Contest) -> Figure | None:
    """Return the candidates that can be compared, the best mean first; ``None`` where none has a score.

    Of a search these are the candidates that were trained on the same folds, as far as the selected one.
    """
    ranking = contest.ranking
    if contest.question == "search" and contest.leader is not None:
        leader = contest.leader
        ranking = tuple(row for row in ranking if row.trained_like(leader))
    shown = shortened(ranking)
    if not shown:
        return None
    measure, intervals = _measure(contest, shown)
    rows = [_row(contest, row, intervals) for row in shown]
    title = measure if len(shown) == len(ranking) else f"{measure}, the best {MOST} of {len(ranking)}"
    marked = next((row["candidate"] for row in rows if row["chosen"]), "")
    subject = stage_title(contest)
    means = ", ".join(f"{row['candidate']} {writer(contest.metric)(row['mean'])}" for row in rows)
    alt = f"{subject}, {title}: {means}.{f' Selected: {marked}.' if marked else ''}"
    name = f"answer-{contest.question}-{contest.name}"
    sign = " (◆\u00a0selected)" if marked else ""
    return Figure(name, f"{subject}: {title}{sign}", alt, lambda: _draw(rows, contest.metric))


def shortened(ranking: tuple[CandidateRow, ...]) -> tuple[CandidateRow, ...]:
    """Return the first ``MOST`` of a ranking; the selected one has the last place where it is further down."""
    if len(ranking) <= MOST or any(row.chosen for row in ranking[:MOST]):
        return ranking[:MOST]
    chosen = [row for row in ranking[MOST:] if row.chosen]
    return (*ranking[: MOST - len(chosen)], *chosen)


def _measure(contest: Contest, shown: tuple[CandidateRow, ...]) -> tuple[str, Mapping[str, Interval]]:
    """Return what the picture shows in words, and the intervals."""
    search = contest.question == "search"
    tested = {row.name: contest.interval(row.name) for row in contest.rows}
    known = {name: interval for name, interval in tested.items() if interval is not None}
    intervals = contest.fold_intervals if search else known
    images, part = ("validation", "fold") if search else ("test", "seed")
    sure = "mean and 95 % interval" if intervals else "mean"
    numbers = sorted({row.summary(contest.measure).n for row in shown})
    parts = counted(numbers[-1], part)
    over = parts if len(numbers) == 1 else f"{numbers[0]} to {parts}"
    return f"{images} {contest.metric.title}, {sure} over {over}", intervals


def _row(contest: Contest, row: CandidateRow, intervals: Mapping[str, Interval]) -> dict[str, Any]:
    mean = row.summary(contest.measure).mean
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
        quantity(key, title=words, format=tip_format(metric))
        for key, words in (("mean", "mean"), ("low", "from"), ("high", "to"))
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
