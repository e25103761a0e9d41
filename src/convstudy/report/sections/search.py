"""A search: the candidates that it tried, with the score of each fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from convstudy.analysis import CandidateRow, SearchTrace, StageResult
from convstudy.metrics import ACCURACY, LOG_LOSS, metric_named
from convstudy.numbers import counted, percent
from convstudy.report.curves import overview_chart
from convstudy.report.metric_text import key_of, value_kind
from convstudy.report.section import Block, Material, Section, Topic
from convstudy.report.stages import MEASURED, chosen_rows, scores_chart, stage_title, table_name, trained
from convstudy.report.table import Column, Table, Value


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each search."""
    results = material.results
    for stage_result in material.analysis.asked:
        if stage_result.question != "search":
            continue
        candidates = list(trained(results, results.plan.stage(stage_result.stage)))
        found: list[Block | None] = [
            search_table(stage_result),
            scores_chart(stage_result),
            overview_chart(
                table_name(stage_result), stage_title(stage_result), candidates, stage_result.metric
            )
            if len(candidates) > 1
            else None,
        ]
        blocks = tuple(block for block in found if block is not None)
        yield Section(table_name(stage_result), stage_title(stage_result), blocks)


def data(material: Material) -> dict[str, Any]:
    """Return how each search went about it, and how much too good its best score is."""
    found = {
        stage_result.stage: _course(stage_result.trace) | _optimism(stage_result)
        for stage_result in material.analysis.asked
        if stage_result.trace
    }
    return {"searches": found}


def search_table(stage_result: StageResult) -> Table:
    """Return a search's candidates with each fold's validation score, and how far each came where they differ."""
    parts = list(dict.fromkeys(fit.part for row in stage_result.rows for fit in row.fits))
    halves = stage_result.trace is not None and bool(stage_result.trace.rungs)
    reached = (Column("reached", "Trained"), Column("dropped", "Dropped in")) if halves else ()
    metric = stage_result.metric
    # The metric that chooses comes first, then its folds; accuracy and loss are always there.
    last = [metric_named(name) for name in (ACCURACY, LOG_LOSS) if name != metric.name]
    columns = (
        Column("candidate", "Candidate"),
        Column(f"validation_{key_of(metric)}", f"Validation {metric.title}", value_kind(metric)),
        *reached,
        *(Column(part.replace(" ", "_"), part.capitalize(), value_kind(metric)) for part in parts),
        *(
            Column(f"validation_{key_of(each)}", f"Validation {each.title}", value_kind(each))
            for each in last
        ),
        Column("parameters", "Parameters", "count"),
        Column("seconds", "Time a fit", "seconds"),
        Column("chosen", "Chosen"),
    )
    rows: list[tuple[Value, ...]] = []
    for row in stage_result.rows:
        scores = row.scores(stage_result.measure)
        folds = (scores.get(part) for part in parts)
        rows.append(
            (
                row.name,
                row.validation[metric.name],
                *(_reached(stage_result, row) if halves else ()),
                *folds,
                *(row.validation[each.name] for each in last),
                row.n_parameters,
                row.seconds,
                "chosen" if row.chosen else "",
            )
        )
    folds_text = "the folds that each came to" if halves else counted(len(parts), "fold")
    best = "highest" if metric.higher_is_better else "lowest"
    among = f"Of the last rung, the {best}" if halves else f"The {best}"
    caption = (
        f"Mean ± standard deviation over {folds_text}, and each fold by itself. {among} mean "
        f"validation {metric.title} is chosen; the test images have no part in it. "
        f"{_epochs_text(stage_result)}{MEASURED}"
    )
    title = f"Search {stage_result.name}"
    return Table(table_name(stage_result), title, caption, columns, tuple(rows), chosen_rows(stage_result))


def _reached(stage_result: StageResult, row: CandidateRow) -> tuple[Value, Value]:
    """Return how far a candidate came in folds and epochs, and in which rung it was dropped."""
    trace = stage_result.trace
    assert trace is not None  # callers ask of searches only
    rung, dropped = trace.reached(row.name), trace.eliminated_in.get(row.name)
    far = f"{counted(rung.size.n_folds, 'fold')} × {counted(rung.size.n_epochs, 'epoch')}" if rung else ""
    return far, f"rung {dropped}" if dropped else ""


def _epochs_text(stage_result: StageResult) -> str:
    """Return what a search that is no grid trained beside the grid, as a sentence with a space after it."""
    trace = stage_result.trace
    if trace is None or trace.method == "grid":
        return ""
    epochs = f"It trained {counted(trace.n_epochs, 'epoch')}"
    if trace.grid_epochs is None or trace.grid_fraction is None:
        return f"{epochs}; ranges have no grid to set that beside. "
    return f"{epochs}, where the grid would train {trace.grid_epochs:,} ({percent(trace.grid_fraction, 0)}). "


def _course(trace: SearchTrace) -> dict[str, Any]:
    """Return how a search went about it; a rung's fits by their ids."""
    return {
        "method": trace.method,
        "n_candidates": trace.n_candidates,
        "n_epochs": trace.n_epochs,
        "grid_epochs": trace.grid_epochs,
        "eliminated_in": trace.eliminated_in,
        "rungs": [
            {
                **asdict(rung.size),
                "evaluated": list(rung.evaluated),
                "promoted": list(rung.promoted),
                "scores": [asdict(score) for score in rung.scores],
                "fits": [fit.id for fit in rung.fits],
            }
            for rung in trace.rungs
        ],
    }


def _optimism(stage_result: StageResult) -> dict[str, Any]:
    """Return what is known of how much too good a search's best score is."""
    selection, nested = stage_result.selection, stage_result.nested
    return {
        "selection": selection and {**asdict(selection), "corrected": selection.corrected},
        "nested": nested and {**asdict(nested), "optimism": nested.optimism, "winners": nested.winners},
    }


SECTION = Topic(40, sections, data)
