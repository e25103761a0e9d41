"""Every fit: its scores and weights, and what it cost."""

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
    """Yield the one section."""
    scores, costs = (
        results_table(material.analysis.stage_results, recorded_with(material.results.study.metric)),
        costs_table(material.results),
    )
    blocks = [Details("All scores, fit by fit", (scores,))]
    if costs.rows:
        blocks.append(Details("What each fit cost", (costs,)))
    yield Section("fits", scores.title, tuple(blocks))


def data(material: Material) -> dict[str, Any]:
    """Return what each fit is, and its record with the whole history, by its id."""
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
    """Return every fit with its scores and weights.

    It holds no time and no date: a run that was stopped and gone on with gives the same bytes as one that was not.
    """
    parts: tuple[Part, ...] = ("train", "validation", "test")
    measures = [Measure(part, metric) for part in parts for metric in metrics]
    columns = (
        Column("stage", "Question"),
        Column("candidate", "Candidate"),
        Column("part", "Seed or fold"),
        Column("status", "Status"),
        Column("epochs", "Epochs", "count"),
        Column("selected_epoch", "Epoch that counts", "count"),
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
    caption = f"Every fit of the plan. {MEASURED} A fit that two questions share is trained once and stands in both."
    return Table("results", "Every fit", caption, columns, tuple(rows))


def costs_table(results: Results) -> Table:
    """Return what every fit cost, each once."""
    columns = (
        Column("fit_id", "Fit", "code"),
        Column("stage", "First asked by"),
        Column("candidate", "Candidate"),
        Column("train_images", "Images trained", "count"),
        Column("flops", "Operations planned", "rate"),
        Column("train_seconds", "Training", "seconds"),
        Column("evaluation_seconds", "Measuring", "seconds"),
        Column("test_seconds", "Test", "seconds"),
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
    caption = "What each fit cost on the machine where it ran; operations are those of all planned epochs."
    if any(fit.epoch_budget for fit in fits):
        caption += " A fit that goes on from a paused one counts its own epochs only."
    return Table("costs", "Costs", caption, columns, tuple(rows.values()))


SECTION = Topic(84, sections, data)
