"""Charts of how a search went: from rung to rung where it halves, and over the values that it drew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from convstudy.analysis import CandidateRow, Contest
from convstudy.figures import counted, percent
from convstudy.report import theme
from convstudy.report.figure import Figure, chart_size, drawn_from, measure_axis
from convstudy.studyfile import Range
from convstudy.studyfile.part import Tried


def rungs_chart(contest: Contest, title: str) -> Figure | None:
    """Return each candidate's mean validation accuracy from rung to rung; ``None`` before the first is decided."""
    import altair as alt

    course = contest.course
    if course is None or not any(rung.decided for rung in course.rungs):
        return None
    rows: list[dict[str, Any]] = []
    labels: list[str] = []
    for number, rung in enumerate(course.rungs, start=1):
        if not rung.decided:
            continue
        folds, epochs = counted(rung.size.n_folds, "fold"), counted(rung.size.n_epochs, "epoch")
        labels.append(f"{number}: {folds} × {epochs}")
        rows += [
            {
                "rung": labels[-1],
                "candidate": score.name,
                "mean": score.scores["accuracy"],
                "fate": _fate(contest, score.name, rung.went_on),
            }
            for score in rung.scores
            if score.scores is not None
        ]
    kinds = ["chosen", "went on", "dropped"]
    x = alt.X(
        "rung:N",
        sort=labels,
        title="rung",
        axis=alt.Axis(labelAngle=0, grid=False),
        scale=alt.Scale(padding=0.3),
    )
    y = alt.Y(
        "mean:Q", title="mean validation accuracy", scale=alt.Scale(zero=False), axis=measure_axis("accuracy")
    )
    colours = alt.Scale(domain=kinds, range=[theme.VERMILLION, theme.BLUE, theme.GREY])
    shapes = alt.Scale(domain=kinds, range=["diamond", "circle", "cross"])
    lines = (
        drawn_from(rows)
        .mark_line(strokeWidth=1.2, opacity=0.5, color=theme.GREY)
        .encode(x=x, y=y, detail="candidate:N")
    )
    points = (
        drawn_from(rows)
        .mark_point(size=70, filled=True, opacity=1)
        .encode(
            x=x,
            y=y,
            color=alt.Color("fate:N", title=None, scale=colours, sort=kinds),
            shape=alt.Shape("fate:N", title=None, scale=shapes, sort=kinds),
            tooltip=[
                alt.Tooltip("candidate:N"),
                alt.Tooltip("rung:N"),
                alt.Tooltip("mean:Q", title="accuracy", format=".2%"),
                alt.Tooltip("fate:N", title="then"),
            ],
        )
    )
    told = "; ".join(
        f"rung {number}, {len(rung.went_on)} of {len(rung.took_part)} went on"
        for number, rung in enumerate(course.rungs, start=1)
        if rung.decided
    )
    chart = alt.layer(lines, points).properties(**chart_size(260))
    return Figure(f"rungs-{contest.name}", title, f"{title}, mean validation accuracy: {told}.", chart)


def values_chart(
    contest: Contest,
    number: int,
    title: str,
    key: str,
    tried: tuple[Tried, ...] | Range,
    values: Mapping[str, Tried],
) -> Figure | None:
    """Return the mean validation accuracy over the values of one key that a search drew.

    Args:
        contest: the search.
        number: which of the search's keys this is, from 1; keys may have letters that no file name may.
        title: what the chart is called.
        key: a parameter or recipe key.
        tried: what the search may try for it; a range with ``log`` gives a logarithmic axis.
        values: candidate -> its value.
    """
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"candidate": row.name, "value": values[row.name], "mean": mean, "chosen": row.chosen}
        for row in contest.rows
        if (mean := _mean(row)) is not None
    ]
    if len({row["value"] for row in rows}) < 2:
        return None
    if all(isinstance(row["value"], (int, float)) and not isinstance(row["value"], bool) for row in rows):
        is_log = isinstance(tried, Range) and tried.log
        scale = alt.Scale(type="log", nice=False, padding=12) if is_log else alt.Scale(zero=False, padding=12)
        x = alt.X("value:Q", title=key, scale=scale, axis=alt.Axis(tickCount=6, format="~g"))
    else:
        for row in rows:
            row["value"] = str(row["value"])
        x = alt.X("value:N", title=key, axis=alt.Axis(labelAngle=0))
    colour = alt.condition("datum.chosen", alt.value(theme.VERMILLION), alt.value(theme.BLUE))
    shape = alt.condition("datum.chosen", alt.value("diamond"), alt.value("circle"))
    y = alt.Y(
        "mean:Q", title="mean validation accuracy", scale=alt.Scale(zero=False), axis=measure_axis("accuracy")
    )
    points = (
        drawn_from(rows)
        .mark_point(size=80, filled=True, opacity=0.85)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=shape,
            tooltip=[alt.Tooltip("candidate:N"), alt.Tooltip("mean:Q", title="accuracy", format=".2%")],
        )
    )
    chart = alt.layer(points).properties(**chart_size(200))
    best = max(rows, key=lambda row: row["mean"])
    alt_text = (
        f"{title}, mean validation accuracy of {counted(len(rows), 'candidate')} over {key}; the highest, "
        f"{percent(best['mean'])}, at {best['value']}."
    )
    return Figure(f"values-{contest.name}-{number:02d}", title, alt_text, chart)


def _mean(row: CandidateRow) -> float | None:
    """Return a candidate's mean accuracy, if all its fits are done."""
    return row.validation["accuracy"].mean if row.n_done == len(row.fits) else None


def _fate(contest: Contest, name: str, went_on: tuple[str, ...]) -> str:
    """Return what became of a candidate in a rung."""
    leader = contest.leader
    if leader is not None and leader.name == name:
        return "chosen"
    return "went on" if name in went_on else "dropped"
