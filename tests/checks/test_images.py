"""What the images and the confidences of models show: every check fires on facts made for it, and on no clean ones."""

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
from tests.checks.made import results

MNIST = BUILT_IN_DATASETS["mnist"]
NONE = Pairs(0, 0, 0, ())
# MNIST as it is: its one near pair and its largest class of 1.2 times the smallest are nothing to point out.
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
    """Return clean results whose images are MNIST's but for these facts."""
    return replace(results(), images=replace(CLEAN, **changed))


def surer_by(distance: float, only: str = "tanh") -> Results:
    """Return results of which one candidate's models are so much surer than they are right."""
    made = results()
    own = {fit.id for fit in made.plan.stage("ablate.best").candidate(only).fits}

    def arrays(fit_id: str, what: str) -> Any:
        test = dict(made.arrays(fit_id, what))
        if fit_id in own:
            sure = test["probabilities"].max() + np.float32(distance)
            test["probabilities"] = np.where(test["probabilities"] > 0.5, sure, 1 - sure)
        return test

    return replace(made, arrays=arrays)


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
    "badly-calibrated": (lambda: surer_by(0.05), ("ablate.best: tanh",)),
}


@pytest.mark.parametrize("check", FIRES)
def test_a_check_fires_on_what_was_made_for_it_and_no_other_does(check: str) -> None:
    make, where = FIRES[check]
    found = reported(make())
    assert [(each.check, each.where) for each in found] == [(check, each) for each in where]
    assert all(each.what and each.hint for each in found)


def test_mnist_as_it_is_and_images_that_nobody_looked_over_have_no_finding() -> None:
    assert reported(with_statistics()) == ()
    assert reported(replace(results(), images=None)) == ()
    assert reported(with_statistics(near_duplicates=None)) == ()


@pytest.mark.parametrize(("n_test", "found"), [(99, False), (100, True)])
def test_near_duplicates_count_from_one_in_a_hundred_on(n_test: int, found: bool) -> None:
    made = with_statistics(
        near_duplicates=Pairs(n_test, n_test, 4, CLEAN.near_duplicates.shown if CLEAN.near_duplicates else ())
    )
    told = reported(made)
    assert [each.check for each in told] == ["train-test-duplicates"] * found
    if found:
        assert told[0].what.startswith(
            "0 of 10,000 test images are training images too, and 100 nearly; 4 pairs have two labels:"
        )


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((2_999, *[1_000] * 6, 1_001), ""),
        (
            (3_000, *[1_000] * 7),
            "class 0 has 3.0 times the test images of class 1, and always saying 0 is right on",
        ),
        (
            (2_500, 0, *[1_250] * 6),
            "class 1 has no test images, and always saying 0 is right on 20.83 % of them",
        ),
    ],
)
def test_classes_are_uneven_from_three_times_on(counts: tuple[int, ...], said: str) -> None:
    found = reported(with_statistics(test=replace(CLEAN.test, class_counts=(*counts, 1_000, 1_000))))
    assert [each.what.startswith(said) for each in found] == [True] * bool(said)


@pytest.mark.parametrize(("distance", "found"), [(0.05, True), (0.01, False), (-0.05, True), (-0.01, False)])
def test_confidence_counts_a_point_outside_the_interval(distance: float, found: bool) -> None:
    told = reported(surer_by(distance))
    assert [each.check for each in told] == ["badly-calibrated"] * found
    if found:
        assert f"they are too {'sure' if distance > 0 else 'unsure'} by 5.0" in told[0].what


def test_predictions_that_are_lost_say_nothing() -> None:
    def lost(fit_id: str, what: str) -> Any:
        raise StoreError(Problem("there is no such file"))

    assert reported(replace(surer_by(0.05), arrays=lost)) == ()
