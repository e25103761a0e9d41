"""The training loss, compared with torch's cross-entropy, with Keras' formula in float64, and with worked values."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from convstudy.engine.loss import MixedLabels, TrainingLoss
from convstudy.studyfile import Recipe

N, K = 13, 5


def _batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return logits, labels and weights whose mean is 1."""
    random = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(N, K, generator=random)
    labels = torch.randint(0, K, (N,), generator=random)
    weights = torch.rand(N, generator=random) + 0.1
    return logits, labels, weights / weights.mean()


def _reference(
    logits: torch.Tensor, labels: torch.Tensor, gamma: float, smoothing: float, weights: torch.Tensor
) -> float:
    """Return the mean of ``w · Σ_c q_c (1 - p_c)^γ (-log p_c)``, image by image and class by class."""
    total = 0.0
    for z, label, weight in zip(
        logits.double().tolist(), labels.tolist(), weights.double().tolist(), strict=True
    ):
        norm = math.fsum(math.exp(value) for value in z)
        for c, value in enumerate(z):
            p = math.exp(value) / norm
            q = smoothing / len(z) + (1 - smoothing) * (c == label)
            total += weight * q * (1 - p) ** gamma * -math.log(p)
    return total / len(labels)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_of_default_recipe_is_bit_identical_to_cross_entropy(smoothing: float) -> None:
    logits, labels, _ = _batch()
    loss = TrainingLoss.of(Recipe(label_smoothing=smoothing))
    assert torch.equal(loss(logits, labels), cross_entropy(logits, labels, label_smoothing=smoothing))
    expected = cross_entropy(logits.bfloat16().float(), labels, label_smoothing=smoothing)
    assert torch.equal(loss(logits.bfloat16(), labels), expected)


def test_class_weights_with_mean_1_give_weighted_cross_entropy_of_torch() -> None:
    logits, labels, _ = _batch()
    of_class = torch.tensor([1.0, 2.0, 0.5, 4.0, 3.0])
    weights = of_class[labels] / of_class[labels].mean()
    expected = cross_entropy(logits, labels, weight=of_class)
    torch.testing.assert_close(TrainingLoss()(logits, labels, weights), expected)


def test_batch_is_divided_by_its_images_not_by_their_weights() -> None:
    """A batch of heavy images counts more than one of light images."""
    logits, labels, _ = _batch()
    loss = TrainingLoss()
    found = loss(logits, labels, torch.full((N,), 3.0))
    torch.testing.assert_close(found, 3 * loss(logits, labels))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_focal_loss_equals_its_formula(gamma: float, smoothing: float) -> None:
    logits, labels, weights = _batch()
    found = TrainingLoss(smoothing, gamma)(logits, labels, weights)
    assert float(found) == pytest.approx(_reference(logits, labels, gamma, smoothing, weights), rel=1e-5)


def test_focal_loss_of_worked_example() -> None:
    """Lin et al. 2017, section 3.2: with γ = 2, an image with p = 0.9 has 1 % of its cross-entropy."""
    logits, labels = torch.log(torch.tensor([[0.9, 0.1]])), torch.tensor([0])
    assert float(TrainingLoss(focal_gamma=2.0)(logits, labels)) == pytest.approx(
        0.01 * -math.log(0.9), rel=1e-4
    )


def test_focal_gradient_of_certain_image_is_zero_and_finite() -> None:
    logits = torch.tensor([[200.0, 0.0], [0.0, 200.0]], requires_grad=True)
    TrainingLoss(focal_gamma=0.5)(logits, torch.tensor([0, 0])).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad[0].tolist() == [0.0, 0.0]
    assert logits.grad[1, 0] < -0.4  # the wrong image is still learned


def test_adjusted_logits_give_worked_loss() -> None:
    """With equal logits, softmax(log π) = π: the loss of class c is -log π_c (Menon et al. 2021, eq. 10)."""
    prior = torch.tensor([0.75, 0.25])
    loss = TrainingLoss(adjustment=prior.log())
    for label in (0, 1):
        found = float(loss(torch.zeros(1, 2), torch.tensor([label])))
        assert found == pytest.approx(-math.log(float(prior[label])))
    doubled = float(TrainingLoss(adjustment=2 * prior.log())(torch.zeros(1, 2), torch.tensor([1])))
    assert doubled == pytest.approx(-math.log(0.0625 / (0.0625 + 0.5625)))


@pytest.mark.parametrize("gamma", [None, 2.0])
def test_mixed_labels_are_weighted_by_proportion_and_by_the_weight_of_their_image(
    gamma: float | None,
) -> None:
    logits, labels, weights = _batch()
    partner, proportion = torch.arange(N).flip(0), torch.linspace(0.0, 1.0, N)
    loss = TrainingLoss(0.1, gamma)
    found = loss(logits, labels, weights, MixedLabels(partner, proportion))
    expected = 0.0
    for row in range(N):
        of = int(partner[row])
        own = float(loss(logits[row : row + 1], labels[row : row + 1], weights[row : row + 1]))
        other = float(loss(logits[row : row + 1], labels[of : of + 1], weights[of : of + 1]))
        expected += float(proportion[row]) * own + (1 - float(proportion[row])) * other
    assert float(found) == pytest.approx(expected / N, rel=1e-5)


def test_mixed_labels_with_proportion_1_give_the_loss_without_mixing() -> None:
    logits, labels, weights = _batch()
    mixed = MixedLabels(torch.arange(N).flip(0), torch.ones(()))
    assert torch.equal(
        TrainingLoss()(logits, labels, weights, mixed), TrainingLoss()(logits, labels, weights)
    )
