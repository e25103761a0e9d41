"""Stochastic depth: dropped images, rates, linear rates, residuals without a shortcut."""

from __future__ import annotations

import pytest
import torch
from scipy import stats
from torch import nn

from convstudy.errors import NetworkError
from convstudy.networks import Network
from convstudy.networks.block import Block
from convstudy.networks.build import build_network
from convstudy.networks.modules.dropout import ImageDropout, draw_dropout_from, seed_dropout

DEEP = Block("deep", ("conv 4 3 padding=same", "stochastic-depth {rate}"), {"rate": "0.5 linear"})


def deep(text: str, *after: str) -> Network:
    """Return a network of residuals with stochastic depth."""
    return Network.read([text, *after, "flatten"], blocks=[DEEP])


def rates(network: Network) -> list[float]:
    """Return the rates of a built network in order."""
    built = build_network(network, (4, 4, 4), 3, torch.Generator().manual_seed(1))
    return [part.n_dropped_levels / 65536 for part in built.modules() if isinstance(part, ImageDropout)]


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_images_are_zeroed_at_the_rate(rate: float, precision: torch.dtype) -> None:
    n_images = 20_000
    module = ImageDropout(rate)
    seed_dropout(module, 7)
    images = torch.ones(n_images, 3, 2, 2, dtype=precision).to(memory_format=torch.channels_last)
    output = module(images)
    assert output.dtype == precision
    assert output.is_contiguous(memory_format=torch.channels_last)
    rows = output.flatten(1)
    assert (rows == rows[:, :1]).all(), "an image is kept or left out as a whole"
    scale = float(output.max())
    assert scale == pytest.approx(1 / (1 - rate), rel=5e-3)
    n_zeroed = int((rows[:, 0] == 0).sum())
    assert stats.binomtest(n_zeroed, n_images, 1 - 1 / scale).pvalue > 1e-5


def test_evaluation_returns_its_input() -> None:
    images = torch.randn(5, 3, 2, 2)
    assert ImageDropout(0.5).eval()(images) is images


@pytest.mark.parametrize("source", ["torch", "sfc64"])
def test_draws_depend_on_the_seed_and_not_on_the_global_generator(source: str) -> None:
    model = nn.Sequential(ImageDropout(0.5))
    state = torch.get_rng_state()

    def drawn(seed: int) -> torch.Tensor:
        if source == "torch":
            draw_dropout_from(model, torch.Generator().manual_seed(seed))
        else:
            seed_dropout(model, seed)
        output: torch.Tensor = model(torch.ones(1000, 3))[:, 0]
        return output

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_dropped_body_leaves_the_shortcut() -> None:
    network = deep("residual deep rate=0.5")
    built = build_network(network, (4, 4, 4), 3, torch.Generator().manual_seed(1))
    seed_dropout(built, 3)
    images = torch.randn(64, 4, 4, 4)
    output, body = built[0](images), built[0].eval()(images) - images
    is_dropped = (output == images).flatten(1).all(1)
    assert 16 < int(is_dropped.sum()) < 48
    assert torch.allclose(output[~is_dropped], (images + 2 * body)[~is_dropped], atol=1e-5)


def test_linear_rates_grow_with_depth() -> None:
    assert rates(deep("residual deep x4")) == pytest.approx([0.125, 0.25, 0.375, 0.5], abs=1e-5)
    mixed = deep("residual deep rate=0.3", "residual deep x2")
    assert rates(mixed) == pytest.approx([0.3, 0.25, 0.5], abs=1e-5)


def test_residual_without_a_shortcut_drops_no_image() -> None:
    halved = Block("halved", ("conv 4 3 stride=2 padding=same", "stochastic-depth 0.5 linear"))
    texts = ["residual halved shortcut=identity-or-none", "residual deep", "flatten"]
    network = Network.read(texts, blocks=[DEEP, halved])
    assert rates(network) == pytest.approx([0.5], abs=1e-5)
    assert rates(Network.read(["residual halved", "flatten"], blocks=[halved])) == pytest.approx(
        [0.5], abs=1e-5
    )


def test_inner_residual_keeps_its_rate_inside_one_without_a_shortcut() -> None:
    inner = ["residual", "conv 4 3 padding=same", "stochastic-depth 0.25"]
    body = ["conv 4 3 stride=2", inner, ["concat", ["branch", "stochastic-depth 0.5", inner]]]
    network = Network.read([["residual shortcut=identity-or-none", *body, "stochastic-depth 0.5"], "flatten"])
    assert rates(network) == pytest.approx([0.25, 0.25], abs=1e-5)


def test_stochastic_depth_outside_a_residual_raises() -> None:
    with pytest.raises(NetworkError) as caught:
        list(Network.read(["stochastic-depth 0.1", "flatten"]).walk((4, 4, 4), 3))
    (problem,) = caught.value.problems
    assert problem.what == '"stochastic-depth" must be inside a residual'
    assert str(problem.where) == 'layer 1, "stochastic-depth 0.1"'


def test_without_residual_removes_stochastic_depth() -> None:
    assert deep("residual deep x2").without(["residual"]).texts == (*["conv 4 3 padding=same"] * 2, "flatten")
    assert rates(deep("residual deep x2").without(["stochastic-depth"])) == []
