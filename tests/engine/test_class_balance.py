"""Class weights, logit adjustment and balanced sampling: values, and their effect on classes of 20 to 1."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn.functional import cross_entropy

from convstudy.engine.class_balance import balanced_order, balanced_weights, logit_adjustment, loss_weights
from convstudy.engine.fit import _training_loss, _training_part, run_fit
from convstudy.studyfile import Recipe
from tests.engine.shapes import balanced_accuracy
from tests.engine.small import digits, small_fit, trained

LABELS = np.array([0] * 20 + [2] * 3 + [1] * 7)
NAMES = ("a", "b", "c")


def test_balanced_weights_equal_those_of_scikit_learn() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS)
    assert balanced_weights(np.bincount(LABELS)).tolist() == pytest.approx(expected.tolist(), rel=1e-15)
    # scikit-learn counts the classes that occur.
    assert balanced_weights(np.bincount(LABELS, minlength=5))[:3].tolist() == expected.tolist()


def test_images_without_weights_have_no_loss_weights() -> None:
    assert loss_weights(LABELS, None, Recipe(), NAMES) is None


def test_loss_weights_are_class_weight_times_image_weight_with_mean_1() -> None:
    own = np.linspace(0.5, 4, len(LABELS)).astype(np.float32)
    table = Recipe(class_weights={"c": 5, "b": 2, "a": 1})
    for recipe, of_class in (
        (Recipe(), [1, 1, 1]),
        (table, [1, 2, 5]),
        (Recipe(class_weights="balanced"), None),
    ):
        of_class = balanced_weights(np.bincount(LABELS)).tolist() if of_class is None else of_class
        found = loss_weights(LABELS, own, recipe, NAMES)
        assert found is not None and found.dtype == np.float32
        expected = own.astype(float) * np.array(of_class)[LABELS]
        np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-6)
        assert found.mean(dtype=float) == pytest.approx(1.0, abs=1e-6)


def test_loss_of_all_training_images_equals_weighted_cross_entropy_of_torch() -> None:
    fit = small_fit(class_weights={str(number): 1 + number for number in range(10)})
    rows = np.arange(7, 200)
    part = _training_part(fit, digits().train, rows)
    logits = torch.randn(len(rows), 10, generator=torch.Generator().manual_seed(1))
    found = _training_loss(fit, digits().train.labels[rows], torch.device("cpu"))(
        logits, part.labels, part.weights
    )
    torch.testing.assert_close(found, cross_entropy(logits, part.labels, weight=torch.arange(1.0, 11.0)))


def test_logit_adjustment_is_strength_times_log_of_proportion() -> None:
    assert logit_adjustment(LABELS, 0.0, 3) is None
    found = logit_adjustment(LABELS, 0.5, 3)
    assert found is not None
    assert found.tolist() == pytest.approx([0.5 * math.log(each / 30) for each in (20, 7, 3)], rel=1e-6)
    without = logit_adjustment(LABELS, 1.0, 4)  # no image has the last class
    assert without is not None and np.isfinite(without).all()


def test_weights_and_adjustment_use_training_images_of_the_split_only() -> None:
    """A fit on other validation images, with the same training images, has the same weights."""
    fit = small_fit(class_weights="balanced", logit_adjustment=1.0)
    images, rows = digits().train, np.flatnonzero(digits().train.labels < 3)[:90]
    labels = images.labels[rows]
    part = _training_part(fit, images, rows)
    assert part.weights is not None
    counts = np.bincount(labels)
    np.testing.assert_allclose(part.weights.numpy(), (len(rows) / (3 * counts))[labels], rtol=1e-6)
    adjustment = _training_loss(fit, labels, torch.device("cpu")).adjustment
    assert adjustment is not None
    np.testing.assert_allclose(adjustment[:3].numpy(), np.log(counts / (len(rows) + 7)), rtol=1e-6)


@pytest.mark.parametrize("n_more", range(4))
def test_balanced_order_has_each_class_equally_often(n_more: int) -> None:
    labels = np.concatenate([LABELS, np.zeros(n_more, int)])
    order = balanced_order(labels, seed=4, epoch=2)
    assert len(order) == len(labels)
    frequencies = Counter(labels[order].tolist())
    assert set(frequencies) == {0, 1, 2}
    assert max(frequencies.values()) - min(frequencies.values()) == (len(labels) % 3 > 0)
    # Within a class, no image is drawn twice more often than another.
    for label in range(3):
        drawn = [Counter(order.tolist())[row] for row in np.flatnonzero(labels == label)]
        assert max(drawn) - min(drawn) <= 1


def test_balanced_order_depends_on_seed_and_epoch_only() -> None:
    orders = {tuple(balanced_order(LABELS, seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    assert np.array_equal(balanced_order(LABELS, 2, 3), balanced_order(LABELS.copy(), 2, 3))


def test_balanced_sampling_keeps_the_number_of_steps() -> None:
    plain, sampled = trained(small_fit()), trained(small_fit(sampling="balanced"))
    assert plain.record.n_train == sampled.record.n_train
    rates = [[epoch.learning_rate for epoch in each.record.history] for each in (plain, sampled)]
    assert rates[0] == rates[1]
    assert plain.record.weights_digest != sampled.record.weights_digest


@pytest.mark.parametrize(
    "change", [{"class_weights": "balanced"}, {"sampling": "balanced"}, {"logit_adjustment": 1}]
)
def test_answer_to_imbalance_raises_balanced_accuracy(change: dict[str, Any]) -> None:
    """Measured with seeds 0 to 2: 50 % for plain training, which predicts the frequent class; else 86 % to 94 %."""
    for seed in (0, 1):
        assert balanced_accuracy(seed, **change) > balanced_accuracy(seed) + 0.2


def test_image_weights_train_like_equal_class_weights() -> None:
    fit = small_fit(class_weights={str(number): 1 + number for number in range(10)}, epochs=2)
    by_class = trained(fit).record.weights_digest
    images = digits().train
    weighted = replace(images, weights=(1 + images.labels).astype(np.float32))
    plain = replace(fit, recipe=fit.recipe.varied({"class_weights": "none"}))
    assert run_fit(plain, weighted).record.weights_digest == by_class
    assert run_fit(plain, images).record.weights_digest != by_class


def test_scores_are_not_weighted() -> None:
    """Weights change the trained network; the same network has the same scores on weighted images."""
    images, fit = digits().train, small_fit(epochs=1, learning_rate=1e-12)
    weighted = replace(images, weights=(1 + 9 * (images.labels == 3)).astype(np.float32))
    first, second = (run_fit(fit, each).record.history[0] for each in (images, weighted))
    for part in ("train", "validation"):
        one, other = getattr(first, part), getattr(second, part)
        assert one["log-loss"] == pytest.approx(other["log-loss"], rel=1e-6)
        assert one["accuracy"] == other["accuracy"]
