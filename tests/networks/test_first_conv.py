"""The first convolution against ``nn.Sequential``, values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.networks import Network, read_layer
from convstudy.networks.build import build_network, use_direct_convolutions
from convstudy.networks.modules.first_conv import FirstConv, FirstConvolution


def results(module: nn.Module, images: torch.Tensor, of_output: torch.Tensor) -> list[torch.Tensor]:
    """Return the output and the gradients of the parameters."""
    output = module(images)
    return [output, *torch.autograd.grad(output, list(module.parameters()), of_output.to(output.dtype))]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    "text",
    [
        "conv 6 3 relu",
        "conv 5 3",
        "conv 4 2 relu padding=same",
        "conv 7 3 relu bias=no",
        "conv 75 5 padding=same",
        "conv 9 7 relu padding=same",
    ],
)
@pytest.mark.parametrize(("n", "n_channels", "height", "width"), [(1, 1, 3, 5), (20, 3, 8, 7), (47, 2, 5, 9)])
def test_values_and_gradients_equal_those_of_torch(
    n: int, n_channels: int, height: int, width: int, text: str, layout: torch.memory_format
) -> None:
    generator = torch.Generator().manual_seed(n)
    built = read_layer(text).module((height, width, n_channels), generator)
    built.to(memory_format=layout)  # type: ignore[call-overload]
    assert isinstance(built, FirstConv)
    reference = nn.Sequential(*built)
    images = torch.randn(n, n_channels, height, width, generator=generator).contiguous(memory_format=layout)
    of_output = torch.randn(reference(images).shape, generator=generator)
    found, direct = results(built, images, of_output), results(reference, images, of_output)
    exact = results(reference.double(), images.double(), of_output)
    reference.float()
    # Equal values: both are torch's convolution, so that the ReLUs agree as well.
    assert torch.equal(found[0], direct[0])
    for fast, known in zip(found, exact, strict=True):
        torch.testing.assert_close(fast.double(), known.double(), rtol=1e-5, atol=5e-5)


def test_sums_over_many_pixels_are_as_accurate_as_those_of_torch() -> None:
    built = read_layer("conv 32 3 relu").module((28, 28, 1), torch.Generator().manual_seed(1))
    reference = nn.Sequential(*built)
    generator = torch.Generator().manual_seed(2)
    images, of_output = (
        torch.rand(shape, generator=generator) for shape in ((100, 1, 28, 28), (100, 32, 26, 26))
    )
    found, direct = results(built, images, of_output), results(reference, images, of_output)
    exact = results(reference.double(), images.double(), of_output)
    for fast, slow, known in zip(found[1:], direct[1:], exact[1:], strict=True):
        assert not torch.equal(fast, slow)
        assert float((fast - known).norm() / known.norm()) < 2e-6


@pytest.mark.parametrize(
    ("text", "n_channels", "expected"),
    [
        ("conv 8 3", 3, True),
        ("conv 64 7 relu", 1, True),
        ("conv 48 7", 1, False),  # 49 weights
        ("conv 48 7 relu", 1, True),
        ("conv 8 28 relu", 1, False),  # a kernel over the whole input
        ("conv 64 5", 3, False),  # 75 weights
        ("conv 64 3", 4, False),
        ("conv 64 1", 1, False),
        ("conv 64 3 stride=2", 1, False),
        ("conv 64 3 dilation=2", 1, False),
    ],
)
def test_rule_selects_first_layers_by_their_shape(text: str, n_channels: int, expected: bool) -> None:
    built = read_layer(text).module((28, 28, n_channels), torch.Generator().manual_seed(1))
    assert isinstance(built, FirstConv) is expected


def test_direct_convolutions_are_those_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    built = build_network(Network.read(["conv 8 3 relu", "flatten"]), (8, 8, 1), 10, torch.Generator())
    use_direct_convolutions(built)
    monkeypatch.setattr(FirstConvolution, "forward", None)
    built(torch.rand(2, 1, 8, 8)).sum().backward()


def test_gradient_of_a_slice_of_a_batch_reads_the_right_pixels() -> None:
    built = read_layer("conv 4 3 relu").module((6, 6, 1), torch.Generator().manual_seed(1))
    pixels = torch.rand(9, 8, 8, 2)
    images = pixels[2:7, 1:7, 1:7, :1].permute(0, 3, 1, 2)
    of_output = torch.randn(5, 4, 4, 4)
    fast, slow = results(built, images, of_output), results(nn.Sequential(*built), images, of_output)
    for found, known in zip(fast, slow, strict=True):
        torch.testing.assert_close(found, known, rtol=1e-5, atol=1e-5)


def test_gradient_of_an_expanded_output_is_not_changed_in_place() -> None:
    built = read_layer("conv 4 3 relu").module((6, 6, 1), torch.Generator().manual_seed(1))
    images = torch.rand(3, 1, 6, 6)
    of_output = torch.ones(()).expand(3, 4, 4, 4)
    fast, slow = results(built, images, of_output), results(nn.Sequential(*built), images, of_output)
    for found, known in zip(fast, slow, strict=True):
        torch.testing.assert_close(found, known, rtol=1e-5, atol=1e-5)
    assert float(of_output.sum()) == 3 * 4 * 4 * 4


def test_nan_is_kept() -> None:
    """oneDNN's own ReLU would turn it into 0, and the loss of a fit that diverges would stay finite."""
    built = read_layer("conv 4 3 relu").module((6, 6, 1), torch.Generator().manual_seed(1))
    images = torch.full((1, 1, 6, 6), torch.nan)
    assert bool(built(images).isnan().all())


def test_only_a_first_layer_in_training_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    original = FirstConvolution.forward

    def counted(*given: object) -> torch.Tensor:
        calls.append(1)
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(FirstConvolution, "forward", counted)
    network = Network.read(["conv 3 3 relu", "conv 3 3 relu", "conv 3 3", "global-average-pool"])
    built = build_network(network, (12, 12, 1), 4, torch.Generator().manual_seed(1))
    images = torch.rand(2, 1, 12, 12)
    built(images).sum().backward()
    assert len(calls) == 1
    with torch.autocast("cpu", torch.bfloat16):
        built(images)
    built(images.clone().requires_grad_())
    with torch.no_grad():
        built(images)
    with monkeypatch.context() as context:
        context.setattr("convstudy.networks.modules.first_conv.has_onednn", lambda: False)
        built(images)
    built.eval()(images)
    assert len(calls) == 1


@pytest.mark.parametrize("text", ["conv 4 3 tanh", "conv 4 3 stride=2", "conv 4 5", "conv 4 3 dilation=2"])
def test_other_layers_are_sequences(text: str) -> None:
    assert type(read_layer(text).module((12, 12, 1), torch.Generator())) is nn.Sequential


def test_layers_with_many_channels_are_sequences() -> None:
    assert type(read_layer("conv 4 3 relu").module((12, 12, 4), torch.Generator())) is nn.Sequential
