"""Charts over epochs: learning curves, candidates side by side, learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convstudy.analysis import curve
from convstudy.figures import percent
from convstudy.plan import Candidate
from convstudy.record import Record
from convstudy.report import theme
from convstudy.report.figure import (
    Figure,
    Measure,
    chart_size,
    drawn_from,
    epoch_axis,
    measure_axis,
    named_scale,
    phone_legend,
)


def curves_chart(name: str, title: str, records: Sequence[Record], measure: Measure) -> Figure:
    """Return learning curves of one candidate: mean, spread over fits, and each fit as a thin line."""
    import altair as alt

    sides = ("train", "validation")
    metric = "log-loss" if measure == "loss" else measure
    means: list[dict[str, Any]] = []
    for point in curve(records):
        for side in sides:
            summary = (point.train if side == "train" else point.validation)[metric]
            spread = summary.sd or 0.0
            assert summary.mean is not None  # a point has at least one fit
            row = {"epoch": point.epoch, "on": side, "mean": summary.mean, "n": summary.n}
            means.append({**row, "low": summary.mean - spread, "high": summary.mean + spread})
    single = [
        {
            "epoch": epoch.number,
            "on": side,
            "fit": number,
            "value": (epoch.train if side == "train" else epoch.validation)[metric],
        }
        for number, record in enumerate(records)
        for epoch in record.history
        for side in sides
    ]
    n_epochs = max((len(record.history) for record in records), default=1)
    x = alt.X("epoch:Q", title="epoch", axis=epoch_axis(n_epochs), scale=alt.Scale(nice=False))
    colour = alt.Color(
        "on:N",
        title=None,
        legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2.2),
        scale=alt.Scale(domain=list(sides), range=[theme.BLUE, theme.VERMILLION]),
    )
    dash = alt.StrokeDash(
        "on:N", title=None, scale=alt.Scale(domain=list(sides), range=[list(theme.DASHES[0]), [5, 3]])
    )
    y = alt.Y("mean:Q", title=measure, scale=alt.Scale(zero=False), axis=measure_axis(measure))
    written = ".4f" if measure == "loss" else ".2%"
    tips = [
        alt.Tooltip("on:N", title="images"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("mean:Q", title=f"mean {measure}", format=written),
        alt.Tooltip("n:Q", title="fits"),
    ]
    averaged = drawn_from(means)
    thin = (
        drawn_from(single)
        .mark_line(strokeWidth=0.8, opacity=0.45)
        .encode(x=x, y=alt.Y("value:Q"), color=colour, detail=alt.Detail("fit:N"))
    )
    band = averaged.mark_area(opacity=0.15).encode(x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), color=colour)
    line = averaged.mark_line().encode(x=x, y=y, color=colour, strokeDash=dash)
    dots = averaged.mark_circle(size=60, opacity=0).encode(x=x, y=y, tooltip=tips)
    layers = [thin, line, dots] if len(records) < 2 else [band, thin, line, dots]
    chart = alt.layer(*layers).properties(**chart_size(170))
    last = [row for row in means if row["epoch"] == n_epochs]
    ends = ", ".join(f"{row['on']} {_written(row['mean'], measure)}" for row in last)
    alt_text = f"{title}: mean {measure} by epoch over {len(records)} fits; after epoch {n_epochs}: {ends}."
    return Figure(f"curves-{name}-{measure}", f"{title}: {measure}", alt_text, chart)


def overview_chart(
    contest_name: str, title: str, candidates: Sequence[tuple[Candidate, Sequence[Record]]]
) -> Figure:
    """Return the mean validation accuracy by epoch of several candidates, side by side."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {"epoch": point.epoch, "candidate": candidate.name, "mean": point.validation["accuracy"].mean}
        for candidate, records in candidates
        for point in curve(records)
    ]
    names = [candidate.name for candidate, _ in candidates]
    n_epochs = max((row["epoch"] for row in rows), default=1)
    picked = alt.selection_point(fields=["candidate"], bind="legend")
    legend = phone_legend(names)
    colours, shapes = named_scale(names, theme.PALETTE), named_scale(names, theme.SHAPES)
    colour = alt.Color("candidate:N", title=None, scale=colours, sort=names, legend=legend)
    shape = alt.Shape("candidate:N", title=None, scale=shapes, sort=names, legend=legend)
    base = drawn_from(rows).encode(
        x=alt.X("epoch:Q", axis=epoch_axis(n_epochs), scale=alt.Scale(nice=False)),
        y=alt.Y(
            "mean:Q",
            title="mean validation accuracy",
            scale=alt.Scale(zero=False),
            axis=measure_axis("accuracy"),
        ),
        color=colour,
        opacity=alt.condition(picked, alt.value(1), alt.value(0.12)),
    )
    tips = [alt.Tooltip("candidate:N"), alt.Tooltip("epoch:Q"), alt.Tooltip("mean:Q", format=".2%")]
    chart = alt.layer(
        base.mark_line(),
        base.mark_point(size=46, filled=True, opacity=1).encode(shape=shape, tooltip=tips).add_params(picked),
    ).properties(**chart_size(240))
    alt_text = f"{title}: mean validation accuracy by epoch of {', '.join(names)}."
    return Figure(f"overview-{contest_name}", title, alt_text, chart)


def rates_chart(rates: Sequence[tuple[str, Sequence[float]]], title: str) -> Figure:
    """Return the learning rate by epoch; ``rates`` are names and the rate at the end of each epoch."""
    import altair as alt

    values = [
        {"epoch": epoch, "who": name, "rate": rate}
        for name, sequence in rates
        for epoch, rate in enumerate(sequence, start=1)
    ]
    names = [name for name, _ in rates]
    n_epochs = max((len(sequence) for _, sequence in rates), default=1)
    chart = (
        drawn_from(values)
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=alt.X("epoch:Q", axis=epoch_axis(n_epochs), scale=alt.Scale(nice=False)),
            y=alt.Y("rate:Q", title="learning rate"),
            color=alt.Color(
                "who:N",
                title=None,
                legend=alt.Legend(symbolType="stroke", labelLimit=400),
                scale=named_scale(names, theme.PALETTE),
                sort=names,
            ),
            strokeDash=alt.StrokeDash(
                "who:N", title=None, scale=named_scale(names, theme.DASHES), sort=names
            ),
            tooltip=[
                alt.Tooltip("who:N", title="recipe"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("rate:Q", format=".3g"),
            ],
        )
        .properties(**chart_size(150))
    )
    return Figure("learning-rate", title, f"{title} of {', '.join(names)}.", chart)


def _written(value: float, measure: Measure) -> str:
    return percent(value) if measure == "accuracy" else f"{value:.4f}"
