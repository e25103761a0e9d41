"""The EMA of weights, compared with hand calculations."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.engine.averaging import WeightAverage, ema_weight
from convstudy.engine.batches import ImageTensors
from convstudy.engine.optimizers import build_optimizer
from convstudy.engine.training import EagerLoop, Step, train_epoch
from convstudy.networks.modules.batch_norm import KerasBatchNorm
from convstudy.studyfile import Recipe


def test_ema_decay_is_smaller_in_first_steps() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    average = WeightAverage(model)
    expected = 1.0
    # (1 + t) / (10 + t) is 0.1, 0.18, 0.25, 0.31 for t = 0, 1, 2, 3: from t = 2 on, the minimum is 0.25.
    for step, decay in enumerate((1 / 10, 2 / 11, 0.25, 0.25)):
        with torch.no_grad():
            model.weight.fill_(2.0 + step)
        average.follow(ema_weight(0.25, step))
        expected = decay * expected + (1 - decay) * (2.0 + step)
        assert average.model.weight.item() == pytest.approx(expected, rel=1e-6)  # type: ignore[union-attr, operator]
    assert model.weight.item() == 5.0  # the trained model does not change


def test_ema_includes_batch_norm_statistics() -> None:
    model = nn.Sequential(KerasBatchNorm(2, 0.1, 1e-3))
    average = WeightAverage(model)
    model[0].running_mean.fill_(10.0)  # type: ignore[union-attr, operator]
    average.follow(ema_weight(0.9, 0))
    assert average.model.state_dict()["0.running_mean"].tolist() == pytest.approx([9.0, 9.0])


def test_ema_is_updated_after_every_step() -> None:
    """The reference records the weights after every step and averages them at the end."""
    torch.manual_seed(0)
    part = ImageTensors(torch.randint(0, 256, (12, 2, 2, 1), dtype=torch.uint8), torch.arange(12) % 3)
    recipe = Recipe(batch_size=4, optimizer="sgd", learning_rate=0.5, epochs=2, ema_decay=0.15)
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    seen = [model[1].weight.detach().clone()]
    optimizer, average = build_optimizer(recipe, model.parameters()), WeightAverage(model)
    optimizer.register_step_post_hook(lambda *_: seen.append(model[1].weight.detach().clone()))  # type: ignore[arg-type]
    loop = EagerLoop(Step(model, optimizer, recipe, average), part)
    for epoch in (1, 2):
        train_epoch(loop, 0, epoch)
    assert len(seen) == 7
    expected = seen[0]
    for step, weights in enumerate(seen[1:]):
        decay = min(0.15, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weights
    assert torch.allclose(average.model.state_dict()["1.weight"], expected, atol=1e-6)
