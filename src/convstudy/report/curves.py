"""Charts over epochs: the learning curves of one candidate, and of several candidates for comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convstudy.analysis import curve
from convstudy.metrics import Metric
from convstudy.numbers import counted
from convstudy.plan import Candidate
from convstudy.record import Record
from convstudy.report import theme
from convstudy.report.figure import (
    Figure,
    Layer,
    chart,
    epoch_axis,
    metric_axis,
    named_scale,
    nominal,
    phone_legend,
    quantity,
)
from convstudy.report.metric_text import key_of, tip_format, writer

SIDES = ("train", "validation")


def curves_chart(
    name: str, subject: str, candidate: str, records: Sequence[Record], metric: Metric
) -> Figure:
    """Draw the learning curves of one candidate: mean, standard deviation, and each fit as a thin line.

    Args:
        name: the part of the figure's name after ``curves-``.
        subject: the names of the stage and the candidate, for the title in files.
        candidate: the name of the candidate, for the title on the page.
        records: the candidate's records, each with a history.
        metric: the metric of the curves.
    """
    measure = metric.title
    n_epochs = max((len(record.history) for record in records), default=1)
    means: list[dict[str, Any]] = []
    for point in curve(records):
        for side in SIDES:
            summary = (point.train if side == "train" else point.validation)[metric.name]
            spread = summary.sd or 0.0
            assert summary.mean is not None  # a point has at least one fit
            row = {"epoch": point.epoch, "on": side, "mean": summary.mean, "n": summary.n}
            low, high = max(metric.low, summary.mean - spread), min(metric.high, summary.mean + spread)
            means.append({**row, "low": low, "high": high})
    last = [row for row in means if row["epoch"] == n_epochs]
    ends = ", ".join(f"{row['on']} {writer(metric)(row['mean'])}" for row in last)

    def draw() -> dict[str, Any]:
        single = [
            {
                "epoch": epoch.number,
                "on": side,
                "fit": number,
                "value": (epoch.train if side == "train" else epoch.validation)[metric.name],
            }
            for number, record in enumerate(records)
            for epoch in record.history
            for side in SIDES
        ]
        x = quantity("epoch", title="epoch", axis=epoch_axis(n_epochs), scale={"nice": False})
        colour = nominal(
            "on",
            title=None,
            legend={"symbolType": "stroke", "symbolStrokeWidth": 2.2},
            scale=named_scale(SIDES, [theme.BLUE, theme.VERMILLION]),
        )
        dash = nominal("on", title=None, scale=named_scale(SIDES, [list(theme.DASHES[0]), [5, 3]]))
        y = quantity("mean", title=measure, scale={"zero": False}, axis=metric_axis(metric))
        tips = [
            nominal("on", title="images"),
            quantity("epoch"),
            quantity("mean", title=f"mean {measure}", format=tip_format(metric)),
            quantity("n", title="fits"),
        ]
        band = {"x": x, "y": quantity("low"), "y2": {"field": "high"}, "color": colour}
        layers = [
            Layer({"type": "area", "opacity": 0.15}, band, means),
            Layer(
                {"type": "line", "strokeWidth": 0.8, "opacity": 0.45},
                {"x": x, "y": quantity("value"), "color": colour, "detail": nominal("fit")},
                single,
            ),
            Layer({"type": "line"}, {"x": x, "y": y, "color": colour, "strokeDash": dash}, means),
            Layer({"type": "circle", "size": 60, "opacity": 0}, {"x": x, "y": y, "tooltip": tips}, means),
        ]
        return chart(*layers[1 if len(records) < 2 else 0 :], height=170)

    alt = f"{subject}: mean {measure} by epoch over {counted(len(records), 'fit')}; after epoch {n_epochs}: {ends}."
    return Figure(
        f"curves-{name}-{key_of(metric)}", f"{candidate}: {measure}", alt, draw, f"{subject}: {measure}"
    )


def overview_chart(
    name: str, subject: str, candidates: Sequence[tuple[Candidate, Sequence[Record]]], metric: Metric
) -> Figure:
    """Draw the mean validation score of several candidates by epoch.

    Args:
        name: the part of the figure's name after ``overview-``.
        subject: the title of the stage, for the title in files.
        candidates: each with its records, which have a history.
        metric: the metric of the scores.
    """
    names = [candidate.name for candidate, _ in candidates]

    def draw() -> dict[str, Any]:
        rows: list[dict[str, Any]] = [
            {"epoch": point.epoch, "candidate": candidate.name, "mean": point.validation[metric.name].mean}
            for candidate, records in candidates
            for point in curve(records)
        ]
        n_epochs = max((row["epoch"] for row in rows), default=1)
        shared = {"title": None, "sort": names, "legend": phone_legend(names)}
        encoding = {
            "x": quantity("epoch", axis=epoch_axis(n_epochs), scale={"nice": False}),
            "y": quantity(
                "mean",
                title=f"mean validation {metric.title}",
                scale={"zero": False},
                axis=metric_axis(metric),
            ),
            "color": nominal("candidate", scale=named_scale(names, theme.PALETTE), **shared),
            "opacity": {"condition": {"param": "picked", "value": 1}, "value": 0.12},
        }
        tips = [nominal("candidate"), quantity("epoch"), quantity("mean", format=tip_format(metric))]
        shape = nominal("candidate", scale=named_scale(names, theme.SHAPES), **shared)
        picked = {
            "name": "picked",
            "select": {"type": "point", "fields": ["candidate"]},
            "bind": "legend",
        }
        return chart(
            Layer({"type": "line"}, encoding, rows),
            Layer(
                {"type": "point", "size": 46, "filled": True, "opacity": 1},
                {**encoding, "shape": shape, "tooltip": tips},
                rows,
                (picked,),
            ),
            height=240,
        )

    alt = f"{subject}: mean validation {metric.title} by epoch of {', '.join(names)}."
    return Figure(f"overview-{name}", "By epoch", alt, draw, f"{subject}: by epoch")
