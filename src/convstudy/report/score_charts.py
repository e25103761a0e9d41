"""Charts of scores: each fold or seed with the mean."""

from __future__ import annotations

from convstudy.analysis import Contest
from convstudy.figures import percent
from convstudy.report import theme
from convstudy.report.figure import Figure, chart_size, drawn_from, measure_axis, names_axis

ROW = 38
"""Height of one candidate, in pixels."""


def scores_chart(contest: Contest, title: str) -> Figure:
    """Return each fold's or seed's accuracy as a ring, with mean and standard deviation per candidate."""
    import altair as alt

    rows, summaries = [], []
    for row in contest.rows:
        summary = row.summary(contest.measure)
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
    words = f"{contest.measure.part} {contest.measure.metric}"
    # What tells the candidates of a search apart is often the end of their names.
    axis = names_axis(240) if contest.question == "search" else names_axis()
    y = alt.Y("candidate:N", title=None, sort=[row.name for row in contest.rows], axis=axis)
    x_title = f"{words}: each {'fold' if contest.question == 'search' else 'seed'}, mean ± sd"
    scale = alt.Scale(zero=False, padding=14)
    x = alt.X("mean:Q", title=x_title, scale=scale, axis=measure_axis("accuracy"))
    colour = alt.condition("datum.chosen", alt.value(theme.VERMILLION), alt.value(theme.BLUE))
    averaged = drawn_from(summaries).encode(y=y)
    spread_rule = averaged.mark_rule(strokeWidth=5, opacity=0.3, strokeCap="round").encode(
        x=alt.X("low:Q", scale=scale), x2=alt.X2("high:Q"), color=colour
    )
    mean = averaged.mark_tick(thickness=3, size=22, opacity=1).encode(
        x=x, color=colour, tooltip=[alt.Tooltip("candidate:N"), alt.Tooltip("mean:Q", format=".2%")]
    )
    rings = (
        drawn_from(rows)
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
    chart = alt.layer(spread_rule, mean, rings).properties(**chart_size(ROW * len(contest.rows)))
    ends = ", ".join(f"{row['candidate']} {percent(float(str(row['mean'])))}" for row in summaries)
    return Figure(
        f"scores-{contest.question}-{contest.name}", title, f"{title}, mean {words}: {ends}.", chart
    )
