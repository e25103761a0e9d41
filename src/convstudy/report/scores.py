"""The table of scores of a comparison, an ablation or a final training."""

from __future__ import annotations

from convstudy.analysis import CandidateRow, StageResult
from convstudy.metrics import ACCURACY, BALANCED_ACCURACY, LOG_LOSS, RECORDED, Metric, metric_named
from convstudy.numbers import count
from convstudy.report.balance_text import balanced_summary
from convstudy.report.metric_text import key_of, value_kind
from convstudy.report.stages import MEASURED, chosen_rows, ends, seeds_text, stage_title, table_name
from convstudy.report.table import Column, Table, Value
from convstudy.stats.skewed import FEW_IMAGES, MeanInterval

BALANCED = metric_named(BALANCED_ACCURACY)


def scores_table(stage_result: StageResult) -> Table:
    """Tabulate the candidates of a comparison, an ablation or a final training, with their scores."""
    letters = stage_result.letters if stage_result.groups else {}
    # Every table has accuracy and log-loss; another metric of the study needs its own columns.
    own = [] if stage_result.metric.name in RECORDED else [stage_result.metric]
    columns = (
        Column("candidate", "Candidate"),
        *(_columns(BALANCED)[:3] if stage_result.balanced else ()),
        *(column for metric in own for column in _columns(metric)),
        Column("test_accuracy", "Test accuracy", "percent"),
        Column("accuracy_low", "95 % CI from", "percent"),
        Column("accuracy_high", "to", "percent"),
        *([Column("group", "Group")] if letters else []),
        Column("test_loss", "Test loss", "loss"),
        Column("loss_low", "95 % CI from", "loss"),
        Column("loss_high", "to", "loss"),
        Column("validation_accuracy", "Validation accuracy", "percent"),
        Column("train_accuracy", "Train accuracy", "percent"),
        Column("train_loss", "Train loss", "loss"),
        Column("parameters", "Parameters", "count"),
        Column("seconds", "Time per fit", "seconds"),
        Column("weights_digests", "Weights", "digests"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.name,
            *(_balanced(stage_result, row) if stage_result.balanced else ()),
            *(value for metric in own for value in _values(stage_result, row, metric)),
            row.test["accuracy"],
            *ends(stage_result.interval(row.name, ACCURACY)),
            *([letters.get(row.name, "")] if letters else []),
            row.test["log-loss"],
            *ends(stage_result.interval(row.name, LOG_LOSS)),
            row.validation["accuracy"],
            row.train["accuracy"],
            row.train["log-loss"],
            row.n_parameters,
            row.seconds,
            row.weights_digests,
        )
        for row in stage_result.rows
    ]
    seeds = seeds_text(stage_result.rows)
    covered = (
        "the sampling of test images, for these models"
        if seeds == "1 seed"
        else "the variation between seeds and the sampling of test images"
    )
    groups = (
        "Networks with a common letter in “Group” do not differ significantly by more than the equivalence margin. "
        if letters
        else ""
    )
    caption = (
        f"Mean ± sd over {seeds}. {MEASURED} The 95 % CIs cover {covered}. {groups}Each digest identifies the weights "
        "of one seed; “Every fit” lists all of them."
    )
    caption += _few_images(stage_result, (metric_named(LOG_LOSS), *own))
    if any(not each.reliable for found in stage_result.intervals.values() for each in found.values()):
        caption += " Candidates with collapsed seeds have none (see “Collapsed seeds”)."
    if not stage_result.settled:
        caption = (
            "This stage is not trained, because it depends on a selection that has not been made. Until then, the "
            "networks in this table are placeholders."
        )
    elif not any(row.n_done for row in stage_result.rows):
        caption = "No fit is trained yet."
    return Table(
        table_name(stage_result),
        stage_title(stage_result),
        caption,
        columns,
        tuple(rows),
        chosen_rows(stage_result),
    )


def _few_images(stage_result: StageResult, metrics: tuple[Metric, ...]) -> str:
    """Return a sentence, with a space before it, on intervals that few images determine; empty if there are none."""
    found = []
    for metric in dict.fromkeys(metrics):
        intervals = [stage_result.interval(row.name, metric.name) for row in stage_result.rows]
        few = [each for each in intervals if isinstance(each, MeanInterval) and each.depends_on_few]
        if few:
            whose = "each" if len(few) == len(intervals) else f"{len(few)} of {len(intervals)}"
            found.append(
                f" The test {metric.title} of {whose} of these candidates depends on fewer than {FEW_IMAGES} images "
                f"(effective number, at least {count(min(each.n_effective for each in few))}): its interval can be too "
                "short."
            )
    return "".join(found)


def _columns(metric: Metric) -> tuple[Column, ...]:
    """Return the columns of a metric that not every table has."""
    key, kind = key_of(metric), value_kind(metric)
    ends_of = (Column(f"{key}_low", "95 % CI from", kind), Column(f"{key}_high", "to", kind))
    return (
        Column(f"test_{key}", f"Test {metric.title}", kind),
        *ends_of,
        Column(f"validation_{key}", f"Validation {metric.title}", kind),
    )


def _balanced(stage_result: StageResult, row: CandidateRow) -> tuple[Value, ...]:
    return (balanced_summary(stage_result, row), *ends(stage_result.interval(row.name, BALANCED.name)))


def _values(stage_result: StageResult, row: CandidateRow, metric: Metric) -> tuple[Value, ...]:
    interval = stage_result.interval(row.name, metric.name)
    return (row.test[metric.name], *ends(interval), row.validation[metric.name])
