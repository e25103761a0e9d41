"""The training loop, observed by a model that records its inputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from convstudy.engine.augmentation import augmented
from convstudy.engine.batches import ImageTensors, batches, epoch_order, network_input, steps_per_epoch
from convstudy.engine.evaluation import TTA_SHIFTS, evaluate, logits_of, moved, scores_of, uncertain_rows
from convstudy.engine.loss import TrainingLoss
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.randomness import torch_generator
from convstudy.engine.step_hyperparameters import step_hyperparameters
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.errors import Diverged
from convstudy.plan.cost import TTA_PASSES
from convstudy.studyfile import Recipe


def _images(n: int, side: int = 2) -> ImageTensors:
    """Return images whose pixels all equal the image's index."""
    numbers = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)
    return ImageTensors(numbers.expand(n, side, side, 1).contiguous(), torch.arange(n) % 3)


class _Watching(nn.Module):
    """A linear model that records its input images and its mode."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 3)
        self.factor = factor
        self.seen: list[tuple[bool, list[int]]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((self.training, (images[:, 0, 0, 0] * 255).round().int().tolist()))
        return self.layer(images.flatten(1)) * self.factor


@pytest.mark.parametrize(
    ("n", "size", "steps"), [(10, 5, 2), (11, 5, 2), (12, 5, 3), (5, 10, 1), (1, 5, 1), (3, 1, 3), (6, 5, 1)]
)
def test_epoch_visits_every_image_except_single_leftover(n: int, size: int, steps: int) -> None:
    assert steps_per_epoch(n, size) == steps
    order = epoch_order(n, 0, 1)
    seen = [pixels[:, 0, 0, 0].tolist() for pixels, _, _, _ in batches(_images(n), order, size)]
    assert len(seen) == steps
    flat = [number for batch in seen for number in batch]
    assert flat == order.tolist()[: len(flat)]
    left_out = 1 if n > size and size > 1 and n % size == 1 else 0
    assert len(set(flat)) == len(flat) == n - left_out


@pytest.mark.parametrize("augment", ["affine", "affine+cutout", "shift", "digits", "strong"])
def test_augmented_images_do_not_depend_on_precision(augment: str) -> None:
    """The grid of an affine augmentation is a matrix product, which would have 8 bits in bfloat16."""
    pixels = torch.randint(0, 256, (50, 28, 28, 1), dtype=torch.uint8)
    seen: list[torch.Tensor] = []

    class Keeping(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(28 * 28, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(images)
            logits: torch.Tensor = self.layer(images.flatten(1))
            types.append(logits.dtype)
            return logits

    types: list[torch.dtype] = []
    for precision in ("float32", "bfloat16"):
        recipe = Recipe(augment=augment, precision=precision)  # type: ignore[arg-type]
        model = Keeping()
        step = Step(model, build_optimizer(recipe, model.parameters()), recipe)
        step.rng.start(0, 1)
        step(pixels, torch.arange(50) % 3, step_hyperparameters(recipe, 1, 1)[0])
    assert types == [torch.float32, torch.bfloat16]
    assert seen[0].dtype == seen[1].dtype == torch.float32
    assert torch.equal(*seen)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("augment", ["mixup=1", "cutmix=1", "mixup=1 cutmix=1 rotate=20"])
def test_loss_of_step_is_that_of_mixed_images_and_labels(augment: str, weighted: bool) -> None:
    recipe, labels = Recipe(augment=augment, label_smoothing=0.1), torch.arange(8) % 3
    pixels = torch.randint(0, 256, (8, 2, 2, 1), dtype=torch.uint8)
    weights = torch.rand(8) if weighted else None
    model = _Watching()
    images, mixed = augmented(pixels, recipe, torch_generator(4, "noise", 2))
    expected = TrainingLoss.of(recipe)(model(images), labels, weights, mixed)
    assert mixed is not None and float(mixed.proportion.min()) < 0.9
    step = Step(model, build_optimizer(recipe, model.parameters()), recipe)
    step.rng.start(4, 2)
    assert torch.equal(
        step(pixels, labels, step_hyperparameters(recipe, 1, 1)[0], weights), expected.detach()
    )


def test_batches_pair_labels_with_their_images() -> None:
    for pixels, labels, _, _ in batches(_images(20), epoch_order(20, 3, 4), 6):
        assert (pixels[:, 0, 0, 0].long() % 3 == labels).all()


def test_epoch_order_depends_on_seed_and_epoch() -> None:
    orders = {tuple(epoch_order(50, seed, epoch)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    assert np.array_equal(epoch_order(50, 2, 3), epoch_order(50, 2, 3))
    assert sorted(epoch_order(50, 2, 3)) == list(range(50))


def test_network_input_is_scaled_and_channels_last() -> None:
    pixels = torch.randint(0, 256, (5, 4, 3, 2), dtype=torch.uint8)
    images = network_input(pixels)
    assert images.shape == (5, 2, 4, 3)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images.permute(0, 2, 3, 1), pixels.float() / 255)


def _train(model: nn.Module, recipe: Recipe, part: ImageTensors, epoch: int = 1) -> None:
    train_epoch(EagerLoop(Step(model, build_optimizer(recipe, model.parameters()), recipe), part), 0, epoch)


def test_model_mode_is_train_in_training_and_eval_in_evaluation() -> None:
    model, part, recipe = _Watching(), _images(10), Recipe(batch_size=4)
    _train(model, recipe, part, 1)
    assert [mode for mode, _ in model.seen] == [True] * 3
    assert sorted(n for _, batch in model.seen for n in batch) == list(range(10))
    model.seen.clear()
    evaluate(model, part, "float32")
    assert model.seen == [(False, list(range(10)))]


def test_label_smoothing_affects_training_only() -> None:
    part, smooth = _images(9), Recipe(batch_size=9, optimizer="sgd", momentum=0.0, label_smoothing=0.3)
    model, reference = _Watching(), _Watching()
    before = evaluate(model, part, "float32")
    # Evaluation uses the cross-entropy without smoothing.
    logits = logits_of(model, part, "float32")
    by_hand = -logits.double().log_softmax(1)[torch.arange(9), part.labels].mean()
    assert before["log-loss"] == pytest.approx(float(by_hand), rel=1e-6)
    _train(model, smooth, part, 1)
    reference.train()
    logits = reference(network_input(part.pixels))
    targets = nn.functional.one_hot(part.labels, 3) * 0.7 + 0.1
    (-(targets * logits.log_softmax(1)).sum(1).mean()).backward()
    expected = reference.layer.weight - 0.001 * reference.layer.weight.grad  # type: ignore[operator]
    assert torch.allclose(model.layer.weight, expected, atol=1e-7)


def test_gradient_is_clipped_to_clip_norm() -> None:
    recipe = Recipe(batch_size=9, optimizer="sgd", momentum=0.0, clip_norm=0.01, learning_rate=1.0)
    model, reference = _Watching(factor=50.0), _Watching(factor=50.0)
    _train(model, recipe, _images(9), 1)
    moved = [
        (a - b).detach().flatten() for a, b in zip(model.parameters(), reference.parameters(), strict=True)
    ]
    assert float(torch.cat(moved).norm()) == pytest.approx(0.01, rel=1e-3)


def test_nonfinite_loss_raises_diverged() -> None:
    recipe, model = Recipe(batch_size=4), _Watching(factor=float("inf"))
    with pytest.raises(Diverged, match="epoch 7"):
        _train(model, recipe, _images(8), 7)


def test_scores_are_means_over_images() -> None:
    logits = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    score = scores_of(logits, torch.tensor([0, 0, 0]))
    losses = [np.log(2), np.log(1 + np.exp(-2)), np.log(1 + np.exp(1))]
    assert score["log-loss"] == pytest.approx(float(np.mean(losses)), rel=1e-6)
    assert score["accuracy"] == pytest.approx(2 / 3)


def test_moved_equals_reference_implementation() -> None:
    pixels = torch.randint(1, 256, (3, 4, 5, 2), dtype=torch.uint8)
    for down, right in TTA_SHIFTS["shift"]:
        expected = torch.zeros_like(pixels)
        for row in range(4):
            for column in range(5):
                if 0 <= row - down < 4 and 0 <= column - right < 5:
                    expected[:, row, column] = pixels[:, row - down, column - right]
        assert torch.equal(moved(pixels, down, right), expected)


def test_tta_logits_are_mean_over_shifts() -> None:
    model, part = _Watching(), _images(700)
    plain = logits_of(model, part, "float32")
    with torch.no_grad():
        assert torch.equal(plain, model(network_input(part.pixels)))
        shifts = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))
        tta = [model(network_input(moved(part.pixels, *shift))) for shift in shifts]
    assert torch.allclose(logits_of(model, part, "float32", "shift"), torch.stack(tta).mean(0), atol=1e-6)
    assert TTA_SHIFTS["shift"] == TTA_SHIFTS["shift-uncertain"] == shifts
    # A cost does not count the copies of uncertain images.
    assert {name: len(tta) for name, tta in TTA_SHIFTS.items()} | {"shift-uncertain": 1} == TTA_PASSES


def test_uncertain_rows_have_a_small_difference_of_the_two_largest_probabilities() -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(400, 5, generator=generator)
    expected = []
    for row, image in enumerate(logits.double().softmax(1).tolist()):
        *_, second, first = sorted(image)
        if first - second < 0.7:
            expected.append(row)
    assert 40 < len(expected) < 360
    assert uncertain_rows(logits).tolist() == expected


def test_selective_tta_is_tta_of_uncertain_images_only() -> None:
    # More than two batches of images, and more than one of uncertain images.
    pixels = torch.randint(0, 256, (1_700, 2, 2, 1), generator=torch.Generator().manual_seed(1)).byte()
    part, model = ImageTensors(pixels, torch.zeros(len(pixels), dtype=torch.int64)), _Watching(factor=10.0)
    plain, every = logits_of(model, part, "float32"), logits_of(model, part, "float32", "shift")
    rows = uncertain_rows(plain)
    is_uncertain = torch.zeros(len(part), dtype=torch.bool)
    is_uncertain[rows] = True
    assert 600 < len(rows) < 1_400
    model.seen.clear()
    selective = logits_of(model, part, "float32", "shift-uncertain")
    assert sum(len(batch) for _, batch in model.seen) == len(part) + 4 * len(rows)
    assert torch.equal(selective[~is_uncertain], plain[~is_uncertain])
    torch.testing.assert_close(selective[is_uncertain], every[is_uncertain], rtol=1e-5, atol=1e-6)
    assert float((selective - plain).abs()[is_uncertain].mean()) > 0.1


def test_selective_tta_without_uncertain_images_is_no_tta() -> None:
    part, model = _images(30), _Watching(factor=1e6)
    part = ImageTensors(part.pixels[1:], part.labels[1:])  # the logits of a black image are the biases
    plain = logits_of(model, part, "float32")
    assert not len(uncertain_rows(plain))
    assert torch.equal(logits_of(model, part, "float32", "shift-uncertain"), plain)
