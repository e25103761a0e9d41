"""Learning-rate schedules compared with hand calculations and with torch."""

from __future__ import annotations

import math

import pytest
import torch

from convstudy.engine.schedules import learning_rate
from convstudy.studyfile import Recipe


def test_constant_schedule_is_constant() -> None:
    recipe = Recipe(learning_rate=0.3)
    assert {learning_rate(recipe, step, 7) for step in range(7)} == {0.3}


def test_cosine_schedule_decays_to_zero() -> None:
    recipe = Recipe(learning_rate=2.0, schedule="cosine")
    # cos 0 = 1, cos 60° = 1/2, cos 90° = 0, cos 120° = -1/2
    for step, expected in ((0, 2.0), (2, 1.5), (3, 1.0), (4, 0.5)):
        assert learning_rate(recipe, step, 6) == pytest.approx(expected)
    assert learning_rate(recipe, 5, 6) == pytest.approx(1.0 + math.cos(math.radians(150)))


def test_step_schedule_drops_after_step_epochs() -> None:
    recipe = Recipe(learning_rate=1.0, schedule="step", step_epochs=2, step_factor=0.1, epochs=5)
    rates = [learning_rate(recipe, step, 15) for step in range(15)]  # 3 steps an epoch
    assert rates == pytest.approx([1.0] * 6 + [0.1] * 6 + [0.01] * 3)


@pytest.mark.parametrize("steps_an_epoch", [1, 3, 7, 469])
@pytest.mark.parametrize("step_epochs", [1, 3])
def test_step_schedule_drops_at_first_step_of_epoch_despite_rounding(
    steps_an_epoch: int, step_epochs: int
) -> None:
    recipe = Recipe(learning_rate=1.0, schedule="step", step_epochs=step_epochs, step_factor=0.5, epochs=20)
    for epoch in range(20):
        for step in (epoch * steps_an_epoch, (epoch + 1) * steps_an_epoch - 1):
            got = learning_rate(recipe, step, 20 * steps_an_epoch)
            assert got == 0.5 ** (epoch // step_epochs), (epoch, step)


def test_one_cycle_rises_then_decays() -> None:
    recipe = Recipe(learning_rate=1.0, schedule="one-cycle")
    assert learning_rate(recipe, 0, 100) == pytest.approx(1 / 25)
    assert learning_rate(recipe, 15, 100) == pytest.approx((1 + 1 / 25) / 2)
    assert learning_rate(recipe, 30, 100) == pytest.approx(1.0)
    assert learning_rate(recipe, 65, 100) == pytest.approx((1 + 1e-4 / 25) / 2)


def test_one_cycle_equals_torch() -> None:
    """Torch peaks and ends at steps 0.3 n - 1 and n - 1; this schedule at the same fractions of n."""
    n_steps = 100
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.4, total_steps=n_steps + 1)
    recipe = Recipe(learning_rate=0.4, schedule="one-cycle")
    peak = 0.3 * (n_steps + 1) - 1
    for step in range(n_steps):
        done = step / peak * 0.3 if step <= peak else 0.3 + (step - peak) / (n_steps - peak) * 0.7
        theirs = optimizer.param_groups[0]["lr"]
        # learning_rate takes integer steps: 10⁹ steps approximate the exact fraction.
        assert learning_rate(recipe, round(done * 10**9), 10**9) == pytest.approx(theirs, rel=1e-6), step
        optimizer.step()
        scheduler.step()


def test_triangular_is_piecewise_linear() -> None:
    recipe = Recipe(learning_rate=2.0, schedule="triangular", warmup_fraction=0.25)
    rates = [learning_rate(recipe, step, 8) for step in range(8)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 2 * 5 / 6, 2 * 4 / 6, 2 * 3 / 6, 2 * 2 / 6, 2 / 6])


def test_triangular_without_warmup_starts_at_peak() -> None:
    recipe = Recipe(learning_rate=1.0, schedule="triangular", warmup_fraction=0.0)
    assert [learning_rate(recipe, step, 4) for step in range(4)] == pytest.approx([1.0, 0.75, 0.5, 0.25])
