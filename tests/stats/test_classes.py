"""Accuracy per class and class balance, against hand-worked values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convstudy.stats.classes import Balance, ClassAccuracy, balance_of, class_accuracies
from convstudy.stats.intervals import proportion_interval
from convstudy.stats.two_way import accuracy_interval

LABELS = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3]


def accuracies(*predicted: list[int]) -> tuple[ClassAccuracy, ...]:
    return class_accuracies(np.array(LABELS), np.array(predicted, dtype=np.uint8), 5)


def test_accuracy_per_class_of_one_model_is_that_of_a_proportion() -> None:
    found = accuracies([0, 2, 2, 1, 1, 2, 0, 1, 0, 3])
    assert found == (
        ClassAccuracy(0, 3, proportion_interval(1 / 3, 3), 2, 2 / 3, estimate=1 / 3),
        ClassAccuracy(1, 2, proportion_interval(1.0, 2), None, 0.0, estimate=1.0),
        ClassAccuracy(2, 4, proportion_interval(1 / 4, 4), 0, 2 / 4, estimate=1 / 4),
        ClassAccuracy(3, 1, None, None, 0.0, estimate=1.0),
        ClassAccuracy(4, 0, None, None, 0.0),
    )


def test_accuracy_per_class_of_several_models_covers_seeds_and_images() -> None:
    found = accuracies([0, 0, 2, 1, 1, 2, 2, 2, 2, 3], [0, 0, 1, 1, 1, 2, 2, 0, 2, 3])
    right = np.array([[1, 1, 0], [1, 1, 0]], dtype=np.float64)
    assert found[0].accuracy == accuracy_interval(right)
    assert (found[0].confused_with, found[0].confused_fraction) == (1, 1 / 6)  # the first of equals
    assert {each.n_models for each in found} == {2}
    assert found[2].accuracy is not None
    assert found[2].accuracy.estimate == 7 / 8


def test_class_accuracies_reject_predictions_of_another_length() -> None:
    for predicted in (np.zeros((2, 9), np.uint8), np.zeros((0, 10), np.uint8), np.zeros(10, np.uint8)):
        with pytest.raises(ValueError, match=r"must have the shape \(models, 10\)"):
            class_accuracies(np.array(LABELS), predicted, 5)


def test_balance_by_hand() -> None:
    assert balance_of([50, 50]) == Balance(0, 0, 1.0, 0.5, pytest.approx(2.0))
    found = balance_of([10, 60, 30])
    assert (found.largest, found.smallest, found.ratio, found.majority) == (1, 0, 6.0, 0.6)
    assert found.effective == pytest.approx(0.1**-0.1 * 0.6**-0.6 * 0.3**-0.3)
    assert balance_of([5, 0]) == Balance(0, 1, math.inf, 1.0, 1.0)
    with pytest.raises(ValueError, match="sum > 0"):
        balance_of([0, 0])
