"""Max-pool and ReLU in one function against torch's modules, bit-identical."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convstudy.networks.modules.relu_pool import PoolAndRelu, PoolThenRelu


def pair(size: int = 2, stride: int = 2) -> tuple[PoolThenRelu, nn.Sequential]:
    ours = PoolThenRelu(nn.MaxPool2d(size, stride), nn.ReLU())
    return ours, nn.Sequential(*ours)


def results(module: nn.Module, images: torch.Tensor) -> list[torch.Tensor]:
    """Return the output and the gradient of the images."""
    images = images.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    output = module(images)
    of_output = torch.randn(output.shape, generator=torch.Generator().manual_seed(9)).to(output.dtype)
    return [output, *torch.autograd.grad(output, images, of_output)]


def images_of(shape: tuple[int, ...], kind: str, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    if kind == "ties":  # few levels, also below 0
        values = torch.randint(-2, 3, shape, generator=generator).to(dtype)
    elif kind == "equal":
        values = torch.ones(shape, dtype=dtype)
    else:
        values = torch.randn(shape, generator=generator).to(dtype)
    return values.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("kind", ["ties", "equal", "random"])
@pytest.mark.parametrize(
    "shape", [(5, 8, 12, 12), (1, 1, 2, 2), (3, 4, 7, 5), (2, 3, 2, 9), (37, 2, 6, 3), (100, 16, 10, 10)]
)
def test_values_and_gradients_are_bit_identical(
    shape: tuple[int, ...], kind: str, dtype: torch.dtype
) -> None:
    images = images_of(shape, kind, dtype)
    ours, theirs = pair()
    for fast, slow in zip(results(ours, images), results(theirs, images), strict=True):
        assert torch.equal(fast, slow)
    for module in (ours, theirs):
        module.eval()
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


def test_extreme_values_are_bit_identical() -> None:
    special = [torch.inf, -torch.inf, 3e38, -3e38, 1e-40, -1e-40, 0.0, -0.0, 1.0, -1.0]
    picked = torch.randint(len(special), (50, 4, 8, 8), generator=torch.Generator().manual_seed(1))
    images = torch.tensor(special)[picked].bfloat16().contiguous(memory_format=torch.channels_last)
    ours, theirs = pair()
    for fast, slow in zip(results(ours, images), results(theirs, images), strict=True):
        assert torch.equal(fast, slow)


@pytest.mark.parametrize("trains", [True, False])
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_nan_anywhere_in_a_window_is_kept(place: int, sign: float, trains: bool) -> None:
    images = torch.ones(1, 1, 2, 2, dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    images.view(-1)[place] = torch.copysign(torch.tensor(torch.nan), torch.tensor(sign))
    ours, _ = pair()
    with torch.set_grad_enabled(trains):
        assert bool(ours(images.requires_grad_(trains)).isnan().all())


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (2, 1), (3, 3)])
def test_other_windows_and_layouts_use_torch(
    size: int, stride: int, channels_last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    original = PoolAndRelu.forward

    def counted(*given: object) -> torch.Tensor:
        calls.append(1)
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(PoolAndRelu, "forward", counted)
    ours, theirs = pair(size, stride)
    images = images_of((3, 4, 9, 9), "ties", torch.bfloat16)
    if not channels_last:
        images = images.contiguous()
    for fast, slow in zip(results(ours, images), results(theirs, images), strict=True):
        assert torch.equal(fast, slow)
    assert len(calls) == (1 if channels_last and (size, stride) == (2, 2) else 0)


def test_evaluation_computes_no_positions_of_maxima(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair()
    images = images_of((2, 3, 5, 4), "random", torch.float32)
    expected = theirs(images)
    monkeypatch.setattr(nn.MaxPool2d, "forward", None)
    with torch.no_grad():
        assert torch.equal(ours(images), expected)


def test_hooks_of_the_relu_are_called_in_evaluation() -> None:
    ours, _ = pair()
    seen: list[torch.Tensor] = []
    ours[1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        output = ours.eval()(images_of((2, 3, 4, 4), "random", torch.float32))
    assert len(seen) == 1
    assert torch.equal(seen[0], output)


def test_gradient_may_be_an_expanded_tensor() -> None:
    images = images_of((2, 3, 4, 6), "ties", torch.bfloat16)
    found = []
    for module in pair():
        values = images.clone(memory_format=torch.preserve_format).requires_grad_()
        module(values).sum().backward()
        found.append(values.grad)
    assert torch.equal(*found)
