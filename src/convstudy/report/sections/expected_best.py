"""Searches by their number of trials: the expected best validation score, and its range over orders of the trials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.analysis import ExpectedBest, StageResult, Trials
from convstudy.analysis.error_ratios import fixed_margin
from convstudy.metrics import Metric
from convstudy.numbers import counted
from convstudy.report import theme
from convstudy.report.figure import Figure, Layer, Spec, chart, metric_axis, quantity
from convstudy.report.metric_text import bare_writer, margin_text, tip_format, value_kind, writer
from convstudy.report.section import Block, Details, Material, Section, Text, Topic
from convstudy.report.stages import stage_title
from convstudy.report.table import Column, Table, Value

MANY_TRIALS = 10
"""The table shows about this many numbers of trials; the chart shows all."""
LEAST_IN_CHART = 3
"""With fewer trials, a chart shows no more than the sentence above it."""

_MEANING = {
    "grid": (
        "The trials are the candidates of the grid in random order: the values describe these candidates and no others."
    ),
    "first rung": (
        "The trials are all candidates with their scores in the first rung, because later rungs do not train all of "
        "them. The values show what fewer candidates would have reached at the size of this rung, not the final score."
    ),
    "random": (
        "The candidates are random, so their order is random too: the expected best is an unbiased estimate for other "
        "random searches of this space on these validation images."
    ),
    "tpe": (
        "TPE proposes later candidates from the results of earlier ones. The values describe these candidates in "
        "random order; a shorter TPE search would have proposed other candidates."
    ),
}


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each search with two or more comparable trials."""
    for stage_result in material.analysis.main_results:
        found = stage_result.expected
        if found is None:
            continue
        best = found.points[-1].best.expected
        margin = fixed_margin(stage_result.metric, material.results.study.margin, [best])
        charts = (trials_chart(stage_result, found),) if found.n >= LEAST_IN_CHART else ()
        blocks: tuple[Block, ...] = (
            Text((trials_text(stage_result, found, margin),)),
            *charts,
            Details("Best score by number of trials as a table", (trials_table(stage_result, found),)),
        )
        yield Section(f"trials-{stage_result.name}", f"{stage_title(stage_result)}: number of trials", blocks)


def data(material: Material) -> dict[str, Any]:
    """Return the expected best score of each search by its number of trials."""
    found = {result.stage: result.expected for result in material.analysis.main_results if result.expected}
    return {"expected_best": {stage: _as_json(each) for stage, each in found.items() if each is not None}}


