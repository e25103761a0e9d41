"""Residuals and concats against plain torch, for images and flat inputs, in all dtypes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from convstudy.errors import NetworkError
from convstudy.networks import Network, Shape, layer_table
from convstudy.networks.build import build_network, sequence
from convstudy.networks.layers.residual import Residual
from convstudy.networks.modules.concat import ChannelConcat
from convstudy.networks.modules.residual import PadShortcut, ResidualSum

IMAGE: Shape = (7, 10, 4)
FLATTEN = Network.read(["flatten"]).layers


def random_batch(shape: Shape, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return a batch of three random channels-last images, or of flat inputs."""
    values = torch.randn(3, *shape, generator=torch.Generator().manual_seed(2)).to(dtype)
    return values.permute(0, 3, 1, 2) if len(shape) == 3 else values


def residual(head: str, *body: Any) -> Residual:
    (layer,) = Network.read([[f"residual {head}", *body]]).layers
    assert isinstance(layer, Residual)
    return layer


def module_of(layer: Residual, shape: Shape = IMAGE) -> ResidualSum:
    module = layer.module(shape, torch.Generator().manual_seed(1)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert isinstance(module, ResidualSum)
    return module


def padded(values: torch.Tensor, stride: int, n_more: int) -> torch.Tensor:
    """Return the output of ``PadShortcut``, computed pixel by pixel."""
    n, channels, height, width = values.shape
    output = torch.zeros(n, channels + n_more, -(-height // stride), -(-width // stride), dtype=values.dtype)
    for row in range(output.shape[2]):
        for column in range(output.shape[3]):
            output[:, :channels, row, column] = values[:, :, row * stride, column * stride]
    return output


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("n_more", [0, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_pad_shortcut_equals_its_definition(stride: int, n_more: int, dtype: torch.dtype) -> None:
    shortcut = PadShortcut(stride, n_more)
    values = random_batch(IMAGE, dtype)
    output = shortcut(values)
    assert torch.equal(output, padded(values, stride, n_more))
    assert output.dtype == dtype
    assert output.is_contiguous(memory_format=torch.channels_last)
    assert not list(shortcut.parameters())
    rows = random_batch((5,), dtype)
    assert torch.equal(shortcut(rows), torch.cat([rows, torch.zeros(3, n_more, dtype=dtype)], dim=1))


@pytest.mark.parametrize("then", ["", " then=relu", " then=tanh"])
@pytest.mark.parametrize(
    ("shortcut", "filters", "stride"),
    [
        ("identity", 4, 1),
        ("projection", 4, 1),
        ("projection", 6, 1),
        ("projection", 4, 2),
        ("projection", 3, 3),
        ("pad", 4, 1),
        ("pad", 6, 1),
        ("pad", 4, 2),
        ("pad", 9, 3),
        ("identity-or-none", 4, 1),
        ("identity-or-none", 6, 2),
    ],
)
def test_residual_is_the_body_plus_the_shortcut(shortcut: str, filters: int, stride: int, then: str) -> None:
    body = [f"conv {filters} 3 stride={stride} padding=same", "batch-norm"]
    layer = residual(f"shortcut={shortcut}{then}", *body)
    module = module_of(layer)
    values = random_batch(IMAGE)
    expected = module.body(values)
    assert layer.output_shape(IMAGE) == (-(-7 // stride), -(-10 // stride), filters)
    changes = (filters, stride) != (4, 1)
    if not changes:
        expected = expected + values
    elif shortcut == "pad":
        expected = expected + padded(values, stride, filters - 4)
    elif shortcut == "projection":
        assert module.shortcut is not None
        convolution = next(each for each in module.shortcut.modules() if isinstance(each, nn.Conv2d))
        plain = nn.functional.conv2d(values, convolution.weight, convolution.bias, stride)
        mean, variance = plain.mean((0, 2, 3), keepdim=True), plain.var((0, 2, 3), keepdim=True, correction=0)
        expected = expected + (plain - mean) / (variance + 0.001).sqrt()
    activation = {"": nn.Identity(), " then=relu": nn.ReLU(), " then=tanh": nn.Tanh()}[then]
    output = module(values)
    torch.testing.assert_close(output, activation(expected), rtol=1e-5, atol=1e-5)
    assert output.is_contiguous(memory_format=torch.channels_last)
    rows = [row for row in layer_table(Network((layer, *FLATTEN)), IMAGE, 10).rows if row.path[0] == 1]
    assert sum(each.numel() for each in module.parameters()) == sum(row.n_trainable for row in rows)


@pytest.mark.parametrize("shortcut", ["projection", "pad", "identity-or-none"])
def test_residual_gradients_pass_gradcheck(shortcut: str) -> None:
    layer = residual(f"shortcut={shortcut} then=tanh", "conv 5 3 tanh stride=2 padding=same", "layer-norm")
    module = module_of(layer, (5, 4, 3)).double()
    values = random_batch((5, 4, 3), torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(module, (values,))
    for parameter in module.parameters():
        parameter.grad = None
    module(values).square().sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in module.parameters()
    )


def test_autocast_gives_bfloat16_logits_and_float32_gradients() -> None:
    network = Network.read(
        [
            "conv 4 3 padding=same",
            ["residual then=relu", "conv 6 3 stride=2 padding=same", "batch-norm"],
            ["residual shortcut=pad", "conv 8 3 stride=2 padding=same", "batch-norm"],
            ["concat", ["branch"], ["branch", "conv 2 1"]],
            "global-average-pool",
        ]
    )
    model = build_network(network, (9, 9, 1), 3, torch.Generator().manual_seed(1))
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(random_batch((9, 9, 1)))
    assert logits.dtype == torch.bfloat16
    logits.float().square().sum().backward()
    assert all(each.grad is not None and each.grad.dtype == torch.float32 for each in model.parameters())


def test_residual_and_concat_accept_flat_inputs() -> None:
    network = Network.read(
        [
            "flatten",
            ["residual", "dense 6 relu", "dense 6"],
            ["residual then=relu", "dense 8"],
            ["residual shortcut=pad", "dense 9"],
            ["concat", ["branch"], ["branch", "dense 2"]],
        ]
    )
    table = layer_table(network, (2, 3, 1), 4)
    assert [(row.number, row.text) for row in table.rows if "shortcut" in row.number] == [
        ("3.shortcut.1", "dense 8")
    ]
    assert table.rows[-2].output_shape == (2,) and table.rows[-3].output_shape == (11,)
    model = build_network(network, (2, 3, 1), 4, torch.Generator().manual_seed(1))
    values = random_batch((2, 3, 1))
    rows = values.permute(0, 2, 3, 1).flatten(1)
    first = rows + model[1].body(rows)
    torch.testing.assert_close(model[:2](values), first)
    second = torch.relu(model[2].body(first) + model[2].shortcut(first))
    third = model[3].body(second) + nn.functional.pad(second, (0, 1))
    torch.testing.assert_close(model[:4](values), third)
    assert sum(each.numel() for each in model.parameters()) == table.n_trainable


@pytest.mark.parametrize(
    ("body", "projection"),
    [
        (["conv 6 3 padding=same"], ["conv 6 1"]),
        (["conv 6 3 padding=same stride=2", "batch-norm momentum=0"], ["conv 6 1 stride=2", "batch-norm momentum=0"]),
        (["batch-norm", "activation relu", "conv 6 3 padding=same"], ["conv 6 1"]),
        (["conv 5 1", "batch-norm", "conv 6 1", "activation relu", "group-norm 2"], ["conv 6 1", "group-norm 2"]),
        (["conv 6 3 padding=same bias=no groups=2 dilation=2", "layer-norm"], ["conv 6 1 bias=no", "layer-norm"]),
        (["depthwise-conv 1 multiplier=3 bias=no", "batch-norm"], ["conv 12 1 bias=no", "batch-norm"]),
        (["conv 3 1", "expand-conv 2 bias=no", "layer-norm"], ["conv 6 1 bias=no", "layer-norm"]),
        (["conv 3 1", ["residual", "conv 6 1 bias=no"], "batch-norm"], ["conv 6 1 bias=no", "batch-norm"]),
        ([["residual", "conv 6 1", "batch-norm"], "activation relu"], ["conv 6 1", "batch-norm"]),
        (["conv 6 1 init=orthogonal", "dropout 0.1", "layer-norm"], ["conv 6 1", "layer-norm"]),
        (["max-pool 2", ["concat", ["branch"], ["branch", "conv 2 1"]]], None),
        (["max-pool 1 stride=2", ["concat", ["branch"], ["branch", "conv 2 1"]]], ["conv 6 1 stride=2"]),
    ],
)  # fmt: skip
def test_projection_has_the_bias_and_norm_of_the_body(body: list[Any], projection: list[str] | None) -> None:
    layer = residual("", *body)
    if projection is None:  # 7 × 10 to 3 × 5
        with pytest.raises(NetworkError, match="no shortcut turns 7 × 10 × 4 into 3 × 5 × 6"):
            layer.output_shape(IMAGE)
        return
    assert [each.text for each in layer.projection(IMAGE)] == projection


def test_projection_uses_the_init_of_the_residual_or_the_network() -> None:
    texts = [["residual", "conv 6 1"], ["residual init=he-uniform", "conv 7 1"], "flatten"]
    layers = Network.read(texts, "orthogonal").complete(3)
    inits = [each.projection(shape)[0].init for each, shape in zip(layers, (IMAGE, (7, 10, 6)), strict=False)]  # type: ignore[attr-defined]
    assert inits == ["orthogonal", "he-uniform"]


@pytest.mark.parametrize(
    ("head", "body", "what"),
    [
        ("shortcut=identity", ["conv 6 1"], "shortcut=identity needs a body that keeps the shape"),
        ("", ["conv 4 3"], "no shortcut turns 7 × 10 × 4 into 5 × 8 × 4"),
        ("shortcut=pad", ["conv 4 3"], "no shortcut turns 7 × 10 × 4 into 5 × 8 × 4"),
        (
            "shortcut=pad",
            ["conv 3 1"],
            "shortcut=pad cannot remove channels",
        ),
        ("", ["global-average-pool"], "no shortcut turns 7 × 10 × 4 into 4"),
        ("shortcut=pad", ["flatten", "dense 4"], "no shortcut turns 7 × 10 × 4 into 4"),
    ],
)
def test_body_whose_shape_the_shortcut_cannot_have_raises(head: str, body: list[str], what: str) -> None:
    network = Network.read([[f"residual {head}", *body], "flatten"])
    with pytest.raises(NetworkError) as caught:
        list(network.walk(IMAGE, 10))
    (problem,) = caught.value.problems
    assert problem.what.startswith(what)
    assert str(problem.where).startswith('layer 1, "residual')
    assert "shortcut=" in problem.hint


def test_branches_of_different_sizes_raise() -> None:
    network = Network.read([["concat", ["branch"], ["branch", "max-pool 2"]], "flatten"])
    with pytest.raises(NetworkError, match="same height and width; they have 7 × 10 × 4, 3 × 5 × 4"):
        list(network.walk(IMAGE, 10))


def test_inner_layer_that_does_not_fit_is_reported_with_its_path() -> None:
    network = Network.read(
        ["conv 4 3", ["residual", "conv 4 1", ["concat", ["branch"], ["branch", "conv 2 30"]]]]
    )
    with pytest.raises(NetworkError, match=r'layer 2\.2\.2\.1, "conv 2 30": kernel 30 does not fit'):
        list(network.walk(IMAGE, 10))


def test_stride_is_the_smallest_that_gives_the_size() -> None:
    for size, stride, expected in ((7, 2, 2), (4, 3, 2), (1, 2, 1), (9, 3, 3), (2, 2, 2)):
        layer = residual("shortcut=pad", f"conv 5 1 stride={stride}")
        assert layer.stride((size, size, 4)) == expected
        module_of(layer, (size, size, 4))(random_batch((size, size, 4)))


def test_relu_before_a_max_pool_is_moved_inside_a_body() -> None:
    layers = residual("shortcut=identity-or-none", "conv 3 3 relu", "max-pool 2").body
    output = sequence(layers, IMAGE, torch.Generator().manual_seed(1))
    assert [type(each).__name__ for each in output[1]] == ["MaxPool2d", "ReLU"]  # type: ignore[arg-type]


def test_initial_weights_are_drawn_for_the_body_first() -> None:
    network = Network.read(
        [["residual", "conv 6 1", "batch-norm"], ["concat", ["branch"], ["branch", "conv 2 1"]], "flatten"]
    )
    model = build_network(network, IMAGE, 3, torch.Generator().manual_seed(4))
    assert isinstance(model[1], ChannelConcat)
    assert [name for name, _ in model.named_parameters() if name.endswith("weight")] == [
        "0.body.0.0.weight",
        "0.body.1.weight",
        "0.shortcut.0.0.weight",
        "0.shortcut.1.weight",
        "1.branches.1.0.0.weight",
        "3.weight",
    ]
    again = build_network(network, IMAGE, 3, torch.Generator().manual_seed(4))
    assert all(
        torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True)
    )
    alone = build_network(Network.read(["conv 6 1", "flatten"]), IMAGE, 3, torch.Generator().manual_seed(4))
    assert torch.equal(alone[0][0].weight, model[0].body[0][0].weight)  # type: ignore[index]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_concat_equals_torch_cat_and_stays_channels_last(dtype: torch.dtype) -> None:
    (layer,) = Network.read(
        [["concat", ["branch", "conv 3 1"], ["branch"], ["branch", "max-pool 1", "conv 5 1"]]]
    ).layers
    module = layer.module(IMAGE, torch.Generator().manual_seed(1)).to(dtype)
    values = random_batch(IMAGE, dtype)
    output = module(values)
    first, _, third = module.branches  # type: ignore[union-attr, misc]
    assert torch.equal(output, torch.cat([first(values), values, third(values)], dim=1))
    assert output.is_contiguous(memory_format=torch.channels_last)
    assert layer.output_shape(IMAGE) == (7, 10, 12)


def test_prelu_after_the_sum_has_one_slope_per_channel() -> None:
    network = Network.read(["residual basic filters=7 then=prelu", "residual basic filters=7", "flatten"])
    first, *_ = layer_table(network, IMAGE, 10).rows
    assert (first.n_trainable, first.n_not_trainable) == (7, 0)
    built = build_network(network, IMAGE, 10, torch.Generator().manual_seed(1))
    n_weights = sum(weight.numel() for weight in built.parameters())
    assert n_weights == layer_table(network, IMAGE, 10).n_trainable
    assert network.with_activation("relu").texts[0][0] == "residual then=relu"


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (["depthwise-conv 3 stride=2 padding=same bias=no"], ["conv 6 1 stride=2 bias=no"]),
        (["depthwise-conv 3 stride=2 padding=same", "layer-norm"], ["conv 6 1 stride=2", "layer-norm"]),
        (["expand-conv 2 bias=no", "batch-norm torch"], ["conv 12 1 bias=no", "batch-norm torch"]),
    ],
)
def test_projection_has_the_bias_and_norm_of_a_depthwise_or_expanding_body(
    last: list[str], expected: list[str]
) -> None:
    layer = residual("", "conv 6 1", "batch-norm", *last)
    assert [each.text for each in layer.projection(IMAGE)] == expected
