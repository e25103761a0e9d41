"""Jackknife pseudo-values of metrics per set: against deletion one by one, DeLong's variance, and small classes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convstudy.metrics import Metric, metric_named, metrics
from convstudy.metrics.jackknife import by_blocks, centred
from tests.metrics.test_metrics import CASES

PER_SET = [metric for metric in metrics().values() if metric.kind == "per set"]


def _deleted(metric: Metric, labels: Any, probabilities: Any) -> list[float]:
    return [
        metric.value(np.delete(labels, i), np.delete(probabilities, i, axis=0)) for i in range(len(labels))
    ]


@pytest.mark.parametrize("metric", PER_SET, ids=lambda metric: metric.name)
@pytest.mark.parametrize("case", ["two classes", "ties", "two classes with ties", "all correct"])
def test_pseudo_values_equal_deletion_one_by_one(metric: Metric, case: str) -> None:
    labels, probabilities = CASES[case]
    value = metric.value(labels, probabilities)
    expected = centred(value, np.array(_deleted(metric, labels, probabilities)))
    assert metric.contributions(labels, probabilities) == pytest.approx(expected, abs=1e-10)


def test_four_metrics_have_their_own_pseudo_values() -> None:
    assert [metric.name for metric in PER_SET] == ["kappa", "macro-f1", "mcc", "roc-auc"]
    assert all(metric.pseudo_values for metric in PER_SET)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", metrics().values(), ids=lambda metric: metric.name)
def test_contributions_have_the_value_of_the_metric_as_their_mean(metric: Metric, case: str) -> None:
    labels, probabilities = CASES[case]
    with np.errstate(all="raise"):
        found = metric.contributions(labels, probabilities)
    assert found.shape == labels.shape and found.dtype == np.float64
    value = metric.value(labels, probabilities)
    assert found.mean() == pytest.approx(value, abs=1e-10, nan_ok=True)
    # An undefined metric has no contribution; a defined one has them all.
    assert np.isfinite(found).all() != math.isnan(value)


def test_pseudo_values_of_two_images_by_hand() -> None:
    """Images 0 and 1 are right, image 2 of class 1 is predicted as class 0: F1 is 2/3 and 2/3."""
    labels, probabilities = np.array([0, 1, 1]), np.eye(2)[[0, 1, 0]]
    metric = metric_named("macro-f1")
    assert metric.value(labels, probabilities) == pytest.approx(2 / 3)
    # Image 0 is alone in its class, which keeps its F1. Without image 1: 2/3 and 0. Without image 2: 1 and 1.
    without = np.array([2 / 3, 1 / 3, 1.0])
    assert metric.contributions(labels, probabilities) == pytest.approx(2 / 3 + 2 * (2 / 3 - without))


def test_variance_of_the_area_is_delongs() -> None:
    random = np.random.default_rng(4)
    labels = (random.random(437) < 0.2).astype(np.int64)
    scores = np.round(random.normal(size=437) + labels, 1)  # with ties
    probabilities = np.stack([-scores, scores], axis=1)
    own, other = scores[labels == 1], scores[labels == 0]
    wins = (own[:, None] > other) + 0.5 * (own[:, None] == other)
    delong = wins.mean(axis=1).var(ddof=1) / len(own) + wins.mean(axis=0).var(ddof=1) / len(other)
    found = metric_named("roc-auc").contributions(labels, probabilities)
    assert found.mean() == pytest.approx(wins.mean())
    # The jackknife divides each class by (size − 1) once more.
    assert found.var(ddof=1) / len(found) == pytest.approx(delong, rel=0.02)


@pytest.mark.parametrize("metric", PER_SET, ids=lambda metric: metric.name)
def test_blocks_of_single_images_equal_exact_pseudo_values(metric: Metric) -> None:
    labels, probabilities = CASES["two classes"]
    assert metric.per_set is not None
    generic = replace(metric, pseudo_values=None)
    assert generic.contributions(labels, probabilities) == pytest.approx(
        metric.contributions(labels, probabilities), abs=1e-10
    )


@pytest.mark.parametrize("name", ["macro-f1", "kappa", "roc-auc"])
def test_blocks_give_the_variance_of_single_images_with_few_calls(name: str) -> None:
    labels, probabilities = CASES["ten classes, a number of images that is not a multiple"]
    metric, calls = metric_named(name), 0

    def counted(labels: Any, probabilities: Any) -> float:
        nonlocal calls
        calls += 1
        return metric.value(labels, probabilities)

    found = by_blocks(labels, probabilities, counted)
    assert calls == 201
    assert found.mean() == pytest.approx(metric.value(labels, probabilities), abs=1e-10)
    exact = metric.contributions(labels, probabilities)
    # A variance from 200 blocks has a relative standard error of 10 %.
    assert found.std() == pytest.approx(exact.std(), rel=0.15)


def test_a_class_of_one_image_or_none_gives_finite_pseudo_values() -> None:
    labels, probabilities = CASES["a class of one image"]
    for metric in PER_SET:
        found = metric.contributions(labels, probabilities)
        assert np.isfinite(found).all()
        # The image alone in its class cannot be replaced: as for the others, its deviation is bounded.
        assert np.abs(found - found.mean()).max() < len(labels)
    areas = metric_named("roc-auc").contributions(labels, probabilities)
    assert np.abs(areas - areas.mean())[-1] < 3


def test_an_undefined_metric_has_undefined_contributions() -> None:
    labels, probabilities = CASES["one class among the labels"]
    assert np.isnan(metric_named("roc-auc").contributions(labels, probabilities)).all()
    generic = replace(metric_named("roc-auc"), pseudo_values=None)
    assert np.isnan(generic.contributions(labels, probabilities)).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 1.0),
        ("brier", 2.0),
        ("balanced-accuracy", 1000 / 20),
        ("kappa", 1 / (1 - 0.99**2 - 0.01**2)),
        ("macro-f1", 1000 / 2 * (1 / 19 + 1 / 1981)),
        # A wrong image has a random rank among the images of the other class, for both classes.
        ("roc-auc", 1000 * (1 / 2 / 10 + 1 / 2 / 991) / 2 * 2),
    ],
)
def test_largest_change_that_one_image_can_cause(name: str, expected: float) -> None:
    labels = np.repeat([0, 1], [990, 10])
    assert metric_named(name).largest_change(labels, 2) == pytest.approx(expected, rel=0.06)


def test_largest_change_of_labels_of_one_class_is_finite() -> None:
    labels = np.full(20, 2)
    for metric in metrics().values():
        found = metric.largest_change(labels, 4)
        assert math.isfinite(found) and found >= 0
