"""Comparisons: scores, ranking, and groups of candidates without significant differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.analysis import StageResult
from convstudy.metrics import Metric
from convstudy.numbers import listed
from convstudy.report import theme
from convstudy.report.curves import overview_chart
from convstudy.report.effects import forest_chart
from convstudy.report.figure import Figure, Layer, Spec, chart, metric_axis, nominal, quantity, rows_of
from convstudy.report.metric_text import tip_format, writer
from convstudy.report.scores import scores_table
from convstudy.report.section import Material, Section, Topic
from convstudy.report.stages import CHOSEN, ROW, scores_chart, stage_title, table_name, trained

_BAR = 16
"""Distance between the bars of two groups, in pixels."""


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each comparison."""
    results = material.results
    for stage_result in material.analysis.main_results:
        if stage_result.question != "compare":
            continue
        title, candidates = (
            stage_title(stage_result),
            list(trained(results, results.plan.stage(stage_result.stage))),
        )
        pairs = [(f"{verdict.first} − {verdict.second}", verdict) for verdict in stage_result.verdicts]
        differences = forest_chart(f"differences-{stage_result.name}", title, "Differences", pairs)
        found = [
            ranking_chart(stage_result) if differences else None,
            differences,
            scores_chart(stage_result),
            overview_chart(table_name(stage_result), title, candidates, stage_result.metric)
            if len(candidates) > 1
            else None,
        ]
        figures = tuple(figure for figure in found if figure is not None)
        yield Section(table_name(stage_result), title, (scores_table(stage_result), *figures))


def ranking_chart(stage_result: StageResult) -> Figure:
    """Return the candidates of a comparison ranked by mean test score, with intervals and a bar per group.

    A bar joins candidates without significant differences, as in a critical-difference diagram. Dots mark its members
    because a candidate in between may not belong to the group.
    """
    rows: list[dict[str, Any]] = []
    letters = stage_result.letters
    for row in stage_result.ranking:
        mean = row.summary(stage_result.measure).mean
        assert mean is not None  # the ranking contains only candidates with a score
        interval = stage_result.interval(row.name)
        interval = interval if interval and interval.reliable else None
        rows.append(
            {
                "candidate": row.name,
                "mean": mean,
                "low": interval.low if interval else mean,
                "high": interval.high if interval else mean,
                "chosen": row.chosen,
                "groups": letters.get(row.name, ""),
            }
        )
    together = [group for group in stage_result.groups if len(group) > 1]
    ends = ", ".join(f"{row['candidate']} {writer(stage_result.metric)(row['mean'])}" for row in rows)
    groups = "; ".join(listed(list(group)) for group in together) or "none"
    grouped = f" Groups without significant differences: {groups}." if stage_result.groups else ""
    title = stage_title(stage_result)
    alt = f"{title}: ranking, mean test {stage_result.metric.title}: {ends}.{grouped}"
    name = f"ranking-{stage_result.name}"
    return Figure(
        name, "Ranking", alt, lambda: _ranking(rows, together, stage_result.metric), f"{title}: ranking"
    )


def _ranking(rows: list[dict[str, Any]], together: list[tuple[str, ...]], metric: Metric) -> Spec:
    y = rows_of([row["candidate"] for row in rows])
    # The padding leaves room for the bars on the right.
    scale = {"zero": False, "padding": 14 + _BAR * len(together)}
    note = ", 95 % CI (grey bars: no significant difference)"
    x = quantity(
        "mean",
        title=f"mean test {metric.title}{note}",
        scale=scale,
        axis=metric_axis(metric),
    )
    tips = [nominal("candidate"), nominal("groups", title="group")]
    tips += [
        quantity(key, title=title, format=tip_format(metric))
        for key, title in (("mean", "mean"), ("low", "95 % CI from"), ("high", "to"))
    ]
    layers = [
        Layer(
            {"type": "rule", "strokeWidth": 2.4, "opacity": 0.7},
            {"x": quantity("low", scale=scale), "x2": {"field": "high"}, "y": y, "color": CHOSEN},
            rows,
        ),
        Layer(
            {"type": "point", "size": 110, "filled": True, "opacity": 1},
            {"x": x, "y": y, "color": CHOSEN, "tooltip": tips},
            rows,
        ),
    ]
    for number, group in enumerate(together):
        layers += _group_bar(group, y, -_BAR * (len(together) - 1 - number))
    return chart(*layers, height=ROW * len(rows))


def _group_bar(group: tuple[str, ...], y: Spec, offset: int) -> list[Layer]:
    """Return a bar at the right edge from the first to the last member of a group, with a dot for each member."""
    encoding = {"x": {"value": "width"}, "y": y}
    rows = [{"candidate": name} for name in group]
    look = {"color": theme.GREY, "xOffset": offset}
    return [
        Layer({"type": "line", "strokeWidth": 4, "opacity": 0.75, **look}, encoding, rows),
        Layer({"type": "point", "size": 46, "filled": True, "opacity": 1, **look}, encoding, rows),
    ]


SECTION = Topic(30, sections)
