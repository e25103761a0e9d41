"""Compute: the hardware, the time per fit and the training throughput."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.numbers import counted, listed
from convstudy.record import Environment
from convstudy.report.section import Material, Section, Text, Topic
from convstudy.report.stages import stage_title, trained
from convstudy.report.table import Column, Table, Value
from convstudy.stats import summarise


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if a fit is trained."""
    table = compute_table(material)
    if table.rows:
        yield Section("compute", "Compute", (Text((hardware(material),)), table))


def hardware(material: Material) -> str:
    """Return sentences on the environments of the fits."""
    records = material.results.records.values()
    found = dict.fromkeys(record.environment for record in records if record.done and record.environment)
    named = [_named(environment) for environment in found]
    return (
        f"The fits ran on {listed(named)}. Times are wall-clock times, measured while all workers train in parallel, "
        "one fit each. Compare them between candidates of this run, not between machines. Energy is not measured."
    )


def _named(environment: Environment) -> str:
    cores = f"{environment.cpu}, {counted(environment.n_cores, 'core')}, {environment.machine}"
    return cores if environment.device == "cpu" else f"{environment.device} ({cores})"


def compute_table(material: Material) -> Table:
    """Return the time per fit and the throughput of each candidate."""
    results = material.results
    columns = (
        Column("stage", "Stage"),
        Column("candidate", "Candidate"),
        Column("fits", "Fits", "count"),
        Column("epochs", "Epochs per fit", "rate"),
        Column("seconds", "Time per fit", "seconds"),
        Column("training", "Training images per second", "count"),
        Column("evaluation_fraction", "Time spent on evaluation", "percent"),
    )
    rows: list[tuple[Value, ...]] = []
    for stage_result in material.analysis.main_results:
        for candidate, records in trained(results, results.plan.stage(stage_result.stage)):
            epochs = [epoch for record in records for epoch in record.history]
            train = sum(epoch.train_seconds for epoch in epochs)
            evaluation = sum(epoch.evaluation_seconds for epoch in epochs)
            images = sum(record.n_train * len(record.history) for record in records)
            rows.append(
                (
                    stage_title(stage_result),
                    candidate.name,
                    len(records),
                    len(epochs) / len(records),
                    summarise(record.seconds for record in records),
                    images / train if train else None,
                    evaluation / (train + evaluation) if train + evaluation else None,
                )
            )
    caption = (
        "Mean ± sd over the fits of a candidate. Training images per second: each image counts once per epoch. "
        "Evaluation: scoring training and validation images after each epoch."
    )
    return Table("compute", "Compute", caption, columns, tuple(rows))


SECTION = Topic(81, sections)
