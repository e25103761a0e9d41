"""The charts of a run as Altair trees: the same tree is drawn on the page and written as SVG, PDF or PNG.

Every chart is a single layered view as wide as its container, so that it fits a phone. Colour never stands alone:
dashes, shapes or places tell the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from convstudy.plan import Candidate
from convstudy.record import Record
from convstudy.report import theme
from convstudy.report.numbers import percent, points
from convstudy.stats import Confusion, Contest, Summary, curve

if TYPE_CHECKING:
    import altair as alt

Measure = Literal["loss", "accuracy"]
ROW = 38
"""Height of one candidate in a chart of scores, in pixels."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A chart with its name (of files), its title and a sentence for those who cannot see it."""

    name: str
    title: str
    alt: str
    chart: alt.LayerChart | alt.Chart  # type: ignore[name-defined]

    @property
    def spec(self) -> dict[str, Any]:
        """The chart as a Vega-Lite specification, without theme; a test checks them all against the schema."""
        spec: dict[str, Any] = self.chart.to_dict(validate=False)
        return {key: value for key, value in spec.items() if key != "config"}


def curves_chart(name: str, title: str, records: Sequence[Record], measure: Measure) -> Figure:
    """Return learning curves of one candidate: mean, spread over fits, and each fit as a thin line."""
    import altair as alt

    sides = ("train", "validation")
    means: list[dict[str, Any]] = []
    for point in curve(records):
        for side in sides:
            summary: Summary = getattr(point, f"{side}_{measure}")
            spread = summary.sd or 0.0
            assert summary.mean is not None  # a point has at least one fit
            row = {"epoch": point.epoch, "on": side, "mean": summary.mean, "n": summary.n}
            means.append({**row, "low": summary.mean - spread, "high": summary.mean + spread})
    single = [
        {"epoch": epoch.number, "on": side, "fit": number, "value": getattr(epoch, f"{side}_{measure}")}
        for number, record in enumerate(records)
        for epoch in record.history
        for side in sides
    ]
    n_epochs = max((len(record.history) for record in records), default=1)
    x = alt.X("epoch:Q", title="epoch", axis=_whole_axis(n_epochs), scale=alt.Scale(nice=False))
    colour = alt.Color(
        "on:N",
        title=None,
        legend=alt.Legend(symbolType="stroke", symbolStrokeWidth=2.2),
        scale=alt.Scale(domain=list(sides), range=[theme.BLUE, theme.VERMILLION]),
    )
    dash = alt.StrokeDash(
        "on:N", title=None, scale=alt.Scale(domain=list(sides), range=[list(theme.DASHES[0]), [5, 3]])
    )
    y = alt.Y("mean:Q", title=measure, scale=alt.Scale(zero=False), axis=_measure_axis(measure))
    written = ".4f" if measure == "loss" else ".2%"
    tips = [
        alt.Tooltip("on:N", title="images"),
        alt.Tooltip("epoch:Q"),
        alt.Tooltip("mean:Q", title=f"mean {measure}", format=written),
        alt.Tooltip("n:Q", title="fits"),
    ]
    averaged = alt.Chart(alt.InlineData(values=means))
    thin = (
        alt.Chart(alt.InlineData(values=single))
        .mark_line(strokeWidth=0.8, opacity=0.45)
        .encode(x=x, y=alt.Y("value:Q"), color=colour, detail="fit:N")
    )
    band = averaged.mark_area(opacity=0.15).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=colour)
    line = averaged.mark_line().encode(x=x, y=y, color=colour, strokeDash=dash)
    dots = averaged.mark_circle(size=60, opacity=0).encode(x=x, y=y, tooltip=tips)
    layers = [thin, line, dots] if len(records) < 2 else [band, thin, line, dots]
    chart = alt.layer(*layers).properties(**_size(170))
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
        {"epoch": point.epoch, "candidate": candidate.name, "mean": point.validation_accuracy.mean}
        for candidate, records in candidates
        for point in curve(records)
    ]
    names = [candidate.name for candidate, _ in candidates]
    n_epochs = max((row["epoch"] for row in rows), default=1)
    picked = alt.selection_point(fields=["candidate"], bind="legend")
    legend = _legend(names)
    colours, shapes = _named(names, theme.PALETTE), _named(names, theme.SHAPES)
    colour = alt.Color("candidate:N", title=None, scale=colours, sort=names, legend=legend)
    shape = alt.Shape("candidate:N", title=None, scale=shapes, sort=names, legend=legend)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("epoch:Q", axis=_whole_axis(n_epochs), scale=alt.Scale(nice=False)),
        y=alt.Y(
            "mean:Q",
            title="mean validation accuracy",
            scale=alt.Scale(zero=False),
            axis=_measure_axis("accuracy"),
        ),
        color=colour,
        opacity=alt.condition(picked, alt.value(1), alt.value(0.12)),
    )
    tips = [alt.Tooltip("candidate:N"), alt.Tooltip("epoch:Q"), alt.Tooltip("mean:Q", format=".2%")]
    chart = alt.layer(
        base.mark_line(),
        base.mark_point(size=46, filled=True, opacity=1).encode(shape=shape, tooltip=tips).add_params(picked),
    ).properties(**_size(240))
    alt_text = f"{title}: mean validation accuracy by epoch of {', '.join(names)}."
    return Figure(f"overview-{contest_name}", title, alt_text, chart)


