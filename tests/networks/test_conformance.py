"""The tests that every layer must pass, for all examples and several input sizes."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from convstudy.errors import NetworkError
from convstudy.networks import Shape, read_layer
from tests.networks.examples import EXAMPLES

# Odd and even sizes, smaller and larger than those of the examples; some layers do not fit the smallest.
SHAPES: tuple[Shape, ...] = ((9, 11, 6), (1, 1, 6), (2, 3, 12), (12, 8, 6), (33, 34, 6), (6,), (12,))
CASES = [(text, shape) for text, _, _ in EXAMPLES for shape in SHAPES]


def random_batch(shape: Shape) -> torch.Tensor:
    """Return random channels-last images ``(2, c, h, w)``, or flat inputs ``(2, features)``."""
    values = torch.randn(2, *shape, generator=torch.Generator().manual_seed(3))
    return values.permute(0, 3, 1, 2) if len(shape) == 3 else values


def shape_of(values: torch.Tensor) -> Shape:
    """Return the shape of one image as (height, width, channels) or (features,)."""
    return tuple((values.permute(0, 2, 3, 1) if values.ndim == 4 else values).shape[1:])


def fits(text: str, shape: Shape) -> bool:
    """Return whether a layer accepts an input of this shape."""
    try:
        read_layer(text).output_shape(shape)
    except NetworkError:
        return False
    return True


def test_most_cases_fit_and_some_do_not() -> None:
    n_fit = sum(fits(text, shape) for text, shape in CASES)
    assert len(CASES) == 7 * len(EXAMPLES)
    assert 0.5 < n_fit / len(CASES) < 0.9


@pytest.mark.parametrize("text", [text for text, _, _ in EXAMPLES])
def test_shapes_and_counts_equal_those_of_the_module(text: str) -> None:
    layer = read_layer(text)
    assert read_layer(layer.text) == layer
    shapes = [shape for shape in SHAPES if fits(text, shape)]
    assert shapes
    for shape in shapes:
        module = layer.module(shape, torch.Generator().manual_seed(1))
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        after = layer.output_shape(shape)
        assert sum(weight.numel() for weight in module.parameters()) == layer.n_parameters(shape)[0]
        assert sum(buffer.numel() for buffer in module.buffers()) == layer.n_parameters(shape)[1]
        with FlopCounterMode(display=False) as counter:
            evaluated = module.eval()(random_batch(shape))
        assert counter.get_total_flops() == 2 * len(evaluated) * layer.macs(shape)
        trained = module.train()(random_batch(shape))
        for output in (evaluated, trained):
            assert shape_of(output) == after
            assert output.dtype == torch.float32
            assert output.isfinite().all()
            assert output.ndim == 2 or output.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("text", [text for text, _, _ in EXAMPLES])
def test_autocast_output_and_gradients_are_close_to_float32(text: str) -> None:
    layer = read_layer(text)
    shape = next(shape for shape in SHAPES if fits(text, shape))
    module = layer.module(shape, torch.Generator().manual_seed(1)).eval()
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    found: list[list[torch.Tensor]] = []
    for half in (False, True):
        images = random_batch(shape).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            output = module(images.bfloat16() if half else images)
        output.float().sum().backward()
        assert images.grad is not None
        found.append([output.detach().float(), images.grad])
    for exact, rounded in zip(*found, strict=True):
        assert exact.shape == rounded.shape
        torch.testing.assert_close(rounded, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("text", [text for text, _, _ in EXAMPLES])
def test_initial_weights_depend_only_on_the_generator(text: str) -> None:
    layer = read_layer(text)
    shape = next(shape for shape in SHAPES if fits(text, shape))
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = layer.module(shape, torch.Generator().manual_seed(1)).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    again = layer.module(shape, torch.Generator().manual_seed(1)).state_dict()
    assert list(first) == list(again)
    assert all(torch.equal(first[name], again[name]) for name in first)


# Computed by hand for images of 9 × 11 × 6 or flat inputs of 6.
@pytest.mark.parametrize(
    ("text", "shape", "n_macs", "n_parameters"),
    [
        ("conv 5 3", (9, 11, 6), 7 * 9 * 5 * 9 * 6, 5 * (9 * 6 + 1)),
        ("conv 5 3 bias=no", (9, 11, 6), 7 * 9 * 5 * 9 * 6, 5 * 9 * 6),
        ("conv 4 3 groups=2", (9, 11, 6), 7 * 9 * 4 * 9 * 3, 4 * (9 * 3 + 1)),
        ("conv 5 3 dilation=2", (9, 11, 6), 5 * 7 * 5 * 9 * 6, 5 * (9 * 6 + 1)),
        ("conv 5 3 prelu", (9, 11, 6), 7 * 9 * 5 * 9 * 6, 5 * (9 * 6 + 1) + 5),
        ("depthwise-conv 3", (9, 11, 6), 7 * 9 * 6 * 9, 6 * (9 + 1)),
        ("depthwise-conv 3 multiplier=2 bias=no", (9, 11, 6), 7 * 9 * 12 * 9, 12 * 9),
        ("depthwise-conv 3 prelu stride=2 padding=same", (9, 11, 6), 5 * 6 * 6 * 9, 6 * (9 + 1) + 6),
        ("dense 7 bias=no", (6,), 6 * 7, 6 * 7),
        ("dense 7 prelu", (6,), 6 * 7, 7 * 7 + 7),
        # Two dense layers, 6 to 3 and 3 to 6; with a ratio above the channels, 6 to 1 and 1 to 6.
        ("squeeze-excite 2", (9, 11, 6), 6 * 3 + 3 * 6, (6 + 1) * 3 + (3 + 1) * 6),
        ("squeeze-excite 16 prelu", (9, 11, 6), 6 + 6, (6 + 1) + (1 + 1) * 6 + 1),
        ("expand-conv 3", (9, 11, 6), 9 * 11 * 18 * 6, 18 * (6 + 1)),
        ("expand-conv 3 prelu bias=no", (9, 11, 6), 9 * 11 * 18 * 6, 18 * 6 + 18),
        ("layer-scale 0.5", (9, 11, 6), 0, 6),
        ("stochastic-depth 0.5", (9, 11, 6), 0, 0),
        ("adaptive-average-pool 4", (9, 11, 6), 0, 0),
        ("crop 2", (9, 11, 6), 0, 0),
        ("activation prelu", (9, 11, 6), 0, 6),
        ("activation hardswish", (9, 11, 6), 0, 0),
    ],
)
def test_macs_and_parameters_equal_those_computed_by_hand(
    text: str, shape: Shape, n_macs: int, n_parameters: int
) -> None:
    layer = read_layer(text)
    assert layer.macs(shape) == n_macs
    assert layer.n_parameters(shape) == (n_parameters, 0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("relu6", [0.0, 0.0, 0.5, 6.0]),
        # x · relu6(x + 3) / 6
        ("hardswish", [0.0, -1 / 3, 0.5 * 3.5 / 6, 7.0]),
        # x · tanh(log(1 + eˣ)); log 2 at 0
        ("mish", [-4 * 0.0181485, -0.3034014, 0.3752452, 7.0]),
        ("prelu", [-1.0, -0.25, 0.5, 7.0]),
    ],
)
def test_activations_equal_values_computed_by_hand(name: str, values: list[float]) -> None:
    module = read_layer(f"activation {name}").module((4,), torch.Generator())
    output = module(torch.tensor([[-4.0, -1.0, 0.5, 7.0]]))
    assert output.flatten().tolist() == pytest.approx(values, abs=2e-5)
