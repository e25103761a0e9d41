"""Dense layers by oneDNN against ``nn.functional.linear``."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from convstudy.networks import read_layer
from convstudy.networks.modules import product
from convstudy.networks.modules.product import Linear, Product, is_worthwhile, linear

LARGE = (100, 1600, 128)


def results(
    rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, fast: bool
) -> list[torch.Tensor]:
    """Return the output and the gradients of all inputs."""
    inputs = [each for each in (rows, weight, bias) if each is not None]
    output = (linear if fast else nn.functional.linear)(rows, weight, bias)
    of_output = torch.randn(output.shape, generator=torch.Generator().manual_seed(1)).to(output.dtype)
    return [output.detach(), *torch.autograd.grad(output, inputs, of_output)]


def relative_error(found: torch.Tensor, known: torch.Tensor) -> float:
    return float((found - known).norm() / known.norm())


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize(
    ("n", "n_features", "n_units"), [LARGE, (37, 1001, 353), (500, 256, 128), (1, 4096, 4096)]
)
def test_values_and_gradients_are_as_accurate_as_those_of_torch(
    n: int, n_features: int, n_units: int, has_bias: bool
) -> None:
    generator = torch.Generator().manual_seed(n)
    shapes = ((n, n_features), (n_units, n_features), (n_units,))
    inputs = [torch.randn(shape, generator=generator).requires_grad_() for shape in shapes]
    if not has_bias:
        inputs.pop()
    bias = inputs[2] if has_bias else None
    assert is_worthwhile(n, inputs[1].shape)
    found = results(inputs[0], inputs[1], bias, fast=True)
    of_torch = results(inputs[0], inputs[1], bias, fast=False)
    doubles = [each.detach().double().requires_grad_() for each in inputs]
    exact = results(doubles[0], doubles[1], doubles[2] if has_bias else None, fast=False)
    for fast, usual, known in zip(found, of_torch, exact, strict=True):
        assert fast.shape == known.shape
        # Sums over 4096 values: torch's own error passes 1e-6 where a kernel adds them in one chain.
        assert relative_error(fast, known) < max(1e-6, 2 * relative_error(usual, known))


def test_inputs_that_need_no_gradient_get_none() -> None:
    rows, weight = torch.randn(LARGE[:2]), torch.randn(LARGE[2], LARGE[1], requires_grad=True)
    linear(rows, weight, None).sum().backward()
    assert rows.grad is None
    torch.testing.assert_close(weight.grad, rows.sum(0).expand_as(weight), rtol=1e-4, atol=1e-4)


def test_small_products_other_dtypes_and_autocast_use_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    original = Product.forward

    def counted(*given: object) -> torch.Tensor:
        calls.append(1)
        return original(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(Product, "forward", counted)
    layer, rows = Linear(1600, 128), torch.randn(100, 1600)
    layer(rows)
    assert len(calls) == 1
    layer(rows[:2])
    with torch.autocast("cpu", torch.bfloat16):
        layer(rows)
    layer.double()(rows.double())
    monkeypatch.setattr(product, "has_onednn", lambda: False)
    layer.float()(rows)
    assert len(calls) == 1


@pytest.mark.parametrize(("n_features", "expected"), [(781, False), (782, True)])
def test_rule_depends_on_the_number_of_multiplications(n_features: int, expected: bool) -> None:
    """The limit is 10 million: 100 rows and 128 units have 12,800 per feature."""
    assert is_worthwhile(100, torch.Size((128, n_features))) is expected


def test_torch_without_the_operation_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    assert product.has_onednn()
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())
    assert not product.has_onednn.__wrapped__()  # without the cache


@pytest.mark.parametrize("text", ["dense 128", "dense 128 relu", "conv 128 5"])
def test_layers_use_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    original = product.times_transposed

    def counted(*given: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return original(*given)

    monkeypatch.setattr(product, "times_transposed", counted)
    shape = (5, 5, 64) if text.startswith("conv") else (1600,)
    built = read_layer(text).module(shape, torch.Generator().manual_seed(1))
    images = torch.randn(100, *((64, 5, 5) if len(shape) == 3 else shape), requires_grad=True)
    built(images).sum().backward()
    assert len(calls) == 3
