"""Valid statistical methods of each metric: docs and code agree, and others are not used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from convstudy.analysis import analyse
from convstudy.analysis.methods import METHODS, holds, pseudo_observations
from convstudy.metrics import metric_named, metrics
from convstudy.record import Scores
from convstudy.report.conclusions import answer
from convstudy.report.metric_text import key_of
from convstudy.report.scores import scores_table
from convstudy.report.sections.comparison import ranking_chart
from convstudy.report.sections.search import search_table
from convstudy.report.sections.verdicts import models_table, verdict_table
from tests.report.synthetic import synthetic_results
from tests.three_questions import three_questions

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def _table() -> dict[str, dict[str, str]]:
    lines = [line.strip("| \n") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    start = next(i for i, line in enumerate(lines) if line.startswith("metric | kind"))
    head = lines[start].split(" | ")
    rows = [line.split(" | ") for line in lines[start + 2 : start + 2 + len(metrics())]]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def test_table_in_docs_equals_methods() -> None:
    table = _table()
    assert list(table) == list(metrics())
    assert len(METHODS) == 9
    for name, row in table.items():
        metric = metric_named(name)
        assert row.pop("kind").split(",")[0] == metric.kind
        assert row == {method: "yes" if holds(method, metric) else "no" for method in METHODS}


def test_methods_for_proportions_need_values_of_0_and_1_with_equal_weights() -> None:
    proportions = [name for name, metric in metrics().items() if holds("Wilson", metric)]
    assert proportions == ["accuracy", "top-5-accuracy"]
    with pytest.raises(KeyError):
        holds("guess", metric_named("accuracy"))


def _measured_by(name: str) -> object:
    """Return results of ``digits`` with a score of (1 + accuracy) / 2 in the given metric."""
    study = three_questions().model_copy(update={"metric": name})
    made = synthetic_results(three_questions())

    def more(scores: Scores) -> Scores:
        return Scores({**scores, name: (1 + scores["accuracy"]) / 2})

    records = {
        fit_id: replace(
            record,
            history=tuple(
                replace(each, train=more(each.train), validation=more(each.validation))
                for each in record.history
            ),
        )
        for fit_id, record in made.records.items()
    }
    test_evaluations = {
        fit_id: replace(each, scores=more(each.scores))
        for fit_id, each in made.test_evaluations.items()
        if each.scores
    }
    return replace(made, study=study, records=records, test_evaluations=test_evaluations)


def test_metric_per_set_has_scores_but_no_verdict() -> None:
    analysis = analyse(_measured_by("macro-f1"))  # type: ignore[arg-type]
    verdicts = [verdict for stage_result in analysis.stage_results for verdict in stage_result.verdicts]
    assert len(verdicts) > 3
    for verdict in verdicts:
        assert (verdict.kind, verdict.no_interval) == ("too few to say", True)
        assert (verdict.difference.low, verdict.required, verdict.models) == (None, None, ())
        assert verdict.difference.mean is not None
    assert all(stage_result.groups == () for stage_result in analysis.stage_results)
    searched = next(
        stage_result for stage_result in analysis.stage_results if stage_result.question == "search"
    )
    keys = [column.key for column in search_table(searched).columns]
    assert keys[1:3] == ["validation_macro_f1", "fold_1"]
    assert keys.index("validation_accuracy") < keys.index("validation_loss")
    text = " ".join(answer(analysis))
    assert "macro-F1" in text and "no interval for macro-F1" in text and "accuracy" in text
    assert not any(word in text for word in ("better than", "worse", "95 % CI", "equivalent", "one seed"))
    table = verdict_table(analysis.stage_results, metric_named("macro-f1"), 0.001)
    assert not any("Required" in column.title for column in table.columns)
    assert "This metric has no interval" in table.caption
    indices = [index for index, column in enumerate(table.columns) if column.key in ("p", "adjusted_p")]
    assert len(indices) == 2
    assert all(row[index] is None for row in table.rows for index in indices)
    compared = next(
        stage_result for stage_result in analysis.stage_results if stage_result.question == "compare"
    )
    assert "Groups" not in ranking_chart(compared).alt
    keys = [column.key for column in scores_table(compared).columns]
    assert keys[1:5] == ["test_macro_f1", "validation_macro_f1", "test_accuracy", "accuracy_low"]


def test_table_of_models_explains_correct_for_other_metrics() -> None:
    by_top_5 = analyse(_measured_by("top-5-accuracy"))  # type: ignore[arg-type]
    assert "“Correct” is by top-5 accuracy." in models_table(by_top_5.stage_results).caption
    assert (
        "“Correct” is by"
        not in models_table(analyse(synthetic_results(three_questions())).stage_results).caption
    )


def test_weighted_metric_has_intervals_but_no_methods_for_proportions() -> None:
    analysis = analyse(_measured_by("balanced-accuracy"))  # type: ignore[arg-type]
    compared = next(
        stage_result for stage_result in analysis.stage_results if stage_result.question == "compare"
    )
    assert compared.verdicts
    for verdict in compared.verdicts:
        assert verdict.difference.low is not None
        assert (verdict.models, verdict.required, verdict.bounded) == ((), None, False)
    interval = compared.interval(compared.rows[0].name)
    assert interval is not None and interval.low < interval.estimate < interval.high
    search = next(
        stage_result for stage_result in analysis.stage_results if stage_result.question == "search"
    )
    assert search.selection is not None and search.selection.unknown == "metric"
    assert "balanced accuracy" in " ".join(answer(analysis))


def test_size_of_pseudo_observation_is_the_largest_possible_difference() -> None:
    assert pseudo_observations(metric_named("accuracy"), 1.0, 360) == 1
    assert pseudo_observations(metric_named("top-5-accuracy"), 1.0, 2) == 1
    assert pseudo_observations(metric_named("balanced-accuracy"), 25.0, 360, heaviest=25.0) == 25
    assert pseudo_observations(metric_named("brier"), 0.3, 360) == 2
    assert pseudo_observations(metric_named("log-loss"), 0.3, 360) == pytest.approx(5.886, abs=1e-3)
    assert pseudo_observations(metric_named("log-loss"), 12.0, 360) == 12
    assert pseudo_observations(metric_named("log-loss"), 500.0, 360) == metric_named("log-loss").high


@pytest.mark.parametrize(("name", "key"), [("log-loss", "loss"), ("roc-auc", "roc_auc")])
def test_column_keys_of_metrics(name: str, key: str) -> None:
    assert key_of(metric_named(name)) == key
