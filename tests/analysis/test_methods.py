"""Valid statistical methods of each metric: docs and code agree, and others are not used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.analysis import analyse
from convstudy.analysis.methods import METHODS, holds, pseudo_observations
from convstudy.errors import Location, Problem, StoreError
from convstudy.metrics import metric_named, metrics
from convstudy.record import Scores
from convstudy.report.balance_text import rare_class_note
from convstudy.report.conclusions import answer
from convstudy.report.metric_text import key_of
from convstudy.report.scores import scores_table
from convstudy.report.sections.search import search_table
from convstudy.report.sections.verdicts import models_table, verdict_table
from convstudy.stats.intervals import bonett_price
from convstudy.stats.two_way import set_interval, two_way_difference
from convstudy.studyfile import Search
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


@pytest.mark.parametrize("name", ["macro-f1", "kappa", "mcc", "roc-auc"])
def test_metric_per_set_has_intervals_and_verdicts(name: str) -> None:
    analysis, metric = analyse(_measured_by(name)), metric_named(name)  # type: ignore[arg-type]
    compared = next(
        stage_result for stage_result in analysis.stage_results if stage_result.question == "compare"
    )
    assert len(compared.verdicts) > 2
    for verdict in compared.verdicts:
        assert not verdict.no_interval and verdict.kind != "too few to say"
        low, mean, high = verdict.difference.low, verdict.difference.mean, verdict.difference.high
        assert low is not None and mean is not None and high is not None and low <= mean <= high
        assert (verdict.models, verdict.required, verdict.bounded) == ((), None, False)
    # The differences are those of the metric on the recorded predictions.
    first = compared.verdicts[0]
    values = [
        [
            metric.value(arrays["labels"], arrays["probabilities"])
            for fit in next(row for row in compared.rows if row.name == candidate).fits
            for arrays in [analysis.results.arrays(fit.fit_id, "test")]
        ]
        for candidate in (first.first, first.second)
    ]
    assert first.difference.pairs == pytest.approx([a - b for a, b in zip(*values, strict=True)], abs=1e-9)
    for row in compared.rows:
        interval = compared.interval(row.name)
        assert interval is not None and metric.low <= interval.low < interval.estimate < interval.high
        assert interval.high <= metric.high
    assert compared.groups
    keys = [column.key for column in scores_table(compared).columns]
    key = key_of(metric)
    assert keys[1:5] == [f"test_{key}", f"{key}_low", f"{key}_high", f"validation_{key}"]
    searched = next(
        stage_result for stage_result in analysis.stage_results if stage_result.question == "search"
    )
    keys = [column.key for column in search_table(searched).columns]
    assert keys[1:3] == [f"validation_{key}", "fold_1"]
    assert keys.index("validation_accuracy") < keys.index("validation_loss")
    text = " ".join(answer(analysis))
    assert metric.title in text and "95 % CI" in text and "accuracy" in text
    table = verdict_table(analysis.stage_results, metric, 0.001)
    assert not any("Required" in column.title for column in table.columns)


def test_metric_per_set_over_folds_has_the_minimum_from_the_images() -> None:
    """One candidate is wrong on one image more in each fold: without a minimum the interval has almost no width."""
    labels = np.arange(287) % 10

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        if what != "validation" or fit_id not in named:
            return made.arrays(fit_id, what)
        name, fold = named[fit_id]
        n = made.records[fit_id].n_validation
        own = np.resize(labels, n)
        predicted = own.copy()
        predicted[: 2 if name == "kernel=3" else 1] += 1
        return {
            "indices": np.arange(n) + 1000 * fold,
            "probabilities": np.eye(10, dtype=np.float32)[predicted % 10],
            "labels": own,
        }

    base = three_questions()
    search = Search(network="two-conv", parameters={"kernel": (3, 5)}, folds=5)
    study = base.model_copy(update={"metric": "kappa", "search": {"s": search}, "compare": {}, "ablate": {}})
    made = synthetic_results(study.model_copy(update={"metric": "accuracy"}))
    stage = made.plan.stages[0]
    named = {fit.id: (c.name, n) for c in stage.candidates for n, fit in enumerate(c.fits)}
    records = {}
    for fit_id, record in made.records.items():
        wrong = 2 if named.get(fit_id, ("", 0))[0] == "kernel=3" else 1
        kappa = {"kappa": 1 - wrong / record.n_validation / 0.9}
        history = tuple(
            replace(
                each,
                train=Scores({**each.train, **kappa}),
                validation=Scores({**each.validation, "accuracy": 1 - wrong / record.n_validation, **kappa}),
            )
            for each in record.history
        )
        records[fit_id] = replace(record, history=history)
    results = replace(made, study=study, records=records, arrays=arrays, test_evaluations={})
    (verdict,) = analyse(results).stage_results[0].verdicts
    difference = verdict.difference
    assert difference.floor is not None and difference.low is not None and difference.high is not None
    assert (verdict.kind, verdict.bounded, verdict.no_interval) == ("inconclusive", False, False)
    # Five images of 1,437 differ, each with the weight 1 / 0.9.
    expected = bonett_price(5, 0, 1437)
    width = (expected.high - expected.low) / 0.9
    assert difference.high - difference.low == pytest.approx(width, rel=0.05)


@pytest.mark.parametrize("name", ["macro-f1", "balanced-accuracy", "brier"])
def test_without_predictions_other_metrics_than_proportions_make_no_claim(name: str) -> None:
    def missing(fit_id: str, what: str) -> dict[str, Any]:
        raise StoreError(Problem("there is no such file", Location(f"{fit_id}/{what}")))

    analysis = analyse(replace(_measured_by(name), arrays=missing))  # type: ignore[type-var]
    verdicts = [verdict for stage_result in analysis.stage_results for verdict in stage_result.verdicts]
    assert len(verdicts) > 3
    for verdict in verdicts:
        assert (verdict.kind, verdict.no_interval) == ("too few to say", True)
        assert (verdict.difference.low, verdict.required, verdict.models) == (None, None, ())
        assert verdict.difference.mean is not None
    assert all(stage_result.groups == () for stage_result in analysis.stage_results)
    text = " ".join(answer(analysis))
    assert "because predictions are missing" in text
    assert not any(word in text for word in ("better than", "worse", "95 % CI", "equivalent", "one seed"))
    table = verdict_table(analysis.stage_results, metric_named(name), 0.001)
    assert "predictions are missing" in table.caption
    indices = [
        index for index, column in enumerate(table.columns) if column.key in ("p_claim", "adjusted_p_claim")
    ]
    assert len(indices) == 2
    assert all(row[index] is None for row in table.rows for index in indices)


def test_metric_near_the_ceiling_is_not_certain() -> None:
    """All models are right on all images: the interval reaches as far as an unseen image can change the metric."""
    metric, labels = metric_named("macro-f1"), np.arange(120) % 3
    perfect = np.eye(3)[labels]
    table = np.stack([metric.contributions(labels, perfect)] * 3)
    change = metric.largest_change(labels, 3)
    found = two_way_difference(table, table, pseudo_observations=change)
    assert found.high is not None and found.high > 2.5 * change / len(labels)
    interval = set_interval(table, metric.low, metric.high, change)
    assert (interval.estimate, interval.high) == (1.0, 1.0) and interval.low < 1 - 3 * change / len(labels)


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
    assert pseudo_observations(metric_named("balanced-accuracy"), 25.0, 360, largest_change=25.0) == 25
    assert pseudo_observations(metric_named("brier"), 0.3, 360) == 2
    assert pseudo_observations(metric_named("log-loss"), 0.3, 360) == pytest.approx(5.886, abs=1e-3)
    assert pseudo_observations(metric_named("log-loss"), 12.0, 360) == 12
    assert pseudo_observations(metric_named("log-loss"), 500.0, 360) == metric_named("log-loss").high


@pytest.mark.parametrize(("name", "key"), [("log-loss", "loss"), ("roc-auc", "roc_auc")])
def test_column_keys_of_metrics(name: str, key: str) -> None:
    assert key_of(metric_named(name)) == key


def test_report_says_what_one_image_of_a_rare_class_changes() -> None:
    made = _measured_by("macro-f1")

    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        found = dict(made.arrays(fit_id, what))  # type: ignore[attr-defined]
        if what == "test":
            labels = np.array(found["labels"])
            rare = np.flatnonzero(labels == 9)
            predicted = np.array(found["probabilities"]).argmax(axis=1)
            right = predicted == labels
            labels[rare[1:]] = 8
            found["labels"] = labels
            found["probabilities"] = np.eye(10, dtype=np.float32)[np.where(right, labels, (labels + 1) % 10)]
        return found

    analysis = analyse(replace(made, arrays=arrays))  # type: ignore[type-var]
    compared = next(each for each in analysis.stage_results if each.question == "compare")
    for verdict in compared.verdicts:
        low, high = verdict.difference.low, verdict.difference.high
        assert low is not None and high is not None
        # One image of ten classes: its F1 is all or nothing.
        assert high - low > 2 * 2.7 * 0.1
    assert "The rarest class has 1 test image. " in rare_class_note(analysis, metric_named("macro-f1"))
    assert rare_class_note(analysis, metric_named("kappa")) == ""
