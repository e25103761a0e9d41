"""Charts by class: how many images each has, how often they are right, and which is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convstudy.figures import percent
from convstudy.report import theme
from convstudy.report.background_tables import MOST_CLASSES
from convstudy.report.figure import Figure, chart_size, drawn_from, label_angle, measure_axis, names_axis
from convstudy.stats import ClassAccuracy, Confusion


def confusion_chart(confusion: Confusion, names: Sequence[str], title: str) -> Figure:
    """Return the confusion matrix as a heat map: right ones blue, mistakes red, counts written in."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"true": names[i], "predicted": names[j], "count": count, "right": i == j, "strength": 0.0}
        for i, counts in enumerate(confusion.counts)
        for j, count in enumerate(counts)
        if count or i == j
    ]
    for right in (True, False):
        # Mistakes are few against what is right: each has a scale of its own, or none would be seen.
        most = max((row["count"] for row in rows if row["right"] is right), default=1) or 1
        for row in rows:
            if row["right"] is right:
                row["strength"] = 0.12 + (0.48 if right else 0.6) * row["count"] / most
    base = drawn_from(rows).encode(
        x=alt.X(
            "predicted:N",
            title="predicted",
            sort=list(names),
            axis=alt.Axis(labelAngle=label_angle(names), grid=False),
        ),
        y=alt.Y("true:N", title="true", sort=list(names), axis=alt.Axis(grid=False)),
    )
    cells = base.mark_rect(cornerRadius=3, stroke=None).encode(
        color=alt.condition("datum.right", alt.value(theme.BLUE), alt.value(theme.VERMILLION)),
        opacity=alt.Opacity("strength:Q", scale=None, legend=None),
        tooltip=[alt.Tooltip("true:N"), alt.Tooltip("predicted:N"), alt.Tooltip("count:Q", format=",")],
    )
    numbers = base.mark_text().encode(text=alt.Text("count:Q"))
    chart = alt.layer(cells, numbers).properties(**chart_size(30 * len(names)))
    text = (
        f"{title}: {confusion.n_mistakes:,} mistakes in {confusion.n_images:,} predictions of "
        f"{confusion.n_models} models."
    )
    return Figure("confusion", title, text, chart)


def class_accuracy_chart(found: Sequence[ClassAccuracy], names: Sequence[str], title: str) -> Figure:
    """Return the accuracy of each class with its interval, in the order of the classes.

    Of more than ``MOST_CLASSES`` those with the lowest accuracy are shown, the lowest first.
    """
    import altair as alt

    if len(found) > MOST_CLASSES:
        known = [each for each in found if each.accuracy is not None]
        found = sorted(known, key=lambda each: each.accuracy.estimate if each.accuracy else 0.0)[
            :MOST_CLASSES
        ]
        title = f"{title}: the {len(found)} lowest of {len(names):,}"
        names = [names[each.label] for each in found]
        found = [replace(each, label=place) for place, each in enumerate(found)]
    rows: list[dict[str, Any]] = [
        {
            "class": names[each.label],
            "accuracy": each.accuracy.estimate,
            "low": each.accuracy.low,
            "high": each.accuracy.high,
            "images": each.n_images,
        }
        for each in found
        if each.accuracy is not None
    ]
    scale = alt.Scale(zero=False, padding=14)
    base = drawn_from(rows).encode(y=alt.Y("class:N", title=None, sort=list(names), axis=names_axis()))
    rule = base.mark_rule(strokeWidth=2.4, opacity=0.6, color=theme.BLUE).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q"
    )
    dot = base.mark_point(size=80, filled=True, opacity=1, color=theme.BLUE).encode(
        x=alt.X(
            "accuracy:Q", title="test accuracy, 95 % interval", scale=scale, axis=measure_axis("accuracy")
        ),
        tooltip=[
            alt.Tooltip("class:N"),
            *(
                alt.Tooltip(f"{key}:Q", title=words, format=".2%")
                for key, words in (("accuracy", "accuracy"), ("low", "from"), ("high", "to"))
            ),
            alt.Tooltip("images:Q", title="test images", format=","),
        ],
    )
    chart = alt.layer(rule, dot).properties(**chart_size(26 * max(1, len(rows))))
    ends = ", ".join(f"{row['class']} {percent(row['accuracy'])}" for row in rows)
    return Figure("class-accuracy", title, f"{title}: {ends}.", chart)


def classes_chart(rows: Sequence[tuple[str, int | None, int | None]], title: str) -> Figure:
    """Return bars of the images per class; ``rows`` are class, training count and test count.

    Of more than ``MOST_CLASSES`` the largest and the smallest are shown.
    """
    import altair as alt

    if len(rows) > MOST_CLASSES:
        title = (
            f"{title}: the {MOST_CLASSES // 2} largest and the {MOST_CLASSES // 2} smallest of {len(rows):,}"
        )
        by_size = sorted(rows, key=lambda row: -next((n for n in row[1:] if n is not None), 0))
        rows = [*by_size[: MOST_CLASSES // 2], *by_size[-(MOST_CLASSES // 2) :]]
    parts = ("training", "test")
    values = [
        {"class": name, "part": part, "count": count}
        for name, *counts in rows
        for part, count in zip(parts, counts, strict=True)
        if count is not None
    ]
    names = [name for name, *_ in rows]
    chart = (
        drawn_from(values)
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("class:N", title=None, sort=names, axis=alt.Axis(labelAngle=label_angle(names))),
            xOffset=alt.XOffset("part:N", sort=list(parts)),
            y=alt.Y("count:Q", title="images"),
            color=alt.Color(
                "part:N", title=None, scale=alt.Scale(domain=list(parts), range=[theme.BLUE, theme.ORANGE])
            ),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("part:N"), alt.Tooltip("count:Q", format=",")],
        )
        .properties(**chart_size(190))
    )
    return Figure("classes", title, f"{title}: see the table of counts.", chart)
