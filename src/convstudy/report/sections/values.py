"""Random and halving searches: the score of each candidate by the value of one parameter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
)
from convstudy.report.metric_text import tip_format, writer
from convstudy.report.section import Material, Section, Topic
from convstudy.report.stages import CHOSEN, stage_title
from convstudy.studyfile import Range
from convstudy.studyfile.part import SearchValue


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each search that samples values."""
    results = material.results
    for stage_result in material.analysis.main_results:
        if not stage_result.trace or not results.study.search[stage_result.name].draws:
            continue
        stage = results.plan.stage(stage_result.stage)
        found = [
            values_chart(
                stage_result, number, key, tried, {each.name: each.values[key] for each in stage.candidates}
            )
            for number, (key, tried) in enumerate(
                results.study.search[stage_result.name].parameters.items(), start=1
            )
        ]
        figures = tuple(figure for figure in found if figure is not None)
        if figures:
            yield Section(
                f"values-{stage_result.name}", f"{stage_title(stage_result)}: scores by value", figures
            )


def values_chart(
    stage_result: StageResult,
    number: int,
    key: str,
    tried: tuple[SearchValue, ...] | Range,
    values: Mapping[str, SearchValue],
) -> Figure | None:
    """Return a scatter plot of the mean validation score by one parameter; ``None`` for fewer than two values.

    Args:
        stage_result: the search.
        number: the number of the parameter, from 1. The file name has this number, because a key can contain characters
            that file names cannot.
        key: a network parameter or recipe key.
        tried: the search space; a range with ``log`` gives a logarithmic axis.
        values: the value of each candidate, by the name of the candidate.
    """
    rows: list[dict[str, Any]] = [
        {"candidate": row.name, "value": values[row.name], "mean": mean, "chosen": row.chosen}
        for row in stage_result.rows
        if (mean := _mean(stage_result, row)) is not None
    ]
    if len({row["value"] for row in rows}) < 2:
        return None
    metric = stage_result.metric
    best = min(rows, key=lambda row: metric.rank(row["mean"]))
    subject, title = stage_title(stage_result), f"By {key}"
    alt = (
        f"{subject}: mean validation {metric.title} of {counted(len(rows), 'candidate')} by {key}; the best, "
        f"{writer(metric)(best['mean'])}, at {best['value']}."
    )
    name = f"values-{stage_result.name}-{number:02d}"
    is_log = isinstance(tried, Range) and tried.log
    return Figure(name, title, alt, lambda: _draw(rows, key, is_log, metric), f"{subject}: by {key}")


def _draw(rows: list[dict[str, Any]], key: str, is_log: bool, metric: Metric) -> Spec:
    if all(isinstance(row["value"], (int, float)) and not isinstance(row["value"], bool) for row in rows):
        scale = {"type": "log", "nice": False, "padding": 12} if is_log else {"zero": False, "padding": 12}
        x = quantity("value", title=key, scale=scale, axis={"tickCount": 6, "format": "~g"})
    else:
        rows = [{**row, "value": str(row["value"])} for row in rows]
        x = nominal("value", title=key, axis={"labelAngle": 0})
    encoding = {
        "x": x,
        "y": quantity(
            "mean", title=f"mean validation {metric.title}", scale={"zero": False}, axis=metric_axis(metric)
        ),
        "color": CHOSEN,
        "shape": either("datum.chosen", "diamond", "circle"),
        "tooltip": [nominal("candidate"), quantity("mean", title=metric.title, format=tip_format(metric))],
    }
    return chart(
        Layer({"type": "point", "size": 80, "filled": True, "opacity": 0.85}, encoding, rows), height=200
    )


def _mean(stage_result: StageResult, row: CandidateRow) -> float | None:
    """Return a candidate's mean score, ``None`` unless all its fits are done."""
    return row.summary(stage_result.measure).mean if row.n_done == len(row.fits) else None


SECTION = Topic(44, sections)
