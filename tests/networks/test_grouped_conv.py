"""Grouped and dilated convolutions against their definition; modules that avoid faults of torch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from convstudy.networks import INITIALISERS, Network, Shape, read_layer
from convstudy.networks.build import build_network
from convstudy.networks.initialisers import initialise
from convstudy.networks.layers.windows import covered, same_padding
from convstudy.networks.modules.dilated_conv import DilatedConv
from convstudy.networks.modules.skipping_conv import SkippingConv
from tests.convolutions import ConvolutionCalls

# Kernel smaller than, equal to and larger than the stride; groups, multipliers and dilation; wide images last.
CASES: tuple[tuple[str, Shape], ...] = (
    ("conv 6 3 groups=3", (8, 9, 6)),
    ("conv 4 2 stride=2 groups=2 padding=same", (7, 8, 6)),
    ("conv 4 2 stride=3 groups=2 padding=same", (7, 8, 6)),
    ("conv 5 3 dilation=2", (9, 8, 3)),
    ("conv 5 4 stride=2 dilation=3 padding=same", (9, 8, 3)),
    ("conv 6 3 groups=2 dilation=2 bias=no", (9, 8, 4)),
    ("conv 6 2 stride=3 groups=3 dilation=2", (9, 8, 6)),
    ("conv 6 2 stride=5 groups=3 dilation=2 padding=same", (9, 8, 6)),
    ("conv 6 1 stride=2 groups=3 dilation=4", (9, 8, 6)),
    ("depthwise-conv 3", (8, 9, 5)),
    ("depthwise-conv 3 multiplier=2 stride=2 padding=same", (8, 9, 5)),
    ("depthwise-conv 1 stride=2", (8, 9, 5)),
    ("depthwise-conv 2 multiplier=3 stride=4 padding=same", (8, 9, 5)),
    ("depthwise-conv 3 dilation=2 padding=same", (9, 40, 5)),
    ("depthwise-conv 2 multiplier=3 dilation=3 bias=no", (6, 50, 7)),
    ("depthwise-conv 8", (8, 8, 5)),
)


def by_definition(
    images: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    stride: int,
    dilation: int,
    groups: int,
) -> torch.Tensor:
    """Return a convolution without padding, computed as a sum over groups and kernel positions."""
    kernel = weight.shape[-1]
    size = dilation * (kernel - 1) + 1
    rows, columns = ((side - size) // stride + 1 for side in images.shape[2:])
    parts = []
    for inputs, filters in zip(images.chunk(groups, 1), weight.chunk(groups), strict=True):
        output = torch.zeros(len(images), len(filters), rows, columns, dtype=images.dtype)
        for row in range(kernel):
            for column in range(kernel):
                used = inputs[:, :, row * dilation :: stride, column * dilation :: stride]
                output = output + torch.einsum(
                    "nchw,fc->nfhw", used[:, :, :rows, :columns], filters[:, :, row, column]
                )
        parts.append(output)
    output = torch.cat(parts, 1)
    return output if bias is None else output + bias[:, None, None]


def computed(
    text: str, shape: Shape, precision: torch.dtype, layout: torch.memory_format
) -> list[list[torch.Tensor]]:
    """Return the output and all gradients of a layer in a dtype, and those of the definition in float64."""
    layer = read_layer(text)
    generator = torch.Generator().manual_seed(sum(shape))
    built = layer.module(shape, generator).to(memory_format=layout)  # type: ignore[call-overload]
    (convolution,) = (part for part in built.modules() if isinstance(part, nn.Conv2d))
    if convolution.bias is not None:
        nn.init.normal_(convolution.bias, generator=generator)
    images = torch.randn(4, shape[2], *shape[:2], generator=generator).contiguous(memory_format=layout)
    inputs = [images, *convolution.parameters()]
    exact = [value.detach().double().requires_grad_() for value in inputs]
    if precision == torch.float64:
        built.double()
        inputs = [images.double(), *convolution.parameters()]
    inputs[0].requires_grad_()
    half = precision == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        output = built(inputs[0])
    assert output.dtype == precision
    assert (*output.shape[2:], output.shape[1]) == layer.output_shape(shape)
    kernel, dilation = convolution.kernel_size[0], getattr(layer, "dilation")  # noqa: B009
    stride: int = getattr(layer, "stride")  # noqa: B009
    is_same = "padding=same" in text
    sides = [
        same_padding(side, covered(kernel, dilation), stride) if is_same else (0, 0) for side in shape[:2]
    ]
    padded = nn.functional.pad(exact[0], [*sides[1], *sides[0]])
    bias = exact[2] if len(exact) == 3 else None
    expected = by_definition(padded, exact[1], bias, stride, dilation, convolution.groups)
    output_weights = torch.randn(output.shape, generator=generator)
    return [
        [values.detach(), *torch.autograd.grad((values * output_weights).sum(), of)]
        for values, of in ((output, inputs), (expected, exact))
    ]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("text", "shape"), CASES)
def test_layer_equals_the_definition_in_float64(text: str, shape: Shape, layout: torch.memory_format) -> None:
    assert len(CASES) == 16
    for found, known in zip(*computed(text, shape, torch.float64, layout), strict=True):
        assert found.shape == known.shape
        torch.testing.assert_close(found, known, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("precision", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 3e-2)])
@pytest.mark.parametrize(("text", "shape"), CASES)
def test_layer_equals_the_definition_within_the_precision_of_its_dtype(
    text: str, shape: Shape, precision: torch.dtype, tolerance: float
) -> None:
    for found, known in zip(*computed(text, shape, precision, torch.channels_last), strict=True):
        assert float((found.double() - known).norm() / known.norm()) < tolerance


@pytest.mark.parametrize(("text", "shape"), CASES)
def test_convolution_class_depends_on_kernel_stride_and_dilation(text: str, shape: Shape) -> None:
    layer = read_layer(text)
    (convolution,) = (p for p in layer.module(shape, torch.Generator()).modules() if isinstance(p, nn.Conv2d))
    kernel, stride, dilation = (getattr(layer, name) for name in ("kernel", "stride", "dilation"))
    expected = SkippingConv if stride > kernel else DilatedConv if dilation > 1 and kernel > 1 else nn.Conv2d
    assert type(convolution) is expected


def test_faulty_bfloat16_convolutions_do_not_reach_torch() -> None:
    texts = [
        "conv 4 3 padding=same dilation=2",
        "depthwise-conv 3 padding=same dilation=2 stride=2",
        "depthwise-conv 2 stride=3 padding=same multiplier=2",
        "conv 6 1 stride=2 padding=same groups=2",
    ]
    built = build_network(Network.read([*texts, "flatten"]), (9, 8, 2), 4, torch.Generator())
    with ConvolutionCalls() as calls, torch.autocast("cpu", torch.bfloat16):
        built(torch.randn(3, 2, 9, 8)).float().sum().backward()
    assert len(calls.forward) == len(calls.backward) == 4
    assert not calls.skipping
    assert {dtype for dilation, dtype in calls.dilations if dilation > (1, 1)} == {torch.float32}
    assert {dtype for dilation, dtype in calls.dilations if dilation == (1, 1)} == {torch.bfloat16}


@pytest.mark.parametrize("name", INITIALISERS)
def test_initial_weights_of_a_grouped_conv_have_the_fan_of_one_group(name: str) -> None:
    groups, fan_in, fan_out = 64, 4 * 9, 16 * 9
    weight = torch.empty(16 * groups, 4, 3, 3)
    initialise(weight, name, torch.Generator().manual_seed(5), groups)
    if name == "orthogonal":
        for group in weight.flatten(1).double().chunk(groups):
            assert torch.allclose(group @ group.T, torch.eye(16, dtype=torch.float64), atol=1e-5)
        return
    scale = {"he": 2 / fan_in, "lecun": 1 / fan_in, "glorot": 2 / (fan_in + fan_out)}[name.split("-")[0]]
    assert float(weight.double().var()) == pytest.approx(scale, rel=5 * math.sqrt(2 / weight.numel()))


def test_depthwise_outputs_keep_the_variance_of_relu_inputs() -> None:
    module = read_layer("depthwise-conv 3 bias=no").module((32, 32, 256), torch.Generator().manual_seed(5))
    images = torch.randn(8, 256, 32, 32, generator=torch.Generator().manual_seed(6))
    # He: the second moment after relu is half the variance, and each weight has the variance 2 / 9.
    assert float(module(images.relu()).detach().var()) == pytest.approx(1.0, rel=0.15)


@pytest.mark.parametrize(
    ("text", "shape", "what", "hint"),
    [
        (
            "conv 6 3 groups=4",
            (8, 8, 6),
            "4 groups do not divide 6 channels",
            "use a common divisor of 6 and 6",
        ),
        (
            "conv 5 3 groups=3",
            (8, 8, 6),
            "3 groups do not divide 5 filters",
            "use a common divisor of 6 and 5",
        ),
        (
            "conv 5 3 dilation=4",
            (8, 9, 6),
            "kernel 3 with dilation 4 covers 9 pixels and does not fit an input of 8 × 9",
            "use a kernel of at most 2, or padding=same",
        ),
        (
            "depthwise-conv 3",
            (784,),
            '"depthwise-conv" needs an image of shape (height, width, channels)',
            "",
        ),
        (
            "depthwise-conv 9",
            (8, 8, 6),
            "kernel 9 does not fit an input of 8 × 8",
            "use a kernel of at most 8",
        ),
    ],
)
def test_conv_that_does_not_fit_raises_with_a_hint(text: str, shape: Shape, what: str, hint: str) -> None:
    from convstudy.errors import NetworkError

    with pytest.raises(NetworkError) as caught:
        read_layer(text).output_shape(shape)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert hint in problem.hint
