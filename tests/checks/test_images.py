"""Checks of images and calibration: each fires on data made for it and not on clean data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convstudy.analysis import analyse
from convstudy.checks import Finding, check_results
from convstudy.data import BUILT_IN_DATASETS, DatasetStatistics
from convstudy.data.audit.duplicates import Pair, Pairs
from convstudy.data.audit.statistics import PartStatistics
from convstudy.errors import Problem, StoreError
from convstudy.history.results import Results
from tests.checks.made import N_TEST, results

MNIST = BUILT_IN_DATASETS["mnist"]
NONE = Pairs(0, 0, 0, ())
# The statistics of MNIST: one near-duplicate pair, and the largest class has 1.2 times the images of the smallest.
CLEAN = DatasetStatistics(
    MNIST.digest,
    PartStatistics((5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949), 0, 0, 0),
    PartStatistics((980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009), 0, 0, 0),
    NONE,
    Pairs(1, 1, 0, (Pair(27111, 3070, 1, 1, 0.9916),)),
)


def reported(made: Results) -> tuple[Finding, ...]:
    return check_results(analyse(made)).reported


def with_statistics(**changed: Any) -> Results:
    """Return clean results with the statistics of MNIST, some of them changed."""
    return replace(results(), images=replace(CLEAN, **changed))


def overconfident_by(distance: float, only: str = "tanh") -> Results:
    """Return results in which the confidence of one candidate's models exceeds their accuracy by ``distance``."""
    made = results()
    own = {fit.id for fit in made.plan.stage("ablate.best").candidate(only).fits}

    def arrays(fit_id: str, what: str) -> Any:
        test = dict(made.arrays(fit_id, what))
        if fit_id in own:
            confidence = test["probabilities"].max() + np.float32(distance)
            test["probabilities"] = np.where(test["probabilities"] > 0.5, confidence, 1 - confidence)
        return test

    return replace(made, arrays=arrays)


def with_label_errors(n: int) -> Results:
    """Return results in which all models predict class 1 for ``n`` test images that are labelled 0."""
    made = results()

    def arrays(fit_id: str, what: str) -> Any:
        level = made.arrays(fit_id, what)["probabilities"].max()
        labels, probabilities = np.zeros(N_TEST, np.int64), np.zeros((N_TEST, 10), np.float32)
        labels[-200:] = 1  # a class without images has no threshold
        predicted = labels.copy()
        predicted[: round((1 - level) * N_TEST)] = 2
        predicted[:n] = 1
        probabilities[np.arange(N_TEST), predicted] = level
        probabilities[np.arange(N_TEST), np.where(predicted == labels, 9, labels)] = 1 - level
        return {"labels": labels, "probabilities": probabilities}

    return replace(made, arrays=arrays)


# 15 of 10,000 images are more than the margin of 0.1 %, 5 are fewer.
COMPANIONS = {"margin-below-label-errors": {"likely-label-errors"}}
FIRES: dict[str, tuple[Callable[[], Results], tuple[str, ...]]] = {
    "train-test-duplicates": (
        lambda: with_statistics(exact=Pairs(3, 2, 1, (Pair(0, 0, 1, 2, 1.0),))),
        ("study.dataset",),
    ),
    "class-imbalance": (
        lambda: with_statistics(train=replace(CLEAN.train, class_counts=(15_000, 5_000, *[5_000] * 8))),
        ("study.dataset",),
    ),
    "constant-images": (
        lambda: with_statistics(
            train=replace(CLEAN.train, n_constant=1), test=replace(CLEAN.test, n_constant=7)
        ),
        ("study.dataset", "study.dataset"),
    ),
    "badly-calibrated": (lambda: overconfident_by(0.05), ("ablate.best: tanh",)),
    "likely-label-errors": (lambda: with_label_errors(5), ("study.dataset",)),
    "margin-below-label-errors": (lambda: with_label_errors(15), ("study.equivalence_margin",)),
}


@pytest.mark.parametrize("check", FIRES)
def test_only_this_check_fires_on_data_made_for_it(check: str) -> None:
    make, where = FIRES[check]
    every = reported(make())
    found = [each for each in every if each.check not in COMPANIONS.get(check, ())]
    assert {each.check for each in every} - {check} == COMPANIONS.get(check, set())
    assert [(each.check, each.where) for each in found] == [(check, each) for each in where]
    assert all(each.what and each.hint for each in found)


def test_mnist_and_images_without_statistics_have_no_findings() -> None:
    assert reported(with_statistics()) == ()
    assert reported(replace(results(), images=None)) == ()
    assert reported(with_statistics(near_duplicates=None)) == ()


@pytest.mark.parametrize(("n_test", "found"), [(99, False), (100, True)])
def test_near_duplicates_are_reported_from_one_percent_of_test_images(n_test: int, found: bool) -> None:
    made = with_statistics(
        near_duplicates=Pairs(n_test, n_test, 4, CLEAN.near_duplicates.shown if CLEAN.near_duplicates else ())
    )
    findings = reported(made)
    assert [each.check for each in findings] == ["train-test-duplicates"] * found
    if found:
        assert findings[0].what.startswith(
            "0 exact copies and 100 near-duplicates of training images among 10,000 test images; in 4 pairs the labels "
            "differ:"
        )


@pytest.mark.parametrize(
    ("counts", "what"),
    [
        ((2_999, *[1_000] * 6, 1_001), ""),
        (
            (3_000, *[1_000] * 7),
            "class 0 has 3.0 times the test images of class 1, and always predicting 0 is correct on",
        ),
        (
            (2_500, 0, *[1_250] * 6),
            "class 1 has no test images, and always predicting 0 is correct on 20.83 % of them",
        ),
    ],
)
def test_class_imbalance_is_reported_from_a_ratio_of_three(counts: tuple[int, ...], what: str) -> None:
    found = reported(with_statistics(test=replace(CLEAN.test, class_counts=(*counts, 1_000, 1_000))))
    assert [each.what.startswith(what) for each in found] == [True] * bool(what)


@pytest.mark.parametrize(("distance", "found"), [(0.05, True), (0.01, False), (-0.05, True), (-0.01, False)])
def test_miscalibration_is_reported_one_percentage_point_outside_the_interval(
    distance: float, found: bool
) -> None:
    findings = reported(overconfident_by(distance))
    assert [each.check for each in findings] == ["badly-calibrated"] * found
    if found:
        assert f"{'overconfident' if distance > 0 else 'underconfident'} by 5.0" in findings[0].what


def test_lost_predictions_have_no_findings() -> None:
    def lost(fit_id: str, what: str) -> Any:
        raise StoreError(Problem("there is no such file"))

    assert reported(replace(overconfident_by(0.05), arrays=lost)) == ()
