"""Building modules: shapes, counts, layouts and initial weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.errors import NetworkError
from convstudy.networks import ACTIVATIONS, LAYERS, Network, Shape, layer_table, read_layer
from convstudy.networks.activations import activation_module, n_activation_parameters
from convstudy.networks.build import build_network
from convstudy.networks.layers.windows import n_windows, same_padding
from convstudy.networks.modules.flatten import ChannelsLastFlatten
from tests.networks.examples import EXAMPLES, NOTEBOOK

N_IMAGES = 3


def random_batch(shape: Shape) -> torch.Tensor:
    """Return random values of ``(n, c, h, w)`` or ``(n, features)`` for a shape of one image, channels last."""
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(N_IMAGES, *shape, generator=generator)
    return values.permute(0, 3, 1, 2) if len(shape) == 3 else values


def shape_of(values: torch.Tensor) -> Shape:
    """Return the shape of one image as (height, width, channels) or (features,)."""
    return tuple((values.permute(0, 2, 3, 1) if values.ndim == 4 else values).shape[1:])


def n_buffered(module: nn.Module) -> int:
    """Return the number of values in the buffers of a module."""
    return sum(buffer.numel() for buffer in module.buffers())


def test_every_layer_has_an_example() -> None:
    assert {text.split()[0] for text, _, _ in EXAMPLES} == {
        word for word, layer in LAYERS.items() if not layer.contains
    }
    assert len(EXAMPLES) >= 54


@pytest.mark.parametrize(("text", "before", "after"), EXAMPLES)
def test_module_has_the_shape_and_counts_of_the_layer(text: str, before: Shape, after: Shape) -> None:
    layer = read_layer(text)
    module = layer.module(before, torch.Generator().manual_seed(1))
    assert layer.output_shape(before) == after
    values = random_batch(before).requires_grad_()
    output = module(values)
    assert shape_of(output) == after
    assert output.dtype == torch.float32
    trainable, kept = layer.n_parameters(before)
    assert sum(parameter.numel() for parameter in module.parameters()) == trainable
    assert n_buffered(module) == kept
    output.square().sum().backward()
    assert values.grad is not None
    assert torch.isfinite(values.grad).all()
    if output.ndim == 4:
        assert output.is_contiguous(memory_format=torch.channels_last), "a channels-last image should stay so"
    if layer.no_op_reason(before):
        assert torch.equal(output, values)


@pytest.mark.parametrize("precision", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize(("text", "before", "after"), EXAMPLES)
def test_modules_keep_the_dtype(text: str, before: Shape, after: Shape, precision: torch.dtype) -> None:
    module = read_layer(text).module(before, torch.Generator().manual_seed(1)).to(precision).eval()
    output = module(random_batch(before).to(precision))
    assert output.dtype == precision
    assert shape_of(output) == after


@pytest.mark.parametrize("name", NOTEBOOK)
def test_built_network_has_the_parameters_of_its_table(name: str) -> None:
    network = Network.read(NOTEBOOK[name])
    module = build_network(network, (28, 28, 1), 10, torch.Generator().manual_seed(1))
    table = layer_table(network, (28, 28, 1), 10)
    assert sum(parameter.numel() for parameter in module.parameters()) == table.n_trainable
    assert n_buffered(module) == table.n_not_trainable
    assert len(module) == len(table.rows)
    values: torch.Tensor = torch.zeros(2, 1, 28, 28)
    for part, row in zip(module, table.rows, strict=True):
        values = part(values)
        assert shape_of(values) == row.output_shape, row.text
    assert shape_of(values) == (10,)


def test_initial_weights_depend_only_on_the_generator() -> None:
    network = Network.read(["conv 4 3 relu", "batch-norm", "flatten", "dense 5"])

    def build(seed: int) -> dict[str, torch.Tensor]:
        return build_network(network, (8, 8, 1), 3, torch.Generator().manual_seed(seed)).state_dict()

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build(1)
    assert torch.equal(torch.get_rng_state(), before), "building drew from the global generator"
    torch.manual_seed(2)
    again, other = build(1), build(2)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["0.0.weight"], other["0.0.weight"])


def test_initial_biases_are_0_and_initial_scales_are_1() -> None:
    texts = ["conv 4 3", "batch-norm", "layer-norm", "group-norm 2", "flatten", "dense 5"]
    module = build_network(Network.read(texts), (8, 8, 1), 3, torch.Generator().manual_seed(1))
    biases = [value for name, value in module.named_parameters() if name.endswith("bias")]
    scales = [
        value for name, value in module.named_parameters() if name.endswith("weight") and value.ndim == 1
    ]
    assert (len(biases), len(scales)) == (6, 3)
    assert all((bias == 0).all() for bias in biases)
    assert all((scale == 1).all() for scale in scales)


def test_building_a_network_that_does_not_fit_names_the_layer() -> None:
    with pytest.raises(NetworkError, match='layer 2, "conv 4 9"'):
        build_network(Network.read(["max-pool 2", "conv 4 9"]), (8, 8, 1), 3, torch.Generator())


def test_flatten_orders_by_height_width_channels() -> None:
    height, width, channels = 2, 3, 4
    image = torch.arange(24.0).reshape(1, height, width, channels).permute(0, 3, 1, 2)
    expected = torch.arange(24.0).reshape(1, 24)
    assert torch.equal(ChannelsLastFlatten()(image), expected)
    assert torch.equal(ChannelsLastFlatten()(image.contiguous()), expected)
    assert ChannelsLastFlatten()(image).data_ptr() == image.data_ptr()
    assert torch.equal(ChannelsLastFlatten()(expected), expected)


@pytest.mark.parametrize("kernel", range(1, 9))
@pytest.mark.parametrize("stride", range(1, 5))
def test_same_padding_gives_ceil_of_size_over_stride_with_the_fewest_zeros(kernel: int, stride: int) -> None:
    for size in range(1, 14):
        before, after = same_padding(size, kernel, stride)
        places = [start for start in range(size + before + after - kernel + 1) if start % stride == 0]
        assert len(places) == -(-size // stride) == n_windows(size, kernel, stride, "same")
        assert after - before in (0, 1)
        # With one zero less, there would be one window less.
        if before + after:
            shorter = size + before + after - 1
            assert (shorter - kernel) // stride + 1 < len(places)


@pytest.mark.parametrize("kernel", range(1, 9))
@pytest.mark.parametrize("stride", range(1, 5))
def test_valid_windows_are_inside_the_image(kernel: int, stride: int) -> None:
    for size in range(1, 14):
        inside = [start for start in range(0, size, stride) if start + kernel <= size]
        assert n_windows(size, kernel, stride, "valid") == len(inside)


def test_every_activation_has_a_module() -> None:
    assert len(ACTIVATIONS) == 11
    for name in ACTIVATIONS:
        module = activation_module(name, 6)
        assert isinstance(module, nn.Module)
        assert sum(weight.numel() for weight in module.parameters()) == n_activation_parameters(name, 6)
        assert n_activation_parameters(name, 6) == (6 if name == "prelu" else 0)
    assert n_activation_parameters(None, 6) == 0