def scores_chart(contest: Contest, title: str) -> Figure:
    """Return each fold's or seed's accuracy as a ring, with mean and standard deviation per candidate."""
    import altair as alt

    rows, summaries = [], []
    for row in contest.rows:
        summary: Summary = getattr(row, contest.measure)
        for part, value in row.scores(contest.measure).items():
            rows.append({"candidate": row.name, "value": value, "part": part})
        if summary.mean is not None:
            spread = summary.sd or 0.0
            summaries.append(
                {
                    "candidate": row.name,
                    "mean": summary.mean,
                    "low": summary.mean - spread,
                    "high": summary.mean + spread,
                    "chosen": row.chosen,
                }
            )
    words = contest.measure.replace("_", " ")
    y = alt.Y("candidate:N", title=None, sort=[row.name for row in contest.rows], axis=_names_axis())
    x_title = f"{words}: each {'fold' if contest.question == 'search' else 'seed'}, mean ± sd"
    scale = alt.Scale(zero=False, padding=14)
    x = alt.X("mean:Q", title=x_title, scale=scale, axis=_measure_axis("accuracy"))
    colour = alt.condition("datum.chosen", alt.value(theme.VERMILLION), alt.value(theme.BLUE))
    averaged = alt.Chart(alt.InlineData(values=summaries)).encode(y=y)
    spread_rule = averaged.mark_rule(strokeWidth=5, opacity=0.3, strokeCap="round").encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour
    )
    mean = averaged.mark_tick(thickness=3, size=22, opacity=1).encode(
        x=x, color=colour, tooltip=[alt.Tooltip("candidate:N"), alt.Tooltip("mean:Q", format=".2%")]
    )
    rings = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point(size=52, strokeWidth=1.4, filled=False, color=theme.GREY, opacity=1)
        .encode(
            x=alt.X("value:Q", scale=scale),
            y=y,
            tooltip=[
                alt.Tooltip("candidate:N"),
                alt.Tooltip("part:N", title="fit"),
                alt.Tooltip("value:Q", title=words, format=".2%"),
            ],
        )
    )
    chart = alt.layer(spread_rule, mean, rings).properties(**_size(ROW * len(contest.rows)))
    ends = ", ".join(f"{row['candidate']} {percent(float(str(row['mean'])))}" for row in summaries)
    return Figure(
        f"scores-{contest.question}-{contest.name}", title, f"{title}, mean {words}: {ends}.", chart
    )


def effects_chart(contest: Contest, title: str) -> Figure:
    """Return each variant's difference from the network as it is, in points, with its interval."""
    import altair as alt

    marks = {
        "better": ("circle", theme.GREEN),
        "worse": ("diamond", theme.VERMILLION),
        "tie": ("square", theme.SKY),
    }
    rows: list[dict[str, Any]] = []
    for verdict in contest.verdicts:
        difference = verdict.difference
        if difference.mean is None:
            continue
        rows.append(
            {
                "variant": verdict.first,
                "mean": difference.mean * 100,
                "low": (difference.mean if difference.low is None else difference.low) * 100,
                "high": (difference.mean if difference.high is None else difference.high) * 100,
                "verdict": verdict.kind,
            }
        )
    kinds = list(dict.fromkeys(row["verdict"] for row in rows))
    look = [marks.get(kind, ("triangle-up", theme.GREY)) for kind in kinds]
    y = alt.Y("variant:N", title=None, sort=[row["variant"] for row in rows], axis=_names_axis())
    colour = alt.Color("verdict:N", title=None, scale=alt.Scale(domain=kinds, range=[c for _, c in look]))
    shape = alt.Shape("verdict:N", title=None, scale=alt.Scale(domain=kinds, range=[s for s, _ in look]))
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    zero = (
        alt.Chart(alt.InlineData(values=[{"zero": 0}]))
        .mark_rule(strokeWidth=1.2, strokeDash=[4, 3], color=theme.GREY)
        .encode(x="zero:Q")
    )
    interval = base.mark_rule(strokeWidth=2.4, opacity=0.7).encode(
        x=alt.X("low:Q", title="difference in test accuracy, points", axis=alt.Axis(tickCount=6)),
        x2="high:Q",
        color=colour,
    )
    tips = [alt.Tooltip("variant:N"), alt.Tooltip("verdict:N")]
    tips += [
        alt.Tooltip(f"{key}:Q", title=words, format="+.2f")
        for key, words in (("mean", "points"), ("low", "from"), ("high", "to"))
    ]
    dot = base.mark_point(size=110, filled=True, opacity=1).encode(
        x="mean:Q", color=colour, shape=shape, tooltip=tips
    )
    chart = alt.layer(zero, interval, dot).properties(**_size(ROW * len(rows)))
    ends = ", ".join(f"{row['variant']} {points(row['mean'] / 100)} ({row['verdict']})" for row in rows)
    return Figure(f"effects-{contest.name}", title, f"{title}, in points: {ends}.", chart)


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
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "predicted:N",
            title="predicted",
            sort=list(names),
            axis=alt.Axis(labelAngle=_angle(names), grid=False),
        ),
        y=alt.Y("true:N", title="true", sort=list(names), axis=alt.Axis(grid=False)),
    )
    cells = base.mark_rect(cornerRadius=3, stroke=None).encode(
        color=alt.condition("datum.right", alt.value(theme.BLUE), alt.value(theme.VERMILLION)),
        opacity=alt.Opacity("strength:Q", scale=None, legend=None),
        tooltip=[alt.Tooltip("true:N"), alt.Tooltip("predicted:N"), alt.Tooltip("count:Q", format=",")],
    )
    numbers = base.mark_text().encode(text=alt.Text("count:Q"))
    chart = alt.layer(cells, numbers).properties(**_size(30 * len(names)))
    text = (
        f"{title}: {confusion.n_mistakes:,} mistakes in {confusion.n_images:,} predictions of "
        f"{confusion.n_models} models."
    )
    return Figure("confusion", title, text, chart)


