"""The protocol: which images each question used, the choices, and every test-set evaluation."""

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

MOST_OPENINGS = 50
"""How many of the openings that this run does not use a report lists."""


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section."""
    results, told = material.results, material.analysis.protocol
    tables = (
        images_table(told),
        choices_table(results),
        acceptances_table(told),
        test_evaluations_table(told, metric_named(results.study.metric)),
        access_log_table(told),
    )
    words = Text((protocol_words(told, results.images is not None),))
    yield Section("protocol", "Protocol", (words, *(table for table in tables if table.rows)))


def data(material: Material) -> dict[str, Any]:
    """Return choices, accepted failures and test-set evaluations."""
    told = material.analysis.protocol
    return {
        "choices": [asdict(choice) for choice in material.results.choices],
        "acceptances": [asdict(row) for row in told.acceptances],
        "test_set": {
            "test_evaluations": [asdict(row) for row in told.test_evaluations],
            "openings_in_this_folder": told.n_test_evaluations,
            "openings_before_this_run": told.n_test_evaluations_before,
            "openings_by_this_run": told.n_evaluated,
            "questions_in_this_folder": told.n_hypotheses,
            "questions_of_other_runs": told.n_hypotheses_elsewhere,
        },
    }


def protocol_words(told: Protocol, looked_over: bool) -> str:
    """Return in sentences how often the test set was opened; ``looked_over`` says whether its images were."""
    choices = (
        f"after {counted(len(told.choices), 'choice')}" if told.choices else "and no choice was made before"
    )
    text = (
        f"This run rests on {counted(len(told.test_evaluations), 'evaluation')} of the test set, {choices}. "
        f"In this runs folder "
        f"it was opened {counted(told.n_test_evaluations, 'time')} by any study so far, "
        f"{told.n_test_evaluations_before} of them "
        "before this run’s first."
    )
    if told.n_hypotheses:
        text += (
            f" There it has been used for {counted(told.n_hypotheses, 'hypothesis', 'hypotheses')}, "
            f"{told.n_hypotheses_elsewhere} of them by other runs; all seeds of a candidate are one hypothesis."
        )
    if looked_over:
        text += " After the choices its images were also looked over for duplicates, without any model."
    return text


def images_table(told: Protocol) -> Table:
    """Return which images each stage uses."""
    columns = (
        Column("stage", "Question"),
        Column("candidates", "Candidates", "count"),
        Column("fits", "Fits", "count"),
        Column("train", "Train", "count"),
        Column("validation", "Validate", "count"),
        Column("test", "Test", "count"),
        Column("how", "How they are divided", "prose"),
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
        for stage in told.stages
    ]
    caption = (
        f"Images per fit. Of the dataset's {told.n_train:,} training images some train and others validate; its "
        f"{told.n_test:,} test images stay sealed until no choice can be made any more. Before training, the labels of "
        "the test images are read to check that each of them names a class and that the metric is defined."
    )
    return Table("images", "Who saw which images", caption, columns, tuple(rows))


def choices_table(results: Results) -> Table:
    """Return the choices in the order they were made, with the scores that made them."""
    metric = metric_named(results.study.metric)
    metrics = _shown(metric)
    columns = (
        Column("order", "Order"),
        Column("stage", "Question"),
        Column("candidate", "Candidate"),
        *(Column(key_of(each), f"Mean validation {each.title}", value_kind(each)) for each in metrics),
        Column("failed", "Failed fits", "count"),
        Column("chosen", "Chosen"),
    )
    rows: list[tuple[Value, ...]] = []
    marked = set()
    questions = {stage.key: stage.question for stage in results.plan.stages}
    asked = [choice for choice in results.choices if questions[choice.stage] != "inner"]
    for number, choice in enumerate(asked, start=1):
        for score in choice.scores:
            if score.name == choice.chosen:
                marked.add(len(rows))
            chosen = "chosen" if score.name == choice.chosen else ""
            rows.append(
                (
                    str(number),
                    choice.stage,
                    score.name,
                    *(None if score.scores is None else score.scores[each.name] for each in metrics),
                    score.n_failed,
                    chosen,
                )
            )
    caption = (
        f"Every choice rests on validation images alone: the {'highest' if metric.higher_is_better else 'lowest'} mean "
        f"{metric.title}, then the lowest mean loss, then "
        "fewer parameters."
    )
    if any(choice.kept for choice in asked):
        kept = ", ".join(choice.stage for choice in asked if choice.kept)
        caption += (
            f" Of {kept}: the choice was made before a model had a test score and stays, although records have "
            "changed since."
        )
    if any(stage.rungs for stage in results.plan.stages):
        caption += " In a search that halves, only the candidates of its last rung are set beside each other."
    return Table("choices", "Choices in order", caption, columns, tuple(rows), frozenset(marked))


def test_evaluations_table(told: Protocol, metric: Metric) -> Table:
    """Return each opening of the test set by this run."""
    metrics = [metric_named(name) for name in recorded_with(metric.name)]
    columns = (
        Column("evaluated_at", "When (UTC)", "time"),
        Column("candidates", "For", "prose"),
        Column("part", "Seed"),
        Column("weights_digest", "Weights", "digest"),
        Column("images", "Images", "count"),
        *(Column(key_of(each), capital(each.title), value_kind(each)) for each in metrics),
        Column("purpose", "Asked by study"),
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
        for row in told.test_evaluations
    ]
    caption = "Each model scored on the sealed test images, by the digest of its weights, in order of time."
    return Table("test_evaluations", "Openings of the test set", caption, columns, tuple(rows))


def acceptances_table(told: Protocol) -> Table:
    """Return the failures that this run has accepted, with the reason and the day."""
    columns = (
        Column("accepted_at", "When (UTC)", "time"),
        Column("candidates", "Fit of", "prose"),
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
        for row in told.acceptances
    ]
    caption = (
        "Fits that failed and might have succeeded in another run. A person decided that choices count them as failed, "
        "and gave this reason."
    )
    return Table("acceptances", "Accepted failures", caption, columns, tuple(rows))


def access_log_table(told: Protocol) -> Table:
    """Return the openings of the test set that this run does not use, the latest of them."""
    columns = (
        Column("evaluated_at", "When (UTC)", "time"),
        Column("study", "Asked by study"),
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
        for entry in told.others[-MOST_OPENINGS:]
    ]
    caption = (
        "Models that were scored on the same test images in this runs folder and that this run does not use, in order "
        "of time: those of other studies, and of this one before it came to the models above."
    )
    if len(told.others) > MOST_OPENINGS:
        caption += f" These are the latest {MOST_OPENINGS} of {len(told.others):,}."
    return Table("access_log", "Other openings", caption, columns, tuple(rows))


def _shown(metric: Metric) -> list[Metric]:
    """Return the metric that chooses, then the accuracy and the log-loss."""
    return [metric, *(metric_named(name) for name in (ACCURACY, LOG_LOSS) if name != metric.name)]


SECTION = Topic(74, sections, data)
