"""Winograd's convolution against torch's, values and gradients."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network, use_direct_convolutions
from convstudy.networks.modules.winograd_conv import Winograd, WinogradConv, is_worthwhile


def pair(n_channels: int, n_filters: int, bias: bool = True) -> tuple[WinogradConv, nn.Conv2d]:
    """Return Winograd's and torch's convolution with equal weights, channels last."""
    torch.manual_seed(n_channels)
    ours, theirs = (kind(n_channels, n_filters, 3, bias=bias) for kind in (WinogradConv, nn.Conv2d))
    theirs.load_state_dict(ours.state_dict())
    for module in (ours, theirs):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert isinstance(ours, WinogradConv)
    return ours, theirs


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    ("n", "n_channels", "n_filters", "height", "width"),
    # One tile, several, and incomplete ones; one column, one image, one channel.
    [
        (3, 4, 5, 6, 7),
        (2, 3, 2, 18, 5),
        (1, 2, 3, 3, 3),
        (5, 1, 4, 9, 3),
        (2, 6, 1, 8, 12),
        (37, 2, 2, 11, 4),
    ],
)
def test_values_and_gradients_equal_those_of_torch(
    n: int, n_channels: int, n_filters: int, height: int, width: int, layout: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(height)
    images = torch.randn(n, n_channels, height, width, dtype=torch.float64, generator=generator)
    weight = torch.randn(n_filters, n_channels, 3, 3, dtype=torch.float64, generator=generator)
    images = images.contiguous(memory_format=layout).requires_grad_()
    weight = weight.contiguous(memory_format=layout).requires_grad_()
    bias = torch.randn(n_filters, dtype=torch.float64, generator=generator, requires_grad=True)
    inputs = [images, weight, bias]
    output = Winograd.apply(*inputs)  # type: ignore[no-untyped-call]
    expected = nn.functional.conv2d(images, weight, bias)
    of_output = torch.randn(expected.shape, dtype=torch.float64, generator=generator)
    for found, known in zip(
        (output, *torch.autograd.grad(output, inputs, of_output)),
        (expected, *torch.autograd.grad(expected, inputs, of_output)),
        strict=True,
    ):
        torch.testing.assert_close(found, known, rtol=1e-10, atol=1e-10)


def test_gradients_equal_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    shapes = ((2, 2, 8, 4), (3, 2, 3, 3), (3,))
    inputs = [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes
    ]
    assert torch.autograd.gradcheck(Winograd.apply, inputs)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("needs_images", [True, False])
def test_float32_is_as_accurate_as_the_direct_convolution(bias: bool, needs_images: bool) -> None:
    ours, theirs = pair(64, 64, bias)
    generator = torch.Generator().manual_seed(2)
    images = (
        torch.randn(50, 64, 18, 18, generator=generator).relu().contiguous(memory_format=torch.channels_last)
    )
    of_output = torch.randn(50, 64, 16, 16, generator=generator)
    assert is_worthwhile(images.shape, 64)

    def results(module: nn.Module, values: torch.Tensor) -> list[torch.Tensor]:
        values = values.clone(memory_format=torch.preserve_format).requires_grad_(needs_images)
        output = module(values)
        output.backward(of_output.to(output.dtype))
        gradients = [values.grad, *(parameter.grad for parameter in module.parameters())]
        module.zero_grad()
        return [output.detach(), *(gradient.double() for gradient in gradients if gradient is not None)]

    found, direct = results(ours, images), results(theirs, images)
    exact = results(theirs.double(), images.double())
    assert len(found) == 2 + bias + needs_images
    for fast, slow, known in zip(found, direct, exact, strict=True):
        assert not torch.equal(fast, slow)
        error, of_direct = (float((each - known).norm() / known.norm()) for each in (fast, slow))
        assert error < max(1e-6, 5 * of_direct)


def test_training_uses_winograd_and_evaluation_the_direct_convolution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[bool] = []
    original = Winograd.forward

    def counted(*given: Any) -> torch.Tensor:
        calls.append(True)
        return original(*given)

    monkeypatch.setattr(Winograd, "forward", counted)
    built = build_network(
        Network.read(["conv 64 1", "conv 64 3 padding=same", "global-average-pool"]),
        (16, 16, 3),
        4,
        torch.Generator().manual_seed(1),
    )
    images = torch.rand(40, 3, 16, 16)
    built(images).sum().backward()
    assert len(calls) == 1
    with torch.no_grad():
        built(images)
    with torch.autocast("cpu", torch.bfloat16):
        built(images)
    built(images[:2])  # too small a batch
    use_direct_convolutions(built)
    built(images)
    assert len(calls) == 1


def test_equal_inputs_give_identical_results() -> None:
    ours, _ = pair(64, 64)
    images = torch.randn(50, 64, 18, 18)
    first, second = (ours(images) for _ in range(2))
    assert torch.equal(first, second)
    weights = [torch.autograd.grad(output.square().sum(), ours.weight)[0] for output in (first, second)]
    assert torch.equal(*weights)


@pytest.mark.parametrize(
    "text", ["conv 8 3 stride=2", "conv 8 3 groups=2", "conv 8 3 dilation=2", "conv 8 2", "conv 8 5"]
)
def test_other_convolutions_do_not_use_winograd(text: str) -> None:
    module = read_layer(text).module((20, 20, 8), torch.Generator())
    assert not any(isinstance(part, WinogradConv) for part in module.modules())


@pytest.mark.parametrize(
    ("shape", "n_filters", "expected"),
    [
        ((100, 64, 26, 26), 32, True),  # two-conv, kernel 3
        ((100, 32, 26, 26), 32, True),  # five-conv
        ((100, 32, 24, 24), 64, True),  # six-conv
        ((100, 16, 26, 26), 32, False),  # few channels
        ((100, 1, 28, 28), 64, False),
        ((8, 64, 16, 16), 64, False),  # a small batch
        ((40, 64, 14, 14), 64, True),  # 2.1e8 multiplications of 64 channels and filters
        ((36, 64, 14, 14), 64, False),  # 1.9e8
        ((100, 32, 30, 30), 32, True),  # 7.2e8 of 32 channels and filters
        ((100, 32, 20, 20), 32, False),  # 3.0e8
        ((100, 128, 8, 8), 128, False),  # 6 rows need tiles of 8
        ((0, 64, 16, 16), 64, False),
    ],
)
def test_rule_depends_on_the_shapes_alone(shape: tuple[int, ...], n_filters: int, expected: bool) -> None:
    assert is_worthwhile(torch.Size(shape), n_filters) is expected