def classes_chart(rows: Sequence[tuple[str, int | None, int | None]], title: str) -> Figure:
    """Return bars of the images per class; ``rows`` are class, training count and test count."""
    import altair as alt

    parts = ("training", "test")
    values = [
        {"class": name, "part": part, "count": count}
        for name, *counts in rows
        for part, count in zip(parts, counts, strict=True)
        if count is not None
    ]
    names = [name for name, *_ in rows]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("class:N", title=None, sort=names, axis=alt.Axis(labelAngle=_angle(names))),
            xOffset=alt.XOffset("part:N", sort=list(parts)),
            y=alt.Y("count:Q", title="images"),
            color=alt.Color(
                "part:N", title=None, scale=alt.Scale(domain=list(parts), range=[theme.BLUE, theme.ORANGE])
            ),
            tooltip=[alt.Tooltip("class:N"), alt.Tooltip("part:N"), alt.Tooltip("count:Q", format=",")],
        )
        .properties(**_size(190))
    )
    return Figure("classes", title, f"{title}: see the table of counts.", chart)


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
        alt.Chart(alt.InlineData(values=values))
        .mark_line(point=alt.OverlayMarkDef(size=36))
        .encode(
            x=alt.X("epoch:Q", axis=_whole_axis(n_epochs), scale=alt.Scale(nice=False)),
            y=alt.Y("rate:Q", title="learning rate"),
            color=alt.Color(
                "who:N",
                title=None,
                legend=alt.Legend(symbolType="stroke", labelLimit=400),
                scale=_named(names, theme.PALETTE),
                sort=names,
            ),
            strokeDash=alt.StrokeDash("who:N", title=None, scale=_named(names, theme.DASHES), sort=names),
            tooltip=[
                alt.Tooltip("who:N", title="recipe"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("rate:Q", format=".3g"),
            ],
        )
        .properties(**_size(150))
    )
    return Figure("learning-rate", title, f"{title} of {', '.join(names)}.", chart)


def _legend(names: Sequence[str]) -> alt.Legend:
    """Return a legend of as many columns as a phone has room for."""
    import altair as alt

    return alt.Legend(
        columns=max(1, min(len(names), 42 // (max(map(len, names), default=0) + 4))), labelLimit=240
    )


def _size(height: int) -> dict[str, Any]:
    """Return the size of a chart: as wide as its container, the plot this high."""
    import altair as alt

    return {
        "width": "container",
        "height": height,
        "autosize": alt.AutoSizeParams(type="fit-x", contains="padding"),
    }


def _named(names: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    """Return a scale that gives each name a value, beginning again where they run out."""
    import altair as alt

    return alt.Scale(domain=list(names), range=[values[i % len(values)] for i in range(len(names))])


def _whole_axis(n: int) -> alt.Axis:
    """Return an axis from 1 to n with at most some ten whole ticks."""
    import altair as alt

    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10**6) if n / step <= 10)
    ticks = sorted({1, *range(step, n + 1, step)})
    return alt.Axis(values=ticks, format="d", grid=False)


def _measure_axis(measure: Measure) -> alt.Axis:
    import altair as alt

    return alt.Axis(format="~%", tickCount=5) if measure == "accuracy" else alt.Axis(format="~g", tickCount=5)


def _names_axis() -> alt.Axis:
    import altair as alt

    return alt.Axis(labelLimit=150, labelFontSize=13, grid=True)


def _angle(names: Sequence[str]) -> int:
    """Return how class names stand below a chart: upright if they are short."""
    return 0 if max(map(len, names), default=0) <= 3 else -45


def _written(value: float, measure: Measure) -> str:
    return percent(value) if measure == "accuracy" else f"{value:.4f}"
