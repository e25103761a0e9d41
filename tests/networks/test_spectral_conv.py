"""Convolutions by spectrum against torch's convolution and NumPy's FFT."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network, use_direct_convolutions
from convstudy.networks.layers.windows import same_padding
from convstudy.networks.modules.spectral import conv as module_under_test
from convstudy.networks.modules.spectral import dft, rule
from convstudy.networks.modules.spectral.conv import SpectralConv, spectral_conv
from convstudy.networks.modules.spectral.rule import (
    ConvShape,
    Tiling,
    best_tiling,
    by_spectrum,
    gain,
    whole_image,
    workspace,
)
from convstudy.networks.modules.spectral.transform import Period, from_spectrum, to_spectrum

# Two-conv(7)'s second layer is selected by the rule from a batch of about 20 images.
SELECTED = ConvShape(32, 64, 22, 22, 32, 7)


def random(*sizes: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(*sizes, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def zeros_of(padding: str, height: int, width: int, kernel: int) -> tuple[int, int, int, int]:
    if padding == "valid":
        return (0, 0, 0, 0)
    return (*same_padding(height, kernel, 1), *same_padding(width, kernel, 1))


def by_torch(
    images: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, zeros: tuple[int, int, int, int]
) -> torch.Tensor:
    top, bottom, left, right = zeros
    return torch.conv2d(nn.functional.pad(images, (left, right, top, bottom)), weight, bias)


@pytest.mark.parametrize("first", [(0, 0), (-2, -3)])
@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 5), (3, 10), (10, 3)])
def test_spectrum_holds_the_frequencies_of_numpys_fft(
    height: int, width: int, first: tuple[int, int]
) -> None:
    period = Period(10, 12)
    planes = random(2, height, width, 3)
    spectrum = to_spectrum([planes[:, None]], period, first)
    image = np.zeros((2, 10, 12, 3))
    rows, columns = (
        (np.arange(size) + start) % length
        for size, start, length in zip((height, width), first, (10, 12), strict=True)
    )
    image[np.ix_(range(2), rows, columns, range(3))] = planes.numpy()
    expected = np.fft.fft2(image, axes=(1, 2))
    n_checked = 0
    for parity, column in product((0, 1), range(period.columns - 1)):
        block = spectrum[parity * period.columns + column].numpy()
        for place, frequency in enumerate(range(parity, 10, 2)):
            wanted = expected[:, frequency, column + 1]
            np.testing.assert_allclose(block[0, place] + 1j * block[1, place], wanted, atol=1e-12)
            n_checked += 1
    assert n_checked == 10 * 5
    np.testing.assert_allclose(period.sum_of(spectrum).numpy(), planes.numpy().sum((1, 2)), atol=1e-12)


@pytest.mark.parametrize("first", [(0, 0), (-2, -1)])
@pytest.mark.parametrize(("height", "width"), [(12, 10), (9, 10), (6, 3), (11, 7), (1, 1)])
def test_images_survive_the_transform_and_back(height: int, width: int, first: tuple[int, int]) -> None:
    period, planes = Period(12, 10), random(5, height, width, 4)
    back = torch.empty_like(planes)
    from_spectrum(to_spectrum([planes[:, None]], period, first), period, [back[:, None]], first)
    torch.testing.assert_close(back, planes, rtol=0, atol=1e-13)


def test_spectrum_does_not_depend_on_the_images_transformed_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    period, planes = Period(12, 10), random(7, 12, 10, 3)
    whole = to_spectrum([planes[:, None]], period)
    monkeypatch.setattr("convstudy.networks.modules.spectral.transform.COLUMNS", 6)
    parts = to_spectrum([planes[:, None]], period)
    torch.testing.assert_close(parts, whole, rtol=0, atol=1e-12)
    back = torch.empty_like(planes)
    from_spectrum(parts, period, [back[:, None]])
    torch.testing.assert_close(back, planes, rtol=0, atol=1e-13)


SIZES = [
    *((kernel, size, size) for kernel in (5, 6, 7, 8, 9, 10, 11) for size in (11, 12, 22, 23)),
    (5, 5, 12),
    (7, 24, 9),
    (11, 13, 30),
    (5, 5, 5),
    (11, 11, 11),
]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel", "height", "width"), SIZES)
def test_output_and_gradients_equal_torchs(kernel: int, height: int, width: int, padding: str) -> None:
    zeros = zeros_of(padding, height, width, kernel)
    inputs = [random(3, 4, height, width), random(5, 4, kernel, kernel, seed=1), random(5, seed=2)]
    found, expected = [], []
    for results, function in ((found, spectral_conv), (expected, by_torch)):
        leaves = [each.clone().requires_grad_() for each in inputs]
        output = function(*leaves, zeros)  # type: ignore[operator]
        results += [output, *torch.autograd.grad(output, leaves, random(*output.shape, seed=3))]
    assert len(found) == 4
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("n", [1, 37, 100])
def test_batches_of_any_size_and_format(n: int, layout: torch.memory_format) -> None:
    images = random(n, 6, 12, 14).contiguous(memory_format=layout)
    weight = random(3, 6, 5, 5, seed=1)
    found = spectral_conv(images, weight)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, torch.conv2d(images, weight), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize(
    ("kernel", "height", "width", "padding"),
    [(5, 6, 7, "valid"), (5, 5, 6, "same"), (6, 7, 6, "same"), (7, 8, 7, "valid")],
)
def test_gradcheck(kernel: int, height: int, width: int, padding: str) -> None:
    inputs = [random(2, 2, height, width), random(3, 2, kernel, kernel, seed=1), random(3, seed=2)]
    zeros = zeros_of(padding, height, width, kernel)
    leaves = [each.requires_grad_() for each in inputs]
    assert torch.autograd.gradcheck(lambda *tensors: spectral_conv(*tensors, zeros), leaves)


def test_gradient_of_an_expanded_tensor() -> None:
    images, weight = random(2, 4, 9, 9).requires_grad_(), random(3, 4, 5, 5, seed=1).requires_grad_()
    found = torch.autograd.grad(spectral_conv(images, weight).sum(), [images, weight])
    expected = torch.autograd.grad(torch.conv2d(images, weight).sum(), [images, weight])
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-11)


def test_gradients_that_nothing_needs_are_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> torch.Tensor:
        raise AssertionError

    monkeypatch.setattr(module_under_test, "image_gradient_spectrum", fail)
    weight = random(3, 4, 5, 5).requires_grad_()
    spectral_conv(random(2, 4, 9, 9, seed=1), weight).sum().backward()
    assert weight.grad is not None
    monkeypatch.undo()
    monkeypatch.setattr(module_under_test, "kernel_gradient_spectrum", fail)
    images = random(2, 4, 9, 9).requires_grad_()
    spectral_conv(images, weight.detach()).sum().backward()
    assert images.grad is not None


@pytest.mark.parametrize(
    "shape", [SELECTED, ConvShape(16, 32, 18, 18, 48, 5), ConvShape(20, 16, 24, 24, 16, 11)]
)
def test_float32_errors_are_not_above_torchs(shape: ConvShape) -> None:
    inputs = [random(shape.n, shape.channels, shape.height, shape.width)]
    inputs.append(random(shape.filters, shape.channels, shape.kernel, shape.kernel, seed=1) / shape.kernel)
    gradient = random(shape.n, shape.filters, *shape.output, seed=2)

    def results(function: object, dtype: torch.dtype) -> list[torch.Tensor]:
        leaves = [each.to(dtype).to(memory_format=torch.channels_last).requires_grad_() for each in inputs]
        output = function(*leaves)  # type: ignore[operator]
        return [output, *torch.autograd.grad(output, leaves, gradient.to(dtype))]

    exact = results(torch.conv2d, torch.float64)
    for name, function, bound in (("spectrum", spectral_conv, 2e-6), ("torch", torch.conv2d, 2e-5)):
        found = results(function, torch.float32)
        errors = [
            float((a - b).detach().abs().max() / b.detach().abs().max())
            for a, b in zip(found, exact, strict=True)
        ]
        assert max(errors) < bound, name


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (ConvShape(100, 64, 22, 22, 32, 7), True),
        (ConvShape(100, 64, 18, 18, 32, 11), True),
        (ConvShape(100, 64, 24, 24, 32, 5), True),
        (ConvShape(100, 64, 22, 22, 96, 5), True),
        (ConvShape(100, 96, 18, 18, 128, 5), True),
        (ConvShape(100, 128, 7, 7, 160, 5), False),  # too few outputs
        (ConvShape(100, 64, 26, 26, 32, 3), False),  # a small kernel
        (ConvShape(100, 3, 32, 32, 64, 11), False),  # a first layer
        (ConvShape(1, 64, 22, 22, 32, 7), False),  # the kernels' transform costs more than one image saves
        (ConvShape(0, 64, 22, 22, 32, 7), False),
        (ConvShape(100, 64, 12, 12, 64, 9), True),  # a gain of 3.1
        (ConvShape(100, 16, 23, 17, 24, 6), False),  # 2.7
        (ConvShape(12, 64, 22, 22, 32, 7), False),  # 2.9
        (ConvShape(16, 64, 22, 22, 32, 7), True),  # 3.4
        (ConvShape(20, 16, 24, 24, 16, 11), False),  # 2.9, and 3.8 without the time of the calls
        (ConvShape(16, 64, 96, 96, 64, 7), True),
        (ConvShape(100, 64, 96, 96, 64, 7), False),  # too much memory
        (ConvShape(32, 16, 128, 128, 16, 7), False),  # copying the tiles takes too long
    ],
)
def test_rule_selects_layers_by_their_shape(shape: ConvShape, expected: bool) -> None:
    assert (by_spectrum(shape) is not None) is expected


def test_gain_is_the_quotient_of_multiplications(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand, for one image of 6 × 6 with 2 channels and 3 filters of 5 × 5, so that the output is 2 × 2."""
    for name, value in (("IMAGE_COST", 1.0), ("KERNEL_COST", 1.0), ("CALLS", 0)):
        monkeypatch.setattr(rule, name, value)
    shape = ConvShape(1, 2, 6, 6, 3, 5)
    direct = 3 * (2 * 2) * (5 * 5) * (2 * 3)
    products = 3 * (3 * 6 * 6 // 2) * (2 * 3)
    # Two halves of three rows: along the width 2 · 3 · 6 · 6; along the height, 2 · 3 complex columns of 6 × 6.
    images = 2 * 2 * (2 * 3 * 6 * 6 + 2 * 3 * 6 * 6)
    outputs = 2 * 3 * (2 * 2 * 6 + 2 * 3 * 6 * 4)
    kernels = 2 * (2 * 3) * (2 * 3 * 5 * 6 + 2 * 3 * 6 * 6)
    assert gain(shape, whole_image(shape)) == pytest.approx(direct / (products + images + outputs + kernels))


def test_workspace_counts_the_spectra_that_exist_at_a_time() -> None:
    shape = ConvShape(10, 4, 7, 8, 6, 5)
    assert workspace(shape, whole_image(shape)) == 4 * 8 * 8 * (10 * (4 + 4 + 6) + 4 * 6)
    assert workspace(shape, Tiling(2, 3, (6, 8))) == 4 * 6 * 8 * (60 * (4 + 4 + 6) + 4 * 6)


@pytest.mark.parametrize(
    ("shape", "tiles", "period"),
    [
        (ConvShape(100, 64, 22, 22, 32, 7), (1, 1), (22, 22)),
        (ConvShape(100, 64, 23, 24, 32, 7, (3, 3, 3, 3)), (1, 1), (26, 28)),
        (ConvShape(16, 64, 96, 96, 64, 7, (3, 3, 3, 3)), (4, 4), (30, 30)),
        (ConvShape(16, 64, 22, 96, 64, 7, (3, 3, 3, 3)), (1, 4), (28, 30)),
    ],
)
def test_large_images_are_divided_into_tiles(
    shape: ConvShape, tiles: tuple[int, int], period: tuple[int, int]
) -> None:
    tiling = best_tiling(shape)
    assert ((tiling.rows, tiling.columns), tiling.period) == (tiles, period)


def test_cost_of_tiles_adds_their_values() -> None:
    """A tile of 8 × 8 pixels has 4 × 4 outputs; 16 × 16 outputs are 4 × 4 tiles."""
    shape = ConvShape(3, 4, 20, 20, 5, 5)
    tiled, one = Tiling(4, 4, (8, 8)), ConvShape(48, 4, 8, 8, 5, 5)
    values = 48 * (4 * 8 * 8 + 5 * 4 * 4)
    expected = rule.cost(one, Tiling(1, 1, (8, 8))) + rule.TILE_VALUE_COST * 2 * values
    assert rule.cost(shape, tiled) == pytest.approx(expected)


TILED = [
    # kernel, rows, columns, tiles, period: complete and incomplete last tiles, overlaps of more than one tile
    (5, 24, 24, (2, 2), (14, 14)),
    (5, 23, 30, (3, 2), (12, 18)),
    (6, 17, 40, (1, 4), (18, 16)),
    (11, 22, 25, (6, 8), (12, 12)),
    (7, 40, 9, (4, 1), (16, 10)),
]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("kernel", "height", "width", "numbers", "period"), TILED)
def test_tiles_give_the_output_and_gradients_of_the_whole_image(
    kernel: int, height: int, width: int, numbers: tuple[int, int], period: tuple[int, int], padding: str
) -> None:
    zeros = zeros_of(padding, height, width, kernel)
    shape = ConvShape(3, 4, height, width, 5, kernel, zeros)
    sizes = [side - kernel + 1 for side in period]
    rows, columns = (-(-side // size) for side, size in zip(shape.output, sizes, strict=True))
    assert padding == "same" or (rows, columns) == numbers
    inputs = [random(3, 4, height, width), random(5, 4, kernel, kernel, seed=1), random(5, seed=2)]
    found, expected = [], []
    for results, options in ((found, (Tiling(rows, columns, period),)), (expected, ())):
        leaves = [each.clone().requires_grad_() for each in inputs]
        output = (spectral_conv if options else by_torch)(*leaves, zeros, *options)  # type: ignore[operator]
        results += [output, *torch.autograd.grad(output, leaves, random(*output.shape, seed=3))]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.is_contiguous(memory_format=torch.channels_last) or ours.ndim == 1
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("period", [6, 8, 22, 24])
def test_real_frequencies_are_counted(period: int, parity: int) -> None:
    real = [frequency for frequency in (0, period // 2) if frequency % 2 == parity]
    assert dft.n_real(period, parity) == len(real)


class Calls:
    """Counts the convolutions by spectrum."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[int] = []
        real = module_under_test.spectral_conv

        def counted(images: torch.Tensor, *others: object) -> torch.Tensor:
            self.sizes.append(len(images))
            return real(images, *others)  # type: ignore[arg-type]

        monkeypatch.setattr(module_under_test, "spectral_conv", counted)


def layer(text: str = "conv 32 7", shape: tuple[int, int, int] = (22, 22, 64)) -> nn.Module:
    return read_layer(f"{text} init=he-normal").module(shape, torch.Generator().manual_seed(1))


def test_layer_convolves_by_spectrum_in_float32_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calls, module = Calls(monkeypatch), layer()
    images = random(32, 64, 22, 22, dtype=torch.float32)
    module(images)
    assert calls.sizes == [32]
    with torch.autocast("cpu", torch.bfloat16):
        module(images)
    module(images[:1])
    layer("conv 32 3")(images)
    layer("conv 32 7 stride=2")(images)
    layer("conv 32 7 groups=2")(images)
    layer("conv 32 5 dilation=2")(images)
    module.double()(images.double())
    use_direct_convolutions(module)
    module.float()(images)
    assert calls.sizes == [32]


@pytest.mark.parametrize(
    "text", ["conv 32 7 relu", "conv 32 6 padding=same", "conv 32 5 padding=same bias=no"]
)
def test_layer_equals_its_direct_form(text: str) -> None:
    module = layer(text)
    images = random(32, 64, 22, 22, dtype=torch.float32)
    found = module(images)
    names = list(module.state_dict())
    use_direct_convolutions(module)
    direct = module(images)
    torch.testing.assert_close(found, direct, rtol=1e-4, atol=1e-5)
    assert not torch.equal(found, direct)  # two methods, two roundings
    place = 1 if "same" in text else 0
    assert names == [f"{place}.weight"] + ([] if "bias=no" in text else [f"{place}.bias"])


def test_evaluation_convolves_large_batches_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_under_test, "EVALUATION_BATCH", 24)
    module = layer()
    images = random(60, 64, 22, 22, dtype=torch.float32)
    whole = module(images).detach()
    calls = Calls(monkeypatch)
    with torch.inference_mode():
        parts = module(images)
    assert calls.sizes == [24, 24, 12]
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    with torch.inference_mode():
        assert module(images[:0]).shape == (0, 32, 16, 16)


def test_training_works_after_evaluation_filled_the_cache_of_matrices() -> None:
    dft._matrix.cache_clear()
    module, images = layer(), random(32, 64, 22, 22, dtype=torch.float32)
    with torch.inference_mode():
        module(images)
    module(images.requires_grad_()).sum().backward()
    assert images.grad is not None


def test_notebooks_networks_use_spectra_where_kernels_are_large() -> None:
    texts = ["conv 64 7 relu", "conv 32 7 relu", "flatten"]
    built = build_network(Network.read(texts), (28, 28, 1), 10, torch.Generator())
    kinds = [type(part) for part in built.modules() if isinstance(part, nn.Conv2d)]
    assert kinds == [nn.Conv2d, SpectralConv]
