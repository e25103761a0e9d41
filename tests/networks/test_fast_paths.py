"""What is built to be fast does what its plain form does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network
from convstudy.networks.modules.strided_pointwise_conv import StridedPointwiseConv
from convstudy.networks.modules.whole_input_conv import WholeInputConv
from tests.convolutions import ConvolutionCalls


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


def pointwise_by_definition(
    images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: int, weighing: torch.Tensor
) -> list[torch.Tensor]:
    """Return the output of a 1 × 1 convolution, then the gradients of ``Σ output · weighing``: images, weight, bias.

    It uses sums over pixels, no convolution of torch.
    """
    used, kernel = images[:, :, ::stride, ::stride], weight[:, :, 0, 0]
    made = torch.einsum("nchw,fc->nfhw", used, kernel) + bias[:, None, None]
    of_images = torch.zeros_like(images)
    of_images[:, :, ::stride, ::stride] = torch.einsum("nfhw,fc->nchw", weighing, kernel)
    of_weight = torch.einsum("nfhw,nchw->fc", weighing, used)[:, :, None, None]
    return [made, of_images, of_weight, weighing.sum((0, 2, 3))]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("height", "width", "n_channels", "stride"),
    [(8, 8, 3, 2), (9, 12, 16, 2), (7, 5, 1, 3), (10, 11, 8, 4), (3, 2, 5, 3), (2, 2, 4, 7), (1, 3, 2, 2)],
)
def test_a_strided_1_x_1_kernel_computes_its_definition(
    height: int, width: int, n_channels: int, stride: int, padding: str, layout: torch.memory_format
) -> None:
    layer = read_layer(f"conv 6 1 stride={stride} padding={padding}")
    generator = torch.Generator().manual_seed(height * width)
    built = layer.module((height, width, n_channels), generator).double()
    built.to(memory_format=layout)  # type: ignore[call-overload]
    (convolution,) = (part for part in built.modules() if isinstance(part, nn.Conv2d))
    assert isinstance(convolution, StridedPointwiseConv)
    weight, bias = (value.detach() for value in (convolution.weight, convolution.bias))
    bias.normal_(generator=generator)
    images = torch.randn(5, n_channels, height, width, dtype=torch.float64, generator=generator)
    images = images.contiguous(memory_format=layout).requires_grad_()
    made = built(images)
    assert made.shape[1:] == (6, -(-height // stride), -(-width // stride))
    weighing = torch.randn(made.shape, dtype=torch.float64, generator=generator)
    found = [
        made,
        *torch.autograd.grad((made * weighing).sum(), [images, convolution.weight, convolution.bias]),
    ]
    expected = pointwise_by_definition(images.detach(), weight, bias, stride, weighing)
    for fast, slow in zip(found, expected, strict=True):
        assert fast.shape == slow.shape
        torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
def test_a_strided_1_x_1_kernel_is_as_precise_as_its_number_format(
    precision: torch.dtype, tolerance: float
) -> None:
    layer = read_layer("conv 32 1 stride=2")
    generator = torch.Generator().manual_seed(4)
    built = layer.module((14, 14, 16), generator)
    built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(20, 16, 14, 14, generator=generator).contiguous(memory_format=torch.channels_last)
    images.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        made = built(images)
    assert made.dtype == precision
    weighing = torch.randn(made.shape, generator=generator)
    convolution = built[0]  # type: ignore[index]
    assert isinstance(convolution, StridedPointwiseConv)
    assert convolution.bias is not None
    found = [made, *torch.autograd.grad((made * weighing).sum(), [images, *convolution.parameters()])]
    expected = pointwise_by_definition(
        *(value.detach().double() for value in (images, convolution.weight, convolution.bias)),
        stride=2,
        weighing=weighing.double(),
    )
    for fast, slow in zip(found, expected, strict=True):
        assert float((fast.detach().double() - slow).norm() / slow.norm()) < tolerance


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float64])
def test_no_strided_1_x_1_kernel_reaches_the_convolution_of_torch(size: int, precision: torch.dtype) -> None:
    texts = [
        "conv 5 3 padding=same",
        "conv 4 1 stride=2",
        "conv 4 1 stride=3 padding=same",
        "conv 3 1 stride=5",
    ]
    built = build_network(Network.read([*texts, "flatten"]), (size, size + 1, 2), 4, torch.Generator())
    if precision == torch.float64:
        built.double()
    images = torch.randn(3, 2, size, size + 1, dtype=next(built.parameters()).dtype)
    with ConvolutionCalls() as calls:
        for layout in (torch.channels_last, torch.contiguous_format):
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
                made = built(images.contiguous(memory_format=layout))
            made.float().sum().backward()
    kernels = {kernel for kernel, _ in calls.forward}
    assert kernels == {kernel for kernel, _ in calls.backward} == {(3, 3), (1, 1)}
    assert not calls.strided_pointwise


@pytest.mark.parametrize(
    "text", ["conv 6 1", "conv 6 1 padding=same", "conv 6 2 stride=2", "conv 6 2 stride=3"]
)
def test_other_kernels_and_strides_stay_a_convolution_of_torch(text: str) -> None:
    module = read_layer(text).module((5, 5, 3), torch.Generator())
    assert not any(isinstance(part, StridedPointwiseConv) for part in module.modules())


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
