"""Fast modules against their reference implementations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network
from convstudy.networks.layers.windows import same_padding
from convstudy.networks.modules.batch_norm import _Normalise, moments
from convstudy.networks.modules.first_conv import FirstConvolution
from convstudy.networks.modules.product import Product
from convstudy.networks.modules.relu_pool import PoolAndRelu
from convstudy.networks.modules.skipping_conv import SkippingConv
from convstudy.networks.modules.spectral.conv import spectral_conv
from convstudy.networks.modules.whole_input_conv import WholeInputConv
from convstudy.networks.modules.winograd_conv import Winograd
from tests.convolutions import ConvolutionCalls


def gradients(module: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Return the output and the gradients of images and weights for a randomly weighted sum of the output."""
    images = images.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    output = module(images)
    output_weights = torch.randn(output.shape, generator=torch.Generator().manual_seed(9)).to(output.dtype)
    return [output, *torch.autograd.grad((output * output_weights).sum(), [images, *module.parameters()])]


@pytest.mark.parametrize(("n_channels", "kernel", "stride"), [(1, 1, 1), (3, 4, 1), (8, 5, 2)])
def test_kernel_of_the_size_of_the_input_is_a_matrix_product(
    n_channels: int, kernel: int, stride: int
) -> None:
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
def test_kernel_with_more_than_one_position_is_a_convolution(text: str) -> None:
    module = read_layer(f"{text} init=he-normal").module((5, 5, 3), torch.Generator())
    assert not any(isinstance(part, WholeInputConv) for part in module.modules())


def by_definition(
    images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: int
) -> torch.Tensor:
    """Return a convolution without padding as a sum over kernel positions, without torch's convolution."""
    kernel = weight.shape[-1]
    rows, columns = ((size - kernel) // stride + 1 for size in images.shape[2:])
    output = bias[:, None, None].expand(len(images), -1, rows, columns)
    for row in range(kernel):
        for column in range(kernel):
            used = images[:, :, row::stride, column::stride][:, :, :rows, :columns]
            output = output + torch.einsum("nchw,fc->nfhw", used, weight[:, :, row, column])
    return output


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("height", "width", "n_channels", "kernel", "stride"),
    [
        *(
            (8, 8, 3, 1, 2),
            (9, 12, 16, 1, 2),
            (7, 5, 1, 1, 3),
            (3, 2, 5, 1, 3),
            (2, 2, 4, 1, 7),
            (1, 3, 2, 1, 2),
        ),
        *((8, 8, 3, 2, 3), (9, 12, 16, 2, 3), (13, 4, 1, 3, 4), (2, 3, 4, 2, 9)),
    ],
)
def test_stride_above_the_kernel_equals_the_definition(
    height: int,
    width: int,
    n_channels: int,
    kernel: int,
    stride: int,
    padding: str,
    layout: torch.memory_format,
) -> None:
    layer = read_layer(f"conv 6 {kernel} stride={stride} padding={padding}")
    generator = torch.Generator().manual_seed(height * width)
    built = layer.module((height, width, n_channels), generator).double()
    built.to(memory_format=layout)  # type: ignore[call-overload]
    (convolution,) = (part for part in built.modules() if isinstance(part, nn.Conv2d))
    assert isinstance(convolution, SkippingConv)
    assert convolution.bias is not None
    with torch.no_grad():
        convolution.bias.normal_(generator=generator)
    images = torch.randn(5, n_channels, height, width, dtype=torch.float64, generator=generator)
    images = images.contiguous(memory_format=layout).requires_grad_()
    inputs = [images, convolution.weight, convolution.bias]
    sides = [same_padding(size, kernel, stride) if padding == "same" else (0, 0) for size in (height, width)]
    padded = nn.functional.pad(images, [*sides[1], *sides[0]])
    output, expected = built(images), by_definition(padded, convolution.weight, convolution.bias, stride)
    assert (*output.shape[2:], output.shape[1]) == layer.output_shape((height, width, n_channels))
    output_weights = torch.randn(output.shape, dtype=torch.float64, generator=generator)
    fast, slow = (
        [each, *torch.autograd.grad((each * output_weights).sum(), inputs)] for each in (output, expected)
    )
    for found, known in zip(fast, slow, strict=True):
        assert found.shape == known.shape
        torch.testing.assert_close(found, known, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 2), (2, 3)])
