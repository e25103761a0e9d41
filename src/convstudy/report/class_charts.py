"""Charts by class: numbers of images, accuracies, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from convstudy.metrics import ACCURACY, metric_named
from convstudy.numbers import percent
from convstudy.report import theme
from convstudy.report.figure import (
    Figure,
    Layer,
    Spec,
    chart,
    either,
    label_angle,
    metric_axis,
    nominal,
    quantity,
    rows_of,
)
from convstudy.stats import ClassAccuracy, Confusion

MAX_SHOWN_CLASSES = 50
"""With more classes, the report has no confusion matrix, and charts show only some classes."""


def confusion_chart(confusion: Confusion, names: Sequence[str]) -> Figure:
    """Draw the confusion matrix as a heat map: correct predictions blue, errors red, with their counts.

    Args:
        confusion: counts over all models, shape (classes, classes), true class first.
        names: the names of the classes, in the order of the labels.
    """
    title = "Confusion matrix of the test images"
    text = (
        f"{title}: {confusion.n_errors:,} errors in {confusion.n_images:,} predictions of "
        f"{confusion.n_models} models."
    )
    return Figure(
        "confusion",
        "True class by row, predicted class by column",
        text,
        lambda: _confusion(confusion, names),
        title,
        width=420,
        is_narrow=True,
    )


def _confusion(confusion: Confusion, names: Sequence[str]) -> Spec:
    rows: list[dict[str, Any]] = [
        {"true": names[i], "predicted": names[j], "count": count, "right": i == j, "strength": 0.0}
        for i, counts in enumerate(confusion.counts)
        for j, count in enumerate(counts)
        if count or i == j
    ]
    for right in (True, False):
        # Errors are rare: on a common scale with correct predictions they would be invisible.
        most = max((row["count"] for row in rows if row["right"] is right), default=1) or 1
        for row in rows:
            if row["right"] is right:
                row["strength"] = 0.12 + (0.48 if right else 0.6) * row["count"] / most
    axes = {
        "x": nominal(
            "predicted",
            title="predicted",
            sort=list(names),
            axis={"labelAngle": label_angle(names), "grid": False},
        ),
        "y": nominal("true", title="true", sort=list(names), axis={"grid": False}),
    }
    cells = {
        **axes,
        "color": either("datum.right", theme.BLUE, theme.VERMILLION),
        "opacity": quantity("strength", scale=None, legend=None),
        "tooltip": [nominal("true"), nominal("predicted"), quantity("count", format=",")],
    }
    return chart(
        Layer({"type": "rect", "cornerRadius": 3, "stroke": None}, cells, rows),
        Layer({"type": "text"}, {**axes, "text": quantity("count")}, rows),
        height=30 * len(names),
    )


def class_accuracy_chart(found: Sequence[ClassAccuracy], names: Sequence[str]) -> Figure:
    """Draw the accuracy of each class with its interval, in the order of the classes.

    With more than ``MAX_SHOWN_CLASSES`` classes, it shows those with the lowest accuracy, the lowest first.

    Args:
        found: the accuracies, as fractions.
        names: the names of the classes, in the order of the labels.
    """
    reliable = all(each.accuracy is None or each.accuracy.reliable for each in found)
    with_interval = ", each with its 95 % CI" if reliable else ""
    title = "Each class with its 95 % CI" if reliable else "Each class (no intervals: seeds collapsed)"
    full_title = "Accuracy per class"
    if len(found) > MAX_SHOWN_CLASSES:
        known = [each for each in found if each.accuracy is not None]
        found = sorted(known, key=lambda each: each.accuracy.estimate if each.accuracy else 0.0)[
            :MAX_SHOWN_CLASSES
        ]
        title = f"The classes with the lowest accuracy{with_interval}"
        full_title = f"{full_title}: the {len(found)} lowest of {len(names):,}"
        names = [names[each.label] for each in found]
        found = [replace(each, label=label) for label, each in enumerate(found)]
    rows: list[dict[str, Any]] = [
        {
            "class": names[each.label],
            "accuracy": each.accuracy.estimate,
            "low": each.accuracy.low if each.accuracy.reliable else each.accuracy.estimate,
            "high": each.accuracy.high if each.accuracy.reliable else each.accuracy.estimate,
            "images": each.n_images,
        }
        for each in found
        if each.accuracy is not None
    ]
    ends = ", ".join(f"{row['class']} {percent(row['accuracy'])}" for row in rows)
    alt = f"{full_title}: {ends}."
    return Figure("class-accuracy", title, alt, lambda: _class_accuracy(rows, names, reliable), full_title)


def _class_accuracy(rows: list[dict[str, Any]], names: Sequence[str], reliable: bool) -> Spec:
    scale = {"zero": False, "padding": 14}
    y = rows_of(names, "class")
    x = quantity(
        "accuracy",
        title="test accuracy, 95 % CI" if reliable else "test accuracy",
        scale=scale,
        axis=metric_axis(metric_named(ACCURACY)),
    )
    tips = [
        nominal("class"),
        *(
            quantity(key, title=text, format=".2%")
            for key, text in (("accuracy", "accuracy"), ("low", "from"), ("high", "to"))
        ),
        quantity("images", title="test images", format=","),
    ]
    return chart(
        Layer(
            {"type": "rule", "strokeWidth": 2.4, "opacity": 0.6, "color": theme.BLUE},
            {"x": quantity("low", scale=scale), "x2": {"field": "high"}, "y": y},
            rows,
        ),
        Layer(
            {"type": "point", "size": 80, "filled": True, "opacity": 1, "color": theme.BLUE},
            {"x": x, "y": y, "tooltip": tips},
            rows,
        ),
        height=26 * max(1, len(rows)),
    )


def classes_chart(rows: Sequence[tuple[str, int | None, int | None]]) -> Figure:
    """Draw the number of images per class as bars.

    With more than ``MAX_SHOWN_CLASSES`` classes, it shows the largest and the smallest.

    Args:
        rows: (class, training images, test images); a number is ``None`` if it is not known.
    """
    title = "Images per class"
    if len(rows) > MAX_SHOWN_CLASSES:
        half = MAX_SHOWN_CLASSES // 2
        title = f"{title}: the {half} largest and the {half} smallest of {len(rows):,}"
        by_size = sorted(rows, key=lambda row: -next((n for n in row[1:] if n is not None), 0))
        rows = [*by_size[:half], *by_size[-half:]]
    return Figure("classes", title, f"{title}: see the table of counts.", lambda: _classes(rows))


def _classes(rows: Sequence[tuple[str, int | None, int | None]]) -> Spec:
    parts = ("training", "test")
    values = [
        {"class": name, "part": part, "count": count}
        for name, *counts in rows
        for part, count in zip(parts, counts, strict=True)
        if count is not None
    ]
    names = [name for name, *_ in rows]
    encoding = {
        "x": nominal("class", title=None, sort=names, axis={"labelAngle": label_angle(names)}),
        "xOffset": nominal("part", sort=list(parts)),
        "y": quantity("count", title="images"),
        "color": nominal(
            "part", title=None, scale={"domain": list(parts), "range": [theme.BLUE, theme.ORANGE]}
        ),
        "tooltip": [nominal("class"), nominal("part"), quantity("count", format=",")],
    }
    return chart(Layer({"type": "bar", "cornerRadiusEnd": 2}, encoding, values), height=190)
