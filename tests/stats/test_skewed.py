"""The interval of skewed means, by hand and at its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from convstudy.stats.skewed import MAX_LOSS, MeanInterval, mean_interval

Z = 1.984  # t(99), 97.5 %


def test_one_seed_by_hand() -> None:
    losses = np.zeros((1, 100))
    losses[0, :10] = 1.0
    found = mean_interval(losses)
    error = losses.std(ddof=1) / 10
    assert found.estimate == pytest.approx(0.1)
    assert found.low == pytest.approx(0.1 * math.exp(-Z * error / 0.1), rel=1e-3)
    # One more image with the largest value, 1.
    assert found.high == pytest.approx(0.11 * math.exp(Z * math.hypot(error, 0.01) / 0.11), rel=1e-3)
    assert found.n_effective == pytest.approx(10) and found.depends_on_few


def test_seeds_add_the_same_half_width_on_both_sides() -> None:
    losses = np.random.default_rng(1).exponential(size=(1, 400)) + np.array([[0.0], [0.5], [1.0]])
    found = mean_interval(losses)
    one = mean_interval(losses.mean(axis=0, keepdims=True))
    # The images do not interact with the seeds: the seeds' means have the standard deviation 0.5.
    seeds = 4.3027 * 0.5 / math.sqrt(3)
    assert found.high - found.estimate == pytest.approx(math.hypot(one.high - one.estimate, seeds), rel=1e-3)
    assert found.estimate - found.low == pytest.approx(math.hypot(one.estimate - one.low, seeds), rel=1e-3)
    assert not found.depends_on_few


def test_losses_of_zero_have_an_interval() -> None:
    found = mean_interval(np.zeros((2, 100)))
    assert (found.low, found.high) == (0.0, pytest.approx(3 / 100 * MAX_LOSS))
    assert found.depends_on_few


def test_one_large_loss_of_one_seed_has_a_plausible_upper_end() -> None:
    """The upper end was 22,672 nats, then the largest loss of float32."""
    losses = np.zeros((2, 100))
    losses[0, 0] = 16.0
    found = mean_interval(losses)
    assert found.low == 0 and 0.5 < found.high < 3
    assert found.n_effective == 1


def test_values_near_the_upper_limit_are_skewed_to_the_other_side() -> None:
    values = np.random.default_rng(0).beta(0.1, 3, size=(3, 200))
    found, mirrored = mean_interval(values, 0.0, 1.0), mean_interval(1 - values, 0.0, 1.0)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low))
    assert found.high - found.estimate > found.estimate - found.low


@pytest.mark.parametrize("values", [[[0.0, 0.0]], [[2.0, 2.0]], [[0.0, 2.0]], [[0.0, 2.0], [2.0, 2.0]]])
def test_ends_are_possible_means(values: list[list[float]]) -> None:
    found = mean_interval(np.array(values), 0.0, 2.0)
    assert 0 <= found.low <= found.estimate <= found.high <= 2 and found.low < found.high
    assert isinstance(found, MeanInterval)
