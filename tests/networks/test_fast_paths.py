"""What is built to be fast does what its plain form does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network
from convstudy.networks.modules.whole_input_conv import WholeInputConv


def gradients(module: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Return the output, then the gradients of the images and of all weights, for a loss that weighs all places."""
    images = images.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    made = module(images)
    weighing = torch.randn(made.shape, generator=torch.Generator().manual_seed(9)).to(made.dtype)
    return [made, *torch.autograd.grad((made * weighing).sum(), [images, *module.parameters()])]


@pytest.mark.parametrize(("n_channels", "kernel", "stride"), [(1, 1, 1), (3, 4, 1), (8, 5, 2)])
def test_a_kernel_over_the_whole_input_is_a_matrix_product(n_channels: int, kernel: int, stride: int) -> None:
    layer = read_layer(f"conv 6 {kernel} stride={stride} init=he-normal")
    built = layer.module((kernel, kernel, n_channels), torch.Generator().manual_seed(1)).double()
    built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert isinstance(built, nn.Sequential)
    assert isinstance(built[0], WholeInputConv)
    plain = nn.Conv2d(n_channels, 6, kernel, stride).double()
    plain.load_state_dict(built[0].state_dict())
    images = torch.randn(5, n_channels, kernel, kernel, dtype=torch.float64)
    for fast, slow in zip(gradients(built, images), gradients(plain, images), strict=True):
        assert fast.shape == slow.shape
        torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("text", ["conv 6 4", "conv 6 5 padding=same"])
def test_a_kernel_with_more_than_one_place_stays_a_convolution(text: str) -> None:
    module = read_layer(f"{text} init=he-normal").module((5, 5, 3), torch.Generator())
    assert not any(isinstance(part, WholeInputConv) for part in module.modules())


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("pools", [("max-pool 2",), ("max-pool 3 stride=2",), ("max-pool 2", "max-pool 2")])
def test_relu_behind_a_max_pool_changes_no_bit(pools: tuple[str, ...], precision: torch.dtype) -> None:
    network = Network.read(["conv 8 3 relu", *pools, "flatten"])
    built = build_network(network, (12, 12, 2), 4, torch.Generator().manual_seed(2)).to(precision)
    pool_parts = [nn.MaxPool2d(int(text.split()[1]), 2) for text in pools]
    convolution = built[0]
    assert isinstance(convolution, nn.Sequential)
    assert not any(isinstance(part, nn.ReLU) for part in convolution)
    assert sum(isinstance(part, nn.ReLU) for part in built.modules()) == 1
    plain = nn.Sequential(
        nn.Sequential(convolution[0], nn.ReLU()), *pool_parts, *built[1 + len(pools) :].children()
    )
    assert list(plain.state_dict()) == list(built.state_dict())
    # Few levels of grey, so that windows hold equal values too.
    images = torch.randint(0, 3, (7, 2, 12, 12), generator=torch.Generator().manual_seed(3)).to(precision)
    for fast, slow in zip(gradients(built, images), gradients(plain, images), strict=True):
        assert torch.equal(fast, slow)


@pytest.mark.parametrize("texts", [["conv 8 3 tanh", "max-pool 2"], ["conv 8 3 relu", "average-pool 2"]])
def test_other_activations_and_pools_stay_in_their_order(texts: list[str]) -> None:
    built = build_network(Network.read([*texts, "flatten"]), (12, 12, 1), 4, torch.Generator())
    first = built[0]
    assert isinstance(first, nn.Sequential)
    assert len(first) == 2
