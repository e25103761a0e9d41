"""The protocol: the images that each stage uses, the choices, and the test-set access log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from convstudy.analysis import Protocol
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, LOG_LOSS, Metric, metric_named, recorded_with
from convstudy.numbers import counted
from convstudy.report.metric_text import capital, key_of, value_kind
from convstudy.report.section import Material, Section, Text, Topic
from convstudy.report.table import Column, Table, Value

MAX_OTHER_EVALUATIONS = 50
"""The number of test-set evaluations of other models that a report lists."""


def sections(material: Material) -> Iterator[Section]:
    results, protocol = material.results, material.analysis.protocol
    tables = (
        images_table(protocol),
        choices_table(results),
        acceptances_table(protocol),
        test_evaluations_table(protocol, metric_named(results.study.metric)),
        access_log_table(protocol),
    )
    has_baselines = any(each.measure.part == "test" for each in material.analysis.baselines)
    text = Text((protocol_text(protocol, results.images is not None, has_baselines),))
    yield Section("protocol", "Protocol", (text, *(table for table in tables if table.rows)))


def data(material: Material) -> dict[str, Any]:
    """Return choices, accepted failures and test-set evaluations."""
    protocol = material.analysis.protocol
    return {
        "choices": [asdict(choice) for choice in material.results.choices],
        "acceptances": [asdict(row) for row in protocol.acceptances],
        "test_set": {
            "test_evaluations": [asdict(row) for row in protocol.test_evaluations],
            "evaluations_in_this_folder": protocol.n_test_evaluations,
            "evaluations_before_this_run": protocol.n_test_evaluations_before,
            "evaluations_by_this_run": protocol.n_evaluated,
            "hypotheses_in_this_folder": protocol.n_hypotheses,
            "hypotheses_of_other_runs": protocol.n_hypotheses_elsewhere,
        },
    }


def protocol_text(protocol: Protocol, has_image_statistics: bool, has_baselines: bool = False) -> str:
    """Return sentences on the number of test-set evaluations.

    Args:
        protocol: the run's protocol.
        has_image_statistics: whether the run searched the test images for duplicates.
        has_baselines: whether baselines were scored on the test images.
    """
    n_choices = len(protocol.choices)
    choices = f", after {counted(n_choices, 'choice')}" if n_choices else "; no choice was made before them"
    text = (
        f"This run uses {counted(len(protocol.test_evaluations), 'test-set evaluation')}{choices}. Over all runs "
        f"in this folder, the test set was evaluated {counted(protocol.n_test_evaluations, 'time')}, "
        f"{protocol.n_test_evaluations_before:,} of them before this run’s first evaluation."
    )
    if protocol.n_hypotheses:
        text += (
            f" These evaluations scored {counted(protocol.n_hypotheses, 'different candidate')}, "
            f"{protocol.n_hypotheses_elsewhere:,} of them in other runs; all seeds of a candidate count as one."
        )
    if has_image_statistics:
        text += " After the choices, the test images were also searched for duplicates; this uses no model."
    if has_baselines:
        text += (
            " Three baselines without settings were scored on the test images at the same time; nothing is chosen by "
            "their scores, so they are not in the log."
        )
    return text


def images_table(protocol: Protocol) -> Table:
    """Return a table of the images that each stage uses."""
    columns = (
        Column("stage", "Stage"),
        Column("candidates", "Candidates", "count"),
        Column("fits", "Fits", "count"),
        Column("train", "Training", "count"),
        Column("validation", "Validation", "count"),
        Column("test", "Test", "count"),
        Column("how", "Split", "prose"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            stage.stage,
            stage.n_candidates,
            stage.n_fits,
            stage.n_train,
            stage.n_validation,
            stage.n_test or None,
            stage.how,
        )
        for stage in protocol.stages
    ]
    caption = (
        f"Number of images per fit. The dataset has {protocol.n_train:,} training and {protocol.n_test:,} test images. "
        "The test set is locked until all choices are made. Only its labels are read before training, to check that "
        "each names a class and that the metric is defined."
    )
    if protocol.n_groups:
        caption += (
            f" The training images are in {counted(protocol.n_groups, 'group')}, which no split divides. Sizes "
            "therefore differ between folds and seeds; those of the first trained fit are shown, or, before any is "
            "trained, approximate ones."
        )
    return Table("images", "Images used by each stage", caption, columns, tuple(rows))


def choices_table(results: Results) -> Table:
    """Return a table of the choices, in order, with the scores that decided them."""
    metric = metric_named(results.study.metric)
    metrics = _shown(metric)
    columns = (
        Column("order", "Order"),
        Column("stage", "Stage"),
        Column("candidate", "Candidate"),
        *(Column(key_of(each), f"Mean validation {each.title}", value_kind(each)) for each in metrics),
        Column("failed", "Failed fits", "count"),
        Column("selected", "Selected"),
    )
    rows: list[tuple[Value, ...]] = []
    marked = set()
    questions = {stage.key: stage.question for stage in results.plan.stages}
    shown = [choice for choice in results.choices if questions[choice.stage] != "inner"]
    for number, choice in enumerate(shown, start=1):
        for score in choice.scores:
            if score.name == choice.chosen:
                marked.add(len(rows))
            selected = "selected" if score.name == choice.chosen else ""
            rows.append(
                (
                    str(number),
                    choice.stage,
                    score.name,
                    *(None if score.scores is None else score.scores[each.name] for each in metrics),
                    score.n_failed,
                    selected,
                )
            )
    caption = (
        f"Choices use validation images only: the {'highest' if metric.higher_is_better else 'lowest'} mean "
        f"{metric.title}, then the lowest mean loss, then fewer parameters."
    )
    if any(choice.kept for choice in shown):
        kept = ", ".join(choice.stage for choice in shown if choice.kept)
        caption += (
            f" {kept}: this selection was made before any model had a test score. It is kept, although records have "
            "changed since."
        )
    if any(stage.rungs for stage in results.plan.stages):
        caption += " A halving search lists only the candidates of its last rung."
    return Table("choices", "Choices in order", caption, columns, tuple(rows), frozenset(marked))


def test_evaluations_table(protocol: Protocol, metric: Metric) -> Table:
    """Return a table of this run's test-set evaluations."""
    metrics = [metric_named(name) for name in recorded_with(metric.name)]
    columns = (
        Column("evaluated_at", "When (UTC)", "time"),
        Column("candidates", "Candidates", "prose"),
        Column("part", "Seed"),
        Column("weights_digest", "Weights", "digest"),
        Column("images", "Images", "count"),
        *(Column(key_of(each), capital(each.title), value_kind(each)) for each in metrics),
        Column("purpose", "Study"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.test_evaluation.evaluated_at,
            "; ".join(row.candidates),
            row.part,
            row.test_evaluation.weights_digest,
            row.test_evaluation.n_images,
            *(
                None if row.test_evaluation.scores is None else row.test_evaluation.scores[each.name]
                for each in metrics
            ),
            row.test_evaluation.purpose,
        )
        for row in protocol.test_evaluations
    ]
    caption = "Every model of this run that was scored on the test images, in order of time."
    return Table("test_evaluations", "Test-set access log", caption, columns, tuple(rows))