def trials_text(stage_result: StageResult, found: ExpectedBest, margin: float) -> str:
    """Say what half of the trials would have found, and how many come close to the best of all."""
    metric, half, last = stage_result.metric, found.at(found.n // 2), found.points[-1].best
    write = writer(metric)
    best, where = half.best, " of the first rung" if found.kind == "first rung" else ""
    text = (
        f"After {counted(best.n, 'trial')} of {found.n:,} in random order, the best validation {metric.title}{where} "
        f"is {write(best.expected)} on average ({_range(best.worst, best.best, metric)} in 95 % of orders); all "
        f"{found.n:,} reach {write(last.expected)}."
    )
    if margin:
        text += (
            f" On average, {counted(found.fewest_within(margin), 'trial')} "
            f"{'comes' if found.fewest_within(margin) == 1 else 'come'} within {margin_text(metric, margin)} of this."
        )
    if half.new_low is not None and half.new_high is not None:
        text += (
            f" The median best of new random searches with {counted(best.n, 'trial')}: "
            f"{_bounds(half.new_low, half.new_high, metric)} (95 % CI)."
        )
    return text


def trials_table(stage_result: StageResult, found: ExpectedBest) -> Table:
    """Return a table of the expected best score for some numbers of trials."""
    metric = stage_result.metric
    kind = value_kind(metric)
    is_random = found.kind == "random"
    columns = (
        Column("trials", "Trials", "count"),
        Column("expected", f"Expected best validation {metric.title}", kind),
        Column("low", "95 % of orders from", kind),
        Column("high", "to", kind),
        *(
            (Column("new_low", "Median of new searches, 95 % CI from", kind), Column("new_high", "to", kind))
            if is_random
            else ()
        ),
    )
    rows: list[tuple[Value, ...]] = [
        (
            point.best.n,
            point.best.expected,
            *sorted((point.best.worst, point.best.best)),
            *((point.new_low, point.new_high) if is_random else ()),
        )
        for point in _some(found.points)
    ]
    left_out = (
        f" {counted(found.n_left_out, 'candidate')} without all scores {'is' if found.n_left_out == 1 else 'are'} "
        "left out."
        if found.n_left_out > 0
        else ""
    )
    new = (
        " Median of new searches: for a random search of the same space with this number of trials; an end that these "
        "trials do not bound is at the limit of the metric."
        if is_random
        else ""
    )
    caption = (
        f"{_MEANING[found.kind]} Expected best: the mean over all orders of the best of the first trials (Dodge et al. "
        "2019), without replacement. It is optimistic like the best score itself, because the same images select and "
        f"score.{new}{left_out}"
    )
    title = f"{stage_title(stage_result)}: best score by number of trials"
    return Table(f"trials-{stage_result.name}", title, caption, columns, tuple(rows))


def trials_chart(stage_result: StageResult, found: ExpectedBest) -> Figure:
    """Draw the expected best score by the number of trials, with its range over orders."""
    metric, subject = stage_result.metric, stage_title(stage_result)
    write = writer(metric)
    title = f"Best validation {metric.title} by number of trials (band: 95 % of orders)"
    points = ", ".join(f"{point.best.n:,}: {write(point.best.expected)}" for point in _some(found.points))
    full_title = f"{subject}: best score by number of trials"
    alt = f"{full_title}, mean over random orders: {points}."
    return Figure(
        f"trials-{stage_result.name}", title, alt, lambda: _draw(found, metric), full_title, is_narrow=True
    )


def _draw(found: ExpectedBest, metric: Metric) -> Spec:
    rows = [
        {
            "trials": point.best.n,
            "expected": point.best.expected,
            "low": min(point.best.worst, point.best.best),
            "high": max(point.best.worst, point.best.best),
        }
        for point in found.points
    ]
    # Trials matter by their ratio, and a log scale separates the first ones.
    scale = {"type": "log", "nice": False} if found.n > MANY_TRIALS else {"nice": False}
    ticks = [n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if n < found.n * 0.8]
    axis = {"values": [*ticks, found.n], "format": "d", "grid": False}
    x = quantity("trials", title="trials, in random order", scale=scale, axis=axis)
    y_axis = metric_axis(metric)
    y = quantity("expected", title=f"best validation {metric.title}", scale={"zero": False}, axis=y_axis)
    tips = [
        quantity("trials", format="d"),
        quantity("expected", title="expected best", format=tip_format(metric)),
        quantity("low", title="95 % of orders from", format=tip_format(metric)),
        quantity("high", title="to", format=tip_format(metric)),
    ]
    return chart(
        Layer(
            {"type": "area", "opacity": 0.15, "color": theme.BLUE},
            {"x": x, "y": quantity("low"), "y2": {"field": "high"}},
            rows,
        ),
        Layer({"type": "line", "color": theme.BLUE}, {"x": x, "y": y}, rows),
        Layer(
            {"type": "point", "size": 46, "filled": True, "opacity": 1, "color": theme.BLUE},
            {"x": x, "y": y, "tooltip": tips},
            rows,
        ),
        height=200,
    )


def _range(first: float, second: float, metric: Metric) -> str:
    low, high = sorted((first, second))
    return f"{bare_writer(metric)(low)} to {writer(metric)(high)}"


def _bounds(low: float, high: float, metric: Metric) -> str:
    """Format an interval; an end at the limit of the metric is no bound."""
    if metric.higher_is_better and high >= metric.high:
        return f"{writer(metric)(low)} or more"
    if not metric.higher_is_better and low <= metric.low:
        return f"{writer(metric)(high)} or less"
    return _range(low, high, metric)


def _some(points: tuple[Trials, ...]) -> tuple[Trials, ...]:
    """Return about ``MANY_TRIALS`` points: 1, 2, 5, 10, ... trials, half of all, and all."""
    if len(points) <= MANY_TRIALS:
        return points
    wanted = {1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}
    last = points[-1].best.n
    return tuple(point for point in points if point.best.n in wanted | {last // 2, last})


def _as_json(found: ExpectedBest) -> dict[str, Any]:
    points = []
    for point in found.points:
        best = point.best
        values: dict[str, Any] = {
            "n": best.n,
            "expected": best.expected,
            "worst": best.worst,
            "best": best.best,
        }
        if point.new_low is not None:
            values |= {"new_search_low": point.new_low, "new_search_high": point.new_high}
        points.append(values)
    return {"kind": found.kind, "n": found.n, "n_left_out": found.n_left_out, "points": points}


SECTION = Topic(43, sections, data)
