"""Titles, names and score charts that the sections of stages share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.analysis import CandidateRow, StageResult
from convstudy.history.results import Results
from convstudy.numbers import counted
from convstudy.plan import Candidate, Stage
from convstudy.record import Record
from convstudy.report import theme
from convstudy.report.figure import Figure, Layer, chart, either, metric_axis, quantity, rows_of
from convstudy.report.metric_text import tip_format, writer
from convstudy.stats import Interval

MEASURED = (
    "All scores are measured in evaluation mode, with the weights of the selected epoch. Training scores use a random "
    "sample if there are more training images than the recipe’s train_eval_samples."
)
ROW = 38
"""Height of a candidate's row in a chart, in pixels."""
CHOSEN = either("datum.chosen", theme.VERMILLION, theme.BLUE)


def stage_title(stage_result: StageResult) -> str:
    """Return the title of a stage: ``"Ablation of three-conv"``."""
    if stage_result.question == "ablate" and stage_result.settled:
        return f"Ablation of {stage_result.rows[0].network}"
    kinds = {"search": "Search", "compare": "Comparison", "ablate": "Ablation", "final": "Final training of"}
    return f"{kinds[stage_result.question]} {stage_result.name}"


def table_name(stage_result: StageResult) -> str:
    """Return the file name of a stage's table, without its suffix."""
    return f"{stage_result.question}-{stage_result.name}"


def chosen_rows(stage_result: StageResult) -> frozenset[int]:
    """Return the row number of the selected candidate, for :attr:`Table.marked`."""
    return frozenset(number for number, row in enumerate(stage_result.rows) if row.chosen)


def ends(interval: Interval | None) -> tuple[float | None, float | None]:
    """Split an interval into two cells of a table; an interval over collapsed seeds is not reliable and left out."""
    return (interval.low, interval.high) if interval and interval.reliable else (None, None)


def seeds_text(rows: tuple[CandidateRow, ...]) -> str:
    """Format the number of successful seeds per candidate: ``3 seeds``, ``1 to 3 seeds``."""
    done = sorted({row.n_done for row in rows})
    return counted(done[0], "seed") if len(done) == 1 else f"{done[0]} to {done[-1]} seeds"


def trained(results: Results, stage: Stage) -> Iterator[tuple[Candidate, list[Record]]]:
    """Yield each candidate, except placeholders, that has fits with a history, with the records of these fits."""
    for candidate in stage.candidates:
        records = [record for record in results.records_of(candidate) if record.done and record.history]
        if records and not candidate.depends_on:
            yield candidate, records


def scores_chart(stage_result: StageResult) -> Figure | None:
    """Draw the score of each fold or seed as a ring, with mean and standard deviation per candidate.

    ``None`` if there is no score, and for methods with rungs, where the folds and epochs of candidates differ.
    """
    halves = stage_result.trace is not None and stage_result.trace.rungs
    rows, summaries = [], []
    for row in stage_result.rows:
        summary = row.summary(stage_result.measure)
        for part, value in row.scores(stage_result.measure).items():
            rows.append({"candidate": row.name, "value": value, "part": part})
        if summary.mean is not None:
            spread = summary.sd or 0.0
            of = stage_result.metric
            low, high = max(of.low, summary.mean - spread), min(of.high, summary.mean + spread)
            shown: dict[str, Any] = {"candidate": row.name, "mean": summary.mean, "low": low, "high": high}
            summaries.append({**shown, "chosen": row.chosen})
    if halves or not rows:
        return None
    metric = stage_result.metric
    measure = f"{stage_result.measure.part} {metric.title}"
    means = ", ".join(f"{row['candidate']} {writer(metric)(row['mean'])}" for row in summaries)
    title = stage_title(stage_result)

    def draw() -> dict[str, Any]:
        part = "fold" if stage_result.question == "search" else "seed"
        names = [row.name for row in stage_result.rows]
        y = rows_of(names, widest=240 if stage_result.question == "search" else 150)
        scale = {"zero": False, "padding": 14}
        x_title = f"{measure}: each {part}, mean ± sd"
        mean = quantity("mean", title=x_title, scale=scale, axis=metric_axis(metric))
        tips = [{"field": "candidate", "type": "nominal"}, quantity("mean", format=tip_format(metric))]
        ring_tips = [
            {"field": "candidate", "type": "nominal"},
            {"field": "part", "type": "nominal", "title": "fit"},
            quantity("value", title=measure, format=tip_format(metric)),
        ]
        return chart(
            Layer(
                {"type": "rule", "strokeWidth": 5, "opacity": 0.3, "strokeCap": "round"},
                {"x": quantity("low", scale=scale), "x2": {"field": "high"}, "y": y, "color": CHOSEN},
                summaries,
            ),
            Layer(
                {"type": "tick", "thickness": 3, "size": 22, "opacity": 1},
                {"x": mean, "y": y, "color": CHOSEN, "tooltip": tips},
                summaries,
            ),
            Layer(
                {
                    "type": "point",
                    "size": 52,
                    "strokeWidth": 1.4,
                    "filled": False,
                    "color": theme.GREY,
                    "opacity": 1,
                },
                {"x": quantity("value", scale=scale), "y": y, "tooltip": ring_tips},
                rows,
            ),
            height=ROW * len(names),
        )

    name = f"scores-{stage_result.question}-{stage_result.name}"
    return Figure(name, "Scores", f"{title}, mean {measure}: {means}.", draw, title)
