"""Every metric against scikit-learn, and the properties that all metrics share."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from convstudy.metrics import Metric, metric_named, metrics, recorded_with

Arrays = tuple[Any, Any]


def _case(n: int, n_classes: int, labels: tuple[int, ...] = (), ties: bool = False, seed: int = 0) -> Arrays:
    """Draw labels and float32 probabilities with an accuracy of about 60 %; ``labels`` restricts the classes."""
    generator = np.random.RandomState(seed)
    found = generator.choice(labels or range(n_classes), n)
    logits = generator.normal(size=(n, n_classes))
    logits[np.arange(n), found] += 1.0
    if ties:
        logits = np.round(logits)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return found.astype(np.int64), probabilities.astype(np.float32)


CASES = {
    "ten classes, a number of images that is not a multiple": _case(1437, 10),
    "two classes": _case(101, 2),
    "ties": _case(203, 7, ties=True),
    "two classes with ties": _case(97, 2, ties=True),
    "absent classes": _case(150, 8, labels=(1, 2, 5)),
    "a class of one image": (np.array([0] * 50 + [1] * 9 + [2]), _case(60, 3)[1]),
    "one image": _case(1, 4),
    "one class among the labels": _case(30, 3, labels=(2,)),
    "equal predictions": (np.array([0, 1, 2, 2]), np.tile(np.float32([0.1, 0.2, 0.7]), (4, 1))),
    "all correct": (
        np.arange(12) % 3,
        np.eye(3, dtype=np.float32)[np.arange(12) % 3] * np.float32(0.9) + np.float32(1 / 30),
    ),
}


def _top_5(labels: Any, probabilities: Any) -> float:
    n_classes = probabilities.shape[1]
    if n_classes <= 5:
        return 1.0
    # scikit-learn puts the higher of equally probable classes first, so the classes are reversed.
    reversed_labels = n_classes - 1 - labels
    return reference.top_k_accuracy_score(
        reversed_labels, probabilities[:, ::-1], k=5, labels=range(n_classes)
    )


def _roc_auc(labels: Any, probabilities: Any) -> float:
    present = np.unique(labels)
    if len(present) < 2:
        return math.nan
    return float(
        np.mean([reference.roc_auc_score(labels == label, probabilities[:, label]) for label in present])
    )


def _brier(labels: Any, probabilities: Any) -> float:
    n_classes = probabilities.shape[1]
    return sum(
        reference.mean_squared_error(labels == label, probabilities[:, label].astype(np.float64))
        for label in range(n_classes)
    )


def _log_loss(labels: Any, probabilities: Any) -> float:
    exact = probabilities.astype(np.float64)
    return reference.log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=range(exact.shape[1]))


def _of_classes(score: Callable[..., float], **options: Any) -> Callable[[Any, Any], float]:
    return lambda labels, probabilities: float(score(labels, probabilities.argmax(axis=1), **options))


REFERENCE: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": _of_classes(reference.accuracy_score),
    "balanced-accuracy": _of_classes(reference.balanced_accuracy_score),
    "brier": _brier,
    "kappa": _of_classes(reference.cohen_kappa_score),
    "log-loss": _log_loss,
    "macro-f1": _of_classes(reference.f1_score, average="macro", zero_division=0),
    "mcc": _of_classes(reference.matthews_corrcoef),
    "roc-auc": _roc_auc,
    "top-5-accuracy": _top_5,
}


def test_every_metric_has_a_reference() -> None:
    assert set(metrics()) == set(REFERENCE)
    assert len(CASES) == 10


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", REFERENCE)
def test_each_metric_equals_scikit_learn(name: str, case: str) -> None:
    labels, probabilities = CASES[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns about absent classes
        expected = REFERENCE[name](labels, probabilities)
    found = metric_named(name).value(labels, probabilities)
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("metric", metrics().values(), ids=lambda metric: metric.name)
def test_values_weights_and_range_agree_with_the_definition(metric: Metric) -> None:
    for labels, probabilities in CASES.values():
        value = metric.value(labels, probabilities)
        assert math.isnan(value) or metric.low <= value <= metric.high
        if metric.kind == "per set":
            with pytest.raises(ValueError, match=metric.name):
                metric.values(labels, probabilities)
            continue
        values, weights = metric.values(labels, probabilities), metric.weights(labels)
        assert values.dtype == weights.dtype == np.float64
        assert values.shape == weights.shape == labels.shape
        assert weights.mean() == pytest.approx(1.0)
        assert value == pytest.approx(np.average(values, weights=weights), abs=1e-12)
        assert not metric.zero_or_one or set(values) <= {0.0, 1.0}
        assert (metric.weigh is None) == (len(set(weights)) == 1) or len(set(labels)) == 1 or metric.weigh


@pytest.mark.parametrize("metric", metrics().values(), ids=lambda metric: metric.name)
def test_a_perfect_model_has_the_best_value_of_the_range(metric: Metric) -> None:
    labels = np.arange(21) % 7
    perfect, wrong = np.eye(7, dtype=np.float32)[labels], np.eye(7, dtype=np.float32)[(labels + 1) % 7]
    best = metric.high if metric.higher_is_better else metric.low
    assert metric.value(labels, perfect) == pytest.approx(best)
    assert metric.better(metric.value(labels, perfect), metric.value(labels, wrong))
    assert metric.rank(metric.value(labels, perfect)) < metric.rank(metric.value(labels, wrong))


def test_balanced_accuracy_of_a_hand_worked_case() -> None:
    labels = np.array([0, 0, 0, 1])
    probabilities = np.float32([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.1, 0.9]])
    metric = metric_named("balanced-accuracy")
    assert metric.weights(labels) == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert metric.value(labels, probabilities) == pytest.approx((2 / 3 + 1) / 2)


def test_a_fit_records_log_loss_accuracy_and_the_metric_of_the_study() -> None:
    assert recorded_with("accuracy") == recorded_with("log-loss") == ("log-loss", "accuracy")
    assert recorded_with("macro-f1") == ("log-loss", "accuracy", "macro-f1")


@pytest.mark.parametrize("options", [{}, {"per_image": len, "per_set": len}, {"per_set": len, "weigh": len}])
def test_a_metric_must_be_either_per_image_or_per_set(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="custom"):
        Metric("custom", "custom", True, "", 0.0, 1.0, 0.1, **options)


def test_importing_the_metrics_imports_no_numpy() -> None:
    code = "import sys; from convstudy.metrics import metrics; assert len(metrics()) > 7; print('numpy' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"


def test_a_metric_is_finite_if_its_required_classes_have_images() -> None:
    assert {metric.name for metric in metrics().values() if metric.classes != "any"} == {
        "balanced-accuracy",
        "kappa",
        "macro-f1",
        "mcc",
        "roc-auc",
    }
    for metric in metrics().values():
        for name, (labels, probabilities) in CASES.items():
            n_present, n_classes = len(np.unique(labels)), probabilities.shape[1]
            if n_present >= {"any": 1, "two": 2, "all": n_classes}[metric.classes]:
                assert math.isfinite(metric.value(labels, probabilities)), (metric.name, name)
