"""The rungs of searches that eliminate candidates rung by rung: scores and promoted candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convstudy.analysis import StageResult
from convstudy.numbers import counted
from convstudy.plan import Rung, ranked
from convstudy.plan.screening import N_FINALISTS
from convstudy.report import theme
from convstudy.report.figure import Figure, Layer, Spec, chart, metric_axis, nominal, quantity
from convstudy.report.metric_text import key_of, tip_format, value_kind
from convstudy.report.section import Block, Material, Section, Topic
from convstudy.report.stages import stage_title
from convstudy.report.table import Column, Table, Value

MAX_NAMES = 4


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each search with rungs."""
    for stage_result in material.analysis.main_results:
        table = rungs_table(stage_result)
        if table is not None:
            found: list[Block | None] = [table, rungs_chart(stage_result)]
            blocks = tuple(block for block in found if block is not None)
            yield Section(table.name, table.title, blocks)


def rungs_table(stage_result: StageResult) -> Table | None:
    """Return a table of the rungs reached so far; ``None`` without rungs."""
    if stage_result.trace is None or not stage_result.trace.rungs:
        return None
    metric = stage_result.metric
    columns = (
        Column("rung", "Rung"),
        Column("candidates", "Candidates", "count"),
        Column("folds", "Folds", "count"),
        Column("epochs", "Epochs", "count"),
        Column("best", "Best"),
        Column(key_of(metric), f"Validation {metric.title} of the best", value_kind(metric)),
        Column("promoted", "Promoted", "prose"),
    )
    rows: list[tuple[Value, ...]] = []
    for number, rung in enumerate(stage_result.trace.rungs, start=1):
        if not rung.evaluated:
            continue
        best = ranked(rung.scores)
        rows.append(
            (
                str(number),
                len(rung.evaluated),
                rung.size.n_folds,
                rung.size.n_epochs,
                best[0].name if best else "",
                best[0].value if best else None,
                _names_or_number(rung),
            )
        )
    caption = (
        "Each rung trains its candidates on the first folds, up to the number of epochs in its row. "
        f"{_rule(stage_result)} by mean validation {metric.title} is promoted. The next rung resumes this training."
    )
    return Table(
        f"rungs-{stage_result.name}", f"Rungs of search {stage_result.name}", caption, columns, tuple(rows)
    )


def _rule(stage_result: StageResult) -> str:
    assert stage_result.trace is not None  # the caller has checked that there are rungs
    if stage_result.trace.method == "halving":
        return "The better half"
    return f"The best quarter, or the best {N_FINALISTS} if that is fewer than {N_FINALISTS + 2},"


def _names_or_number(rung: Rung) -> str:
    """Return the promoted candidates of a rung, or only their number if there are many."""
    if len(rung.promoted) <= MAX_NAMES:
        return "; ".join(rung.promoted)
    return f"{len(rung.promoted)} of {len(rung.evaluated)}"


def rungs_chart(stage_result: StageResult) -> Figure | None:
    """Return each candidate's mean validation score by rung; ``None`` before the first rung is decided."""
    decided = [
        (number, rung)
        for number, rung in enumerate(stage_result.trace.rungs if stage_result.trace else (), start=1)
        if rung.decided
    ]
    if not decided:
        return None
    promoted = "; ".join(
        f"rung {number}, {len(rung.promoted)} of {len(rung.evaluated)} promoted" for number, rung in decided
    )
    subject, title = stage_title(stage_result), "Scores by rung"
    full_title = f"{subject}: scores by rung"
    alt = f"{full_title}, mean validation {stage_result.metric.title}: {promoted}."
    return Figure(f"rungs-{stage_result.name}", title, alt, lambda: _draw(stage_result, decided), full_title)


def _draw(stage_result: StageResult, decided: list[tuple[int, Rung]]) -> Spec:
    metric = stage_result.metric
    rows: list[dict[str, Any]] = []
    labels: list[str] = []
    for number, rung in decided:
        folds, epochs = counted(rung.size.n_folds, "fold"), counted(rung.size.n_epochs, "epoch")
        labels.append(f"{number}: {folds} × {epochs}")
        rows += [
            {
                "rung": labels[-1],
                "candidate": score.name,
                "mean": score.value,
                "outcome": _outcome(stage_result, score.name, rung.promoted),
            }
            for score in rung.scores
            if score.value is not None
        ]
    kinds = ["selected", "promoted", "eliminated"]
    x = nominal(
        "rung",
        sort=labels,
        title="rung",
        axis={"labelAngle": 0, "grid": False},
        scale={"padding": 0.3},
    )
    y = quantity(
        "mean", title=f"mean validation {metric.title}", scale={"zero": False}, axis=metric_axis(metric)
    )
    colours = {"domain": kinds, "range": [theme.VERMILLION, theme.BLUE, theme.GREY]}
    shapes = {"domain": kinds, "range": ["diamond", "circle", "cross"]}
    tips = [
        nominal("candidate"),
        nominal("rung"),
        quantity("mean", title=metric.title, format=tip_format(metric)),
        nominal("outcome"),
    ]
    return chart(
        Layer(
            {"type": "line", "strokeWidth": 1.2, "opacity": 0.5, "color": theme.GREY},
            {"x": x, "y": y, "detail": nominal("candidate")},
            rows,
        ),
        Layer(
            {"type": "point", "size": 70, "filled": True, "opacity": 1},
            {
                "x": x,
                "y": y,
                "color": nominal("outcome", title=None, scale=colours, sort=kinds),
                "shape": nominal("outcome", title=None, scale=shapes, sort=kinds),
                "tooltip": tips,
            },
            rows,
        ),
        height=260,
    )


def _outcome(stage_result: StageResult, name: str, promoted: tuple[str, ...]) -> str:
    best = stage_result.best
    if best is not None and best.name == name:
        return "selected"
    return "promoted" if name in promoted else "eliminated"


SECTION = Topic(42, sections)
