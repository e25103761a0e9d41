"""Test images in groups: when there is no interval, and when images are taken as independent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.statistics import group_simulation
from convstudy.analysis import analyse
from convstudy.analysis.calibration import calibration_of
from convstudy.analysis.candidates import candidate_rows
from convstudy.analysis.collapse import _ClassCounts
from convstudy.analysis.descriptive import why_descriptive
from convstudy.analysis.error_ratios import errors_over_seeds
from convstudy.analysis.held_out import HeldOut, HeldOutReader
from convstudy.analysis.image_groups import few_groups, why_refused
from convstudy.analysis.predictions import predictions_in
from convstudy.data import Dataset
from convstudy.history.results import Results
from convstudy.metrics import metric_named
from convstudy.stats.collapse import ValidationScore, collapsed
from convstudy.stats.error_ratio import Share
from convstudy.stats.two_way import set_interval
from tests.report.synthetic import synthetic_results
from tests.three_questions import three_questions


@pytest.mark.parametrize(
    ("groups", "labels", "reason"),
    [
        (np.zeros(40), np.arange(40) % 2, "all test images are of one group"),
        (
            np.arange(40) % 9,
            np.arange(40) % 2,
            "the test images are of only 9 groups, and an interval needs at least 10",
        ),
        (np.arange(40) % 20, np.arange(40) % 20, "each class has one group of test images"),
        (np.arange(40) % 20, np.arange(40) % 10, ""),
        (np.arange(40) % 10, np.arange(40) // 4, ""),
    ],
)
def test_groups_that_allow_no_interval_have_a_reason(groups: Any, labels: Any, reason: str) -> None:
    found = why_refused(groups.astype(int), labels)
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_searches_of_few_groups_are_descriptive() -> None:
    images = np.random.default_rng(0).integers(0, 255, (90, 8, 8)).astype(np.uint8)
    labels, test = np.arange(90) % 2, np.zeros((4, 8, 8), np.uint8)
    few, enough = (
        Dataset.from_arrays(images, labels, test, labels[:4], groups=np.arange(90) // size)
        for size in (10, 9)
    )
    assert (
        why_descriptive(few, 3)
        == "the training images are of only 9 groups, and an interval needs at least 10"
    )
    assert why_descriptive(few) == "" and why_descriptive(enough, 3) == "" and few_groups("test", 0) == ""


def with_test_groups(results: Results, n_groups: int) -> Results:
    def arrays(fit_id: str, what: str) -> dict[str, Any]:
        found = results.arrays(fit_id, what)
        n = len(found["labels"]) if what == "test" else 0
        return {**found, "groups": np.arange(n) % n_groups} if what == "test" else found

    return replace(results, arrays=arrays)


def test_losses_and_interactions_are_on_groups_too() -> None:
    results = with_test_groups(synthetic_results(three_questions()), 40)
    analysis = analyse(results)
    tested = [each for each in analysis.stage_results if each.losses]
    verdicts = [v for each in tested for v in (*each.losses, *each.verdicts, *each.interactions)]
    assert len(verdicts) > 5
    for verdict in verdicts:
        assert verdict.difference.groups is not None and verdict.difference.groups.n_groups == 40
        assert verdict.difference.sources[-1].degrees == 39
    assert all(
        each.groups for result in tested for found in result.intervals.values() for each in found.values()
    )


def test_calibration_is_on_groups() -> None:
    study = three_questions()
    results = synthetic_results(study)
    fits = [fit.id for fit in results.plan.tested_fits[:2]]
    models = [predictions_in(results.arrays(fit_id, "test")) for fit_id in fits]
    plain = calibration_of(models)
    n = study.dataset.n_test
    assert models[0] is not None and plain is not None
    # All images that the first model gets wrong are of one patient.
    groups = np.where(models[0].correct, np.arange(n) % 20, 20)
    found = calibration_of(models, groups)
    assert found is not None and found.accuracy.groups is not None
    assert found.accuracy.high - found.accuracy.low > 1.3 * (plain.accuracy.high - plain.accuracy.low)
    one = calibration_of(models, np.zeros(n, int))
    assert one is not None and (one.accuracy.low, one.accuracy.high) == (0, 1)


def test_patients_that_a_seed_cannot_recognise_are_no_collapse() -> None:
    """One of 6 patients is wrong with one seed: other patients alone explain a lower score."""
    results = synthetic_results(three_questions())
    stage = next(stage for stage in results.plan.stages if stage.question == "compare")
    row = candidate_rows(results, stage)[0]
    correct = np.arange(60) >= 10
    labels, predicted, zeros = np.zeros(60, int), (~correct).astype(int), np.zeros(60, np.float32)
    held_out = HeldOut(
        np.arange(60),
        correct,
        zeros,
        labels=labels,
        predicted=predicted,
        confidence=zeros,
        groups=np.arange(60) // 10,
    )

    class Reader(HeldOutReader):
        def of(self, fit_id: str) -> HeldOut | None:
            return held_out

    counted = _ClassCounts(results, Reader(results), {}).counted(row.fits[0])
    assert 0.1 < counted < 0.15
    for factor, found in ((1.0, True), (counted, False)):
        scores = [ValidationScore(value, 0.5, 1.0, 60 * factor) for value in (1.0, 1.0, 40 / 60)]
        assert collapsed(scores)[2] is found


@pytest.mark.parametrize("margin", [0.001, Share(0.1)])
def test_ratios_of_errors_are_on_groups(margin: float | Share) -> None:
    random = np.random.default_rng(0)
    sizes = group_simulation.sizes_of("equal", 40)
    first, second = (
        group_simulation.draw(random, 1, 3, sizes, 0.8, error)[0].astype(float) for error in (0.1, 0.2)
    )
    metric, groups = metric_named("accuracy"), np.repeat(np.arange(40), sizes)
    plain = errors_over_seeds((first, second), None, metric, margin, 1.0, None)
    grouped = errors_over_seeds((first, second), None, metric, margin, 1.0, None, groups)
    assert plain.ratio is not None and grouped.ratio is not None
    assert grouped.ratio.low <= plain.ratio.low and (grouped.ratio.high or np.inf) > (
        plain.ratio.high or np.inf
    )
    if plain.by_share is not None and grouped.by_share is not None:
        assert grouped.by_share.n_errors < 0.5 * plain.by_share.n_errors


def test_interval_of_a_metric_per_set_is_on_groups() -> None:
    values = np.repeat(np.random.default_rng(1).normal(0.7, 0.5, (2, 30)), 10, axis=1)
    groups = np.repeat(np.arange(30), 10)
    plain, grouped = (set_interval(values, -1.0, 1.0, 1.5, groups=each) for each in (None, groups))
    assert grouped.estimate == pytest.approx(plain.estimate) and grouped.groups is not None
    assert grouped.high - grouped.low > 1.2 * (plain.high - plain.low)
