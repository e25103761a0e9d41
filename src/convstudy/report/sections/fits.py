"""All fits: scores, weights and costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from convstudy.analysis import StageResult
from convstudy.history.results import Results
from convstudy.metrics import metric_named, recorded_with
from convstudy.plan import epochs_added, fit_cost, own_epochs
from convstudy.report.metric_text import key_of, value_kind
from convstudy.report.section import Details, Material, Section, Topic
from convstudy.report.stages import MEASURED
from convstudy.report.table import Column, Table, Value
from convstudy.stats.measure import Measure, Part


def sections(material: Material) -> Iterator[Section]:
    scores, costs = (
        results_table(material.analysis.stage_results, recorded_with(material.results.study.metric)),
        costs_table(material.results),
    )
    blocks = [Details("Scores of every fit", (scores,))]
    if costs.rows:
        blocks.append(Details("Costs of every fit", (costs,)))
    yield Section("fits", scores.title, tuple(blocks))


def data(material: Material) -> dict[str, Any]:
    """Return the definitions of all fits and their records with histories, by fit id."""
    results = material.results
    return {
        "fits": {fit.id: fit.as_json() for fit in results.plan.fits},
        "records": {
            fit.id: results.records[fit.id].as_json()
            for fit in results.plan.fits
            if fit.id in results.records
        },
    }


def results_table(stage_results: tuple[StageResult, ...], metrics: Sequence[str]) -> Table:
    """Return a table with the scores and weights of every fit.

    It contains no times or dates, so an interrupted and resumed run gives the same bytes as an uninterrupted one.
    """
    parts: tuple[Part, ...] = ("train", "validation", "test")
    measures = [Measure(part, metric) for part in parts for metric in metrics]
    columns = (
        Column("stage", "Stage"),
        Column("candidate", "Candidate"),
        Column("part", "Seed or fold"),
        Column("status", "Status"),
        Column("epochs", "Epochs", "count"),
        Column("selected_epoch", "Selected epoch", "count"),
        *(
            Column(
                f"{each.part}_{key_of(metric)}",
                f"{each.part.capitalize()} {metric.title}",
                value_kind(metric),
            )
            for each in measures
            for metric in [metric_named(each.metric)]
        ),
        Column("weights_digest", "Weights", "digest"),
        Column("fit_id", "Fit", "code"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            fit.stage,
            fit.candidate,
            fit.part,
            fit.status,
            fit.n_epochs or None,
            fit.selected_epoch,
            *(fit.score(each) for each in measures),
            fit.weights_digest,
            fit.fit_id,
        )
        for stage_result in stage_results
        for row in stage_result.rows
        for fit in row.fits
    ]
    caption = f"{MEASURED} A fit that two stages share is trained once and listed in both."
    return Table("results", "Every fit", caption, columns, tuple(rows))


def costs_table(results: Results) -> Table:
    """Return a table with the times and FLOPs of every fit."""
    columns = (
        Column("fit_id", "Fit", "code"),
        Column("stage", "Stage"),
        Column("candidate", "Candidate"),
        Column("train_images", "Training images × epochs", "count"),
        Column("flops", "Planned FLOPs", "rate"),
        Column("train_seconds", "Training time", "seconds"),
        Column("evaluation_seconds", "Evaluation time", "seconds"),
        Column("test_seconds", "Test time", "seconds"),
    )
    fits = [fit for stage in results.plan.stages for fit in stage.fits]
    own, added = own_epochs(fits, results.records), epochs_added(fits)
    rows: dict[str, tuple[Value, ...]] = {}
    for stage in results.plan.stages:
        owners = stage.owners
        for fit in stage.fits:
            record = results.records.get(fit.id)
            if record is None or fit.id in rows:
                continue
            test_evaluation = results.test_evaluations.get(fit.id)
            rows[fit.id] = (
                fit.id,
                stage.key,
                owners[fit.id],
                record.n_train * len(own[fit.id]),
                float(fit_cost(fit, added[fit.id]).flops),
                sum(epoch.train_seconds for epoch in own[fit.id]),
                sum(epoch.evaluation_seconds for epoch in own[fit.id]),
                test_evaluation.seconds if test_evaluation else None,
            )
    caption = (
        "Each fit is listed once, with its first stage. Times are those of the machine that ran it. Planned FLOPs "
        "count every planned epoch, even if early stopping ended the fit sooner."
    )
    if any(fit.epoch_budget for fit in fits):
        caption += " A fit that resumes a shorter one counts only its own epochs."
    return Table("costs", "Costs", caption, columns, tuple(rows.values()))


SECTION = Topic(84, sections, data)
