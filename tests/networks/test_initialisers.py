"""Initial weights against the formulas; ``test_keras_layers`` compares them with Keras."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from convstudy.networks import INITIALISERS
from convstudy.networks.initialisers import TRUNCATED_NORMAL_SD, initialise

# A convolution of 5 × 5 from 32 to 64 channels, and a dense layer from 400 to 300.
SHAPES = {"conv": (64, 32, 5, 5), "dense": (300, 400)}
FANS = {"conv": (32 * 25, 64 * 25), "dense": (400, 300)}
SCALED = [name for name in INITIALISERS if name != "orthogonal"]


def draw(name: str, kind: str, seed: int = 5) -> torch.Tensor:
    """Return the weights of an initialiser."""
    weight = torch.full(SHAPES[kind], math.nan)
    initialise(weight, name, torch.Generator().manual_seed(seed))
    return weight


def variance(name: str, kind: str) -> float:
    """Return the variance of the formulas in the papers."""
    fan_in, fan_out = FANS[kind]
    family = name.split("-")[0]
    return {"he": 2 / fan_in, "lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out)}[family]


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("name", SCALED)
def test_initialiser_has_the_variance_and_range_of_its_name(name: str, kind: str) -> None:
    values = draw(name, kind).flatten().double().numpy()
    sd = math.sqrt(variance(name, kind))
    if name.endswith("uniform"):
        bound = math.sqrt(3) * sd
        truth = stats.uniform(-bound, 2 * bound)
    else:
        wide = sd / TRUNCATED_NORMAL_SD
        truth = stats.truncnorm(-2, 2, scale=wide)
        bound = 2 * wide
    assert truth.std() == pytest.approx(sd, rel=1e-9)
    assert abs(values).max() <= bound * (1 + 1e-6)
    assert abs(values).max() > 0.99 * bound
    # Five standard errors: that of the mean is sd / √n, that of the variance is below √(2 / n) of it.
    n = values.size
    assert abs(values.mean()) < 5 * sd / math.sqrt(n)
    assert values.var() == pytest.approx(sd**2, rel=5 * math.sqrt(2 / n))
    assert stats.kstest(values, truth.cdf).pvalue > 1e-4


def test_every_initialiser_is_checked() -> None:
    assert len(SCALED) == 6
    assert set(INITIALISERS) == {*SCALED, "orthogonal"}


def test_truncated_normal_sd_equals_scipy() -> None:
    assert stats.truncnorm(-2, 2).std() == pytest.approx(TRUNCATED_NORMAL_SD, rel=1e-12)


@pytest.mark.parametrize("shape", [(64, 32, 5, 5), (300, 400), (400, 300), (8, 1, 3, 3), (16, 1, 2, 2)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, ...]) -> None:
    weight = torch.empty(shape)
    initialise(weight, "orthogonal", torch.Generator().manual_seed(5))
    matrix = weight.flatten(1).double()
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    assert torch.allclose(small, torch.eye(len(small), dtype=torch.float64), atol=1e-5)


@pytest.mark.parametrize("name", INITIALISERS)
def test_weights_depend_only_on_the_generator(name: str) -> None:
    state = torch.get_rng_state()
    first, again, other = draw(name, "conv", 1), draw(name, "conv", 1), draw(name, "conv", 2)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)
