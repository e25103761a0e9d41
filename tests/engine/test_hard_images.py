"""Sampling of hard images: which images an epoch uses, their losses, and the schedule over unequal epochs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from convstudy.engine.batches import ImageTensors, epoch_order, network_input, steps_per_epoch
from convstudy.engine.checkpoint import _digest
from convstudy.engine.fit import run_fit
from convstudy.engine.hard_images import hard_order
from convstudy.engine.loss import TrainingLoss
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.step_hyperparameters import step_hyperparameters
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.engine.weights import read_tensors, write_tensors
from convstudy.plan.cost import fit_cost, images_of_epoch, images_to_train
from convstudy.studyfile import Recipe
from tests.engine.small import digits, small_fit, stopped, trained

HARD = Recipe(sampling="hard", hard_fraction=0.4)


def _losses(n: int) -> np.ndarray:
    return np.random.default_rng(5).exponential(size=n).astype(np.float32)


def test_first_epoch_is_shuffled() -> None:
    assert np.array_equal(hard_order(np.zeros(50, np.float32), HARD, 3, 1), epoch_order(50, 3, 1))


@pytest.mark.parametrize(("n", "used"), [(50, 20), (51, 20), (54, 22), (7, 3), (2, 2)])
def test_later_epoch_is_half_hard_and_half_random(n: int, used: int) -> None:
    losses = _losses(n)
    order = hard_order(losses, HARD, 3, 2)
    assert len(order) == len(set(order.tolist())) == used == images_of_epoch(HARD, n, 2)
    hardest = set(np.argsort(losses)[-(used // 2) :].tolist()) if used > 1 else set()
    assert hardest <= set(order.tolist())


def test_random_half_and_order_depend_on_seed_and_epoch() -> None:
    losses = _losses(200)
    hardest = set(np.argsort(losses)[-40:].tolist())
    orders = [hard_order(losses, HARD, seed, epoch).tolist() for seed in (1, 2) for epoch in (2, 3)]
    assert orders[0] == hard_order(losses, HARD, 1, 2).tolist()
    assert len({tuple(sorted(set(order) - hardest)) for order in orders}) == 4
    # Random images come from all others, also from the easiest.
    used = set().union(*(hard_order(losses, HARD, 1, epoch).tolist() for epoch in range(2, 40)))
    assert len(used) > 190
    # Hard images are not in order of their losses, and not before the others.
    assert {order[0] in hardest for order in orders} | {order[-1] in hardest for order in orders} == {
        True,
        False,
    }


def test_equal_losses_are_used_in_order_of_the_images() -> None:
    order = hard_order(np.zeros(100, np.float32), HARD, 0, 2)
    assert set(range(20)) <= set(order.tolist())


class _Linear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images.flatten(1))


def test_step_keeps_plain_losses_of_its_images() -> None:
    """Without label smoothing, weights, and the change of the weights by this step."""
    recipe = HARD.varied({"label_smoothing": 0.3, "optimizer": "sgd", "learning_rate": 0.1})
    model, losses = _Linear(), torch.full((9,), -1.0)
    step = Step(model, build_optimizer(recipe, model.parameters()), recipe, image_losses=losses)
    pixels = torch.randint(0, 256, (3, 2, 2, 1), generator=torch.Generator().manual_seed(1)).byte()
    labels, rows = torch.tensor([0, 2, 1]), torch.tensor([7, 0, 4])
    with torch.no_grad():
        logits = model(network_input(pixels))
    returned = step(
        pixels, labels, step_hyperparameters(recipe, 1, 1)[0], torch.tensor([1.0, 5.0, 0.5]), rows
    )
    torch.testing.assert_close(losses[rows], cross_entropy(logits, labels, reduction="none"))
    assert sorted(losses.tolist())[:6] == [-1.0] * 6
    assert returned == TrainingLoss.of(recipe)(logits, labels, torch.tensor([1.0, 5.0, 0.5]))


def test_epoch_after_the_first_uses_its_images_only() -> None:
    recipe = HARD.varied({"batch_size": 8, "epochs": 3, "optimizer": "sgd"})
    part = ImageTensors(torch.arange(200, dtype=torch.uint8).view(50, 2, 2, 1), torch.arange(50) % 3)
    model, losses = _Linear(), torch.zeros(50)
    loop = EagerLoop(
        Step(model, build_optimizer(recipe, model.parameters()), recipe, image_losses=losses), part
    )
    train_epoch(loop, 0, 1)
    assert int((losses > 0).sum()) == 50
    before = losses.clone()
    order = hard_order(before.numpy(), recipe, 0, 2)
    train_epoch(loop, 0, 2)
    assert set(torch.nonzero(losses != before).flatten().tolist()) == set(order.tolist())


def test_whole_fraction_is_shuffle() -> None:
    shuffled, hard = trained(small_fit()), trained(small_fit(sampling="hard", hard_fraction=1.0))
    assert hard.record.weights_digest == shuffled.record.weights_digest
    other = trained(small_fit(sampling="hard", hard_fraction=0.5))
    assert other.record.weights_digest != shuffled.record.weights_digest


@pytest.mark.parametrize("n_losses", [96, 95, 0])
def test_checkpoint_without_the_losses_of_all_images_is_ignored(tmp_path: Path, n_losses: int) -> None:
    fit = small_fit(sampling="hard")
    stopped(fit, tmp_path / "c", 2)
    tensors, metadata = read_tensors(tmp_path / "c")
    tensors["image_losses"] = tensors["image_losses"][:n_losses].clone()
    if not n_losses:
        del tensors["image_losses"]
    metadata.pop("digest")
    write_tensors(tmp_path / "c", tensors, {**metadata, "digest": _digest(tensors, metadata)})
    epochs: list[int] = []
    run_fit(fit, digits().train, tmp_path / "c", lambda epoch: epochs.append(epoch.number))
    assert epochs == ([3] if n_losses == 96 else [1, 2, 3])


def test_schedule_covers_all_steps_of_unequal_epochs() -> None:
    recipe = HARD.varied({"schedule": "triangular", "epochs": 4, "learning_rate": 1.0})
    steps = [step for epoch in (1, 2, 3, 4) for step in step_hyperparameters(recipe, epoch, 10, 4)]
    whole = step_hyperparameters(recipe.varied({"epochs": 1}), 1, 22)
    assert steps == whole


def test_step_schedule_drops_between_unequal_epochs() -> None:
    recipe = HARD.varied({"schedule": "step", "step_epochs": 2, "epochs": 5, "learning_rate": 1.0})
    rates = [[step.lr for step in step_hyperparameters(recipe, epoch, 10, 4)] for epoch in (1, 2, 3, 4, 5)]
    assert [len(rate) for rate in rates] == [10, 4, 4, 4, 4]
    flat = [set(rate) for rate in rates]
    assert [pytest.approx(rate.pop()) for rate in flat] == [1.0, 1.0, 0.1, 0.1, 0.01]
    assert not any(flat)


def test_cost_counts_images_of_each_epoch() -> None:
    fit = replace(small_fit(epochs=4), recipe=HARD.varied({"epochs": 4}))
    n_train = fit_cost(fit, 4).images - 3 * fit_cost(fit, 1).images
    later = images_of_epoch(fit.recipe, n_train, 2)
    assert (n_train, later) == (96, 38)
    assert fit_cost(fit, 1).images == later
    assert fit_cost(fit, 3).images == images_to_train(fit.recipe, 96, 2, 3) == 3 * 38
    assert fit_cost(fit).images == images_to_train(fit.recipe, 96, 1, 4) == 96 + 3 * 38
    assert images_to_train(fit.recipe, 96, 1, 0) == 0
    assert images_to_train(Recipe(), 96, 1, 4) == 4 * 96
    assert steps_per_epoch(later, 20) == 2
