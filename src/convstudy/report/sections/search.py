"""Searches: the candidates with their scores per fold."""

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
from convstudy.report.stages import chosen_rows, scores_chart, stage_title, table_name, trained
from convstudy.report.table import Column, Table, Value


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each search."""
    results = material.results
    for stage_result in material.analysis.main_results:
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
    """Return each search's trace (rungs, epochs) and the optimism of its best score."""
    found = {
        stage_result.stage: _trace_json(stage_result.trace) | _optimism(stage_result)
        for stage_result in material.analysis.main_results
        if stage_result.trace
    }
    return {"searches": found}


def search_table(stage_result: StageResult) -> Table:
    """Return a table of a search's candidates with the validation score of each fold.

    For methods with rungs, the table also shows the number of folds and epochs that each candidate was trained for, and
    the rung that eliminated it.
    """
    parts = list(dict.fromkeys(fit.part for row in stage_result.rows for fit in row.fits))
    is_halving = stage_result.trace is not None and bool(stage_result.trace.rungs)
    reached = (Column("reached", "Trained"), Column("eliminated", "Eliminated in")) if is_halving else ()
    metric = stage_result.metric
    # The study's metric comes first, then its folds; accuracy and loss are always shown.
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
        Column("seconds", "Time per fit", "seconds"),
        Column("selected", "Selected"),
    )
    rows: list[tuple[Value, ...]] = []
    for row in stage_result.rows:
        scores = row.scores(stage_result.measure)
        folds = (scores.get(part) for part in parts)
        rows.append(
            (
                row.name,
                row.validation[metric.name],
                *(_reached(stage_result, row) if is_halving else ()),
                *folds,
                *(row.validation[each.name] for each in last),
                row.n_parameters,
                row.seconds,
                "selected" if row.chosen else "",
            )
        )
    folds_text = "the folds of each candidate" if is_halving else counted(len(parts), "fold")
    best = "highest" if metric.higher_is_better else "lowest"
    among = " in the last rung" if is_halving else ""
    caption = (
        f"Mean ± sd over {folds_text}, and the score of each fold. The candidate with the {best} mean validation "
        f"{metric.title}{among} is selected."
        f"{_epochs_text(stage_result)}"
    )
    title = f"Search {stage_result.name}"
    return Table(table_name(stage_result), title, caption, columns, tuple(rows), chosen_rows(stage_result))


def _reached(stage_result: StageResult, row: CandidateRow) -> tuple[Value, Value]:
    """Return the size of the last rung of a candidate, as folds × epochs, and the rung that eliminated it."""
    trace = stage_result.trace
    assert trace is not None  # only searches have this table
    rung, eliminated = trace.reached(row.name), trace.eliminated_in.get(row.name)
    size = f"{counted(rung.size.n_folds, 'fold')} × {counted(rung.size.n_epochs, 'epoch')}" if rung else ""
    return size, f"rung {eliminated}" if eliminated else ""


def _epochs_text(stage_result: StageResult) -> str:
    """Return a sentence, with a space before it, on the number of epochs of a search; "" for a full grid."""
    trace = stage_result.trace
    if trace is None or trace.method == "grid":
        return ""
    if trace.grid_epochs is None or trace.grid_fraction is None:
        return f" The search trained {counted(trace.n_epochs, 'epoch')} in total."
    proportion = percent(trace.grid_fraction, 0)
    return (
        f" The search trained {trace.n_epochs:,} of {trace.grid_epochs:,} epochs of the grid ({proportion})."
    )


def _trace_json(trace: SearchTrace) -> dict[str, Any]:
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
    """Return estimates of the optimism of a search's best score."""
    selection, nested = stage_result.selection, stage_result.nested
    return {
        "selection": selection and {**asdict(selection), "corrected": selection.corrected},
        "nested": nested and {**asdict(nested), "optimism": nested.optimism, "winners": nested.winners},
    }


SECTION = Topic(40, sections, data)