def acceptances_table(protocol: Protocol) -> Table:
    """Return a table of accepted failures with their reasons and dates."""
    columns = (
        Column("accepted_at", "When (UTC)", "time"),
        Column("candidates", "Candidates", "prose"),
        Column("part", "Seed or fold"),
        Column("reason", "Reason", "prose"),
        Column("kind", "Kind"),
        Column("error", "Error", "prose"),
        Column("since", "Since then"),
        Column("fit_id", "Fit", "code"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.acceptance.accepted_at,
            "; ".join(row.candidates),
            row.part,
            row.acceptance.reason,
            row.acceptance.error_kind,
            row.acceptance.error,
            "trained" if row.done_since else "",
            row.acceptance.fit_id,
        )
        for row in protocol.acceptances
    ]
    caption = (
        "Fits that failed and might succeed in another run. A user decided to count them as failed, for the reason "
        "in the table."
    )
    return Table("acceptances", "Accepted failures", caption, columns, tuple(rows))


def access_log_table(protocol: Protocol) -> Table:
    """Return a table of the latest test-set evaluations that this run does not use."""
    columns = (
        Column("evaluated_at", "When (UTC)", "time"),
        Column("study", "Study"),
        Column("run", "Run", "code"),
        Column("fit_id", "Fit", "code"),
        Column("weights_digest", "Weights", "digest"),
        Column("accuracy", "Accuracy", "percent"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            entry.test_evaluation.evaluated_at,
            entry.test_evaluation.purpose,
            entry.run_id,
            entry.test_evaluation.fit_id,
            entry.test_evaluation.weights_digest,
            None if entry.test_evaluation.scores is None else entry.test_evaluation.scores[ACCURACY],
        )
        for entry in protocol.others[-MAX_OTHER_EVALUATIONS:]
    ]
    caption = (
        "Other models that were scored on the same test images in this runs folder, in order of time: those of other "
        "studies, and earlier ones of this study."
    )
    if len(protocol.others) > MAX_OTHER_EVALUATIONS:
        caption += f" The latest {MAX_OTHER_EVALUATIONS} of {len(protocol.others):,}."
    return Table("access_log", "Other test-set evaluations", caption, columns, tuple(rows))


def _shown(metric: Metric) -> list[Metric]:
    """Return the study's metric, then accuracy and log-loss."""
    return [metric, *(metric_named(name) for name in (ACCURACY, LOG_LOSS) if name != metric.name)]


SECTION = Topic(74, sections, data)
