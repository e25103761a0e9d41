"""Charts of verdicts: what each variant changes, the differences of all pairs, and who cannot be told from whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convstudy.analysis import Contest
from convstudy.figures import listed, percent
from convstudy.report import theme
from convstudy.report.figure import Figure, chart_size, drawn_from, measure_axis, names_axis
from convstudy.report.numbers import points
from convstudy.report.score_charts import ROW
from convstudy.stats import Verdict

if TYPE_CHECKING:
    import altair as alt

_MARKS = {
    "better": ("circle", theme.GREEN),
    "worse": ("diamond", theme.VERMILLION),
    "tie": ("square", theme.SKY),
}
_OTHER = ("triangle-up", theme.GREY)
_BAR = 16
"""Pixels from one group's bar to the next."""


def effects_chart(contest: Contest, title: str) -> Figure:
    """Return each variant's difference from the network as it is, with its interval, the largest gain first."""
    named = [(verdict.first, verdict) for verdict in contest.verdicts]
    return _forest(f"effects-{contest.name}", title, named)


def differences_chart(contest: Contest, title: str) -> Figure:
    """Return the difference of every pair of a comparison, with its interval."""
    named = [(f"{verdict.first} − {verdict.second}", verdict) for verdict in contest.verdicts]
    return _forest(f"differences-{contest.name}", title, named)


def ranking_chart(contest: Contest, title: str) -> Figure:
    """Return the candidates of a comparison by mean test accuracy, with intervals and a bar over each group.

    A bar joins candidates of which no two can be told apart, as in a critical-difference diagram; a ring on it
    marks each member, for a group may leave out one in between.
    """
    import altair as alt

    rows: list[dict[str, Any]] = []
    letters = contest.letters
    for row in contest.ranking:
        mean = row.test["accuracy"].mean
        assert mean is not None  # the ranking holds no others
        interval = contest.accuracy_intervals.get(row.name)
        rows.append(
            {
                "candidate": row.name,
                "mean": mean,
                "low": interval.low if interval else mean,
                "high": interval.high if interval else mean,
                "chosen": row.chosen,
                "groups": letters[row.name],
            }
        )
    together = [group for group in contest.groups if len(group) > 1]
    y = alt.Y("candidate:N", title=None, sort=[row["candidate"] for row in rows], axis=names_axis())
    # Room on the right, where the bars stand.
    scale = alt.Scale(zero=False, padding=14 + _BAR * len(together))
    x = alt.X(
        "mean:Q",
        title="mean test accuracy, 95 % interval (grey bars: not told apart)",
        scale=scale,
        axis=measure_axis("accuracy"),
    )
    colour = alt.condition("datum.chosen", alt.value(theme.VERMILLION), alt.value(theme.BLUE))
    base = drawn_from(rows).encode(y=y)
    interval_rule = base.mark_rule(strokeWidth=2.4, opacity=0.7).encode(
        x=alt.X("low:Q", scale=scale), x2="high:Q", color=colour
    )
    tips = [alt.Tooltip("candidate:N"), alt.Tooltip("groups:N", title="group")]
    tips += [
        alt.Tooltip(f"{key}:Q", title=words, format=".2%")
        for key, words in (("mean", "mean"), ("low", "from"), ("high", "to"))
    ]
    dot = base.mark_point(size=110, filled=True, opacity=1).encode(x=x, color=colour, tooltip=tips)
    layers = [interval_rule, dot]
    for number, group in enumerate(together):
        layers += _group_bar(group, y, -_BAR * (len(together) - 1 - number))
    chart = alt.layer(*layers).properties(**chart_size(ROW * len(rows)))
    ends = ", ".join(f"{row['candidate']} {percent(row['mean'])}" for row in rows)
    told = "; ".join(listed(list(group)) for group in together) or "none"
    words = f"{title}, mean test accuracy: {ends}. Groups that cannot be told apart: {told}."
    return Figure(f"ranking-{contest.name}", title, words, chart)


def _group_bar(group: tuple[str, ...], y: alt.Y, offset: int) -> list[alt.Chart]:
    """Return a bar at the right edge from a group's first member to its last, with a dot for each member."""
    import altair as alt

    at_edge = alt.value("width")
    line = (
        drawn_from([{"candidate": name, "member": True} for name in group])
        .mark_line(strokeWidth=4, opacity=0.75, color=theme.GREY, xOffset=offset)
        .encode(x=at_edge, y=y)
    )
    dots = (
        drawn_from([{"candidate": name} for name in group])
        .mark_point(size=46, filled=True, opacity=1, color=theme.GREY, xOffset=offset)
        .encode(x=at_edge, y=y)
    )
    return [line, dots]


def _forest(name: str, title: str, named: list[tuple[str, Verdict]]) -> Figure:
    """Return differences with their intervals, the largest first, zero and the region marked."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    for label, verdict in named:
        difference = verdict.difference
        if difference.mean is None:
            continue
        rows.append(
            {
                "pair": label,
                "mean": difference.mean * 100,
                "low": (difference.mean if difference.low is None else difference.low) * 100,
                "high": (difference.mean if difference.high is None else difference.high) * 100,
                "verdict": verdict.kind,
            }
        )
    rows.sort(key=lambda row: -row["mean"])
    region = named[0][1].region * 100
    kinds = list(dict.fromkeys(row["verdict"] for row in rows))
    look = [_MARKS.get(kind, _OTHER) for kind in kinds]
    axis = alt.Axis(labelLimit=220, labelFontSize=13, grid=True)  # two names with a minus between
    y = alt.Y("pair:N", title=None, sort=[row["pair"] for row in rows], axis=axis)
    colour = alt.Color("verdict:N", title=None, scale=alt.Scale(domain=kinds, range=[c for _, c in look]))
    shape = alt.Shape("verdict:N", title=None, scale=alt.Scale(domain=kinds, range=[s for s, _ in look]))
    base = drawn_from(rows).encode(y=y)
    band = (
        drawn_from([{"from": -region, "to": region}])
        .mark_rect(opacity=0.22, color=theme.GREY)
        .encode(x="from:Q", x2="to:Q")
    )
    zero = (
        drawn_from([{"zero": 0}])
        .mark_rule(strokeWidth=1.2, strokeDash=[4, 3], color=theme.GREY)
        .encode(x="zero:Q")
    )
    within = f" (grey: ±{region:g} count as none)" if region else ""
    interval = base.mark_rule(strokeWidth=2.4, opacity=0.7).encode(
        x=alt.X("low:Q", title=f"difference in test accuracy, points{within}", axis=alt.Axis(tickCount=6)),
        x2="high:Q",
        color=colour,
    )
    tips = [alt.Tooltip("pair:N"), alt.Tooltip("verdict:N")]
    tips += [
        alt.Tooltip(f"{key}:Q", title=words, format="+.2f")
        for key, words in (("mean", "points"), ("low", "from"), ("high", "to"))
    ]
    dot = base.mark_point(size=110, filled=True, opacity=1).encode(
        x="mean:Q", color=colour, shape=shape, tooltip=tips
    )
    chart = alt.layer(band, zero, interval, dot).properties(**chart_size(ROW * len(rows)))
    ends = ", ".join(f"{row['pair']} {points(row['mean'] / 100)} ({row['verdict']})" for row in rows)
    return Figure(name, title, f"{title}, in points: {ends}.", chart)