def test_stride_above_the_kernel_is_as_precise_as_its_dtype(
    kernel: int, stride: int, precision: torch.dtype, tolerance: float
) -> None:
    generator = torch.Generator().manual_seed(4)
    built = read_layer(f"conv 32 {kernel} stride={stride}").module((14, 14, 16), generator)
    built.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(20, 16, 14, 14, generator=generator).contiguous(memory_format=torch.channels_last)
    inputs = [images.requires_grad_(), *built.parameters()]
    doubles = [value.detach().double().requires_grad_() for value in inputs]
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == torch.bfloat16):
        output = built(images)
    assert output.dtype == precision
    output_weights = torch.randn(output.shape, generator=generator)
    found = [output.detach(), *torch.autograd.grad((output * output_weights).sum(), inputs)]
    expected = by_definition(doubles[0], doubles[1], doubles[2], stride)
    known = [expected.detach(), *torch.autograd.grad((expected * output_weights).sum(), doubles)]
    for fast, slow in zip(found, known, strict=True):
        assert float((fast.double() - slow).norm() / slow.norm()) < tolerance


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16, torch.float64])
def test_torch_gets_no_convolution_with_stride_above_the_kernel(size: int, precision: torch.dtype) -> None:
    texts = [
        "conv 5 3 padding=same",
        "conv 4 1 stride=2",
        "conv 4 2 stride=5 padding=same",
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
                # Without a gradient of the images, the first layer's gradient is a matrix product (FirstConv).
                output = built(images.contiguous(memory_format=layout).requires_grad_())
            output.float().sum().backward()
    kernels = {kernel for kernel, _ in calls.forward}
    assert kernels == {kernel for kernel, _ in calls.backward} == {(3, 3), (1, 1), (2, 2)}
    assert not calls.skipping


@pytest.mark.parametrize(
    "text", ["conv 6 1", "conv 6 1 padding=same", "conv 6 2 stride=2", "conv 6 3 stride=2"]
)
def test_other_strides_use_torch(text: str) -> None:
    module = read_layer(text).module((5, 5, 3), torch.Generator())
    assert not any(isinstance(part, SkippingConv) for part in module.modules())


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("pools", [("max-pool 2",), ("max-pool 3 stride=2",), ("max-pool 2", "max-pool 2")])
def test_relu_moved_after_max_pools_gives_bit_identical_results(
    pools: tuple[str, ...], precision: torch.dtype
) -> None:
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
    # Few grey levels, so that some windows have equal values.
    images = torch.randint(0, 3, (7, 2, 12, 12), generator=torch.Generator().manual_seed(3)).to(precision)
    for fast, slow in zip(gradients(built, images), gradients(plain, images), strict=True):
        assert torch.equal(fast, slow)


@pytest.mark.parametrize("texts", [["conv 8 3 tanh", "max-pool 2"], ["conv 8 3 relu", "average-pool 2"]])
def test_other_activations_and_pools_keep_their_order(texts: list[str]) -> None:
    built = build_network(Network.read([*texts, "flatten"]), (12, 12, 1), 4, torch.Generator())
    first = built[0]
    assert isinstance(first, nn.Sequential)
    assert len(first) == 2


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x, w, b: FirstConvolution.apply(x, w, b, True), ((2, 1, 8, 8), (4, 1, 3, 3), (4,))),
        (Winograd.apply, ((2, 4, 6, 6), (4, 4, 3, 3), (4,))),
        (spectral_conv, ((2, 4, 8, 8), (4, 4, 5, 5), (4,))),
        (Product.apply, ((3, 4), (5, 4), (5,))),
        (lambda x, w, b: _Normalise.apply(x, w, b, *moments(x.detach()), 0.001), ((9, 4), (4,), (4,))),
    ],
)
def test_second_derivatives_are_an_error_and_not_wrong(
    function: Callable[..., torch.Tensor], shapes: tuple[tuple[int, ...], ...]
) -> None:
    images, weight, bias = (torch.randn(shape) for shape in shapes)
    output = function(images, weight.requires_grad_(), bias)
    (gradient,) = torch.autograd.grad(output.square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()  # type: ignore[no-untyped-call]


def test_second_derivatives_of_a_pool_are_an_error_and_not_wrong() -> None:
    images = torch.randn(2, 4, 6, 6, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    output = PoolAndRelu.apply(images.requires_grad_())  # type: ignore[no-untyped-call]
    (gradient,) = torch.autograd.grad(output.square().sum(), images, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.square().sum().backward()  # type: ignore[no-untyped-call]
