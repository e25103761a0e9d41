"""Matrix products of dense layers in float32 on a CPU, computed by oneDNN."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from convstudy.networks.modules.cpu_float32 import is_float32_on_cpu

# The smallest number of multiply-accumulate operations for which oneDNN is at least as fast as MKL with AVX2 alone.
WORTHWHILE = 10_000_000


class Linear(nn.Linear):
    """``nn.Linear`` with :func:`linear`."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return linear(values, self.weight, self.bias)


def linear(rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Return ``rows · weightᵀ + bias``, ``(n, units)``, as ``nn.functional.linear``.

    torch computes float32 products with MKL, which does not use AVX-512 on AMD's CPUs: oneDNN takes about half of the
    time there, and about the same time with AVX2 alone. Small products and other dtypes are computed by torch.

    Args:
        rows: ``(n, features)``.
        weight: ``(units, features)``.
        bias: ``(units,)``, or None.
    """
    if not is_float32_on_cpu(rows) or not is_worthwhile(len(rows), weight.shape):
        return nn.functional.linear(rows, weight, bias)
    product: torch.Tensor = Product.apply(rows, weight, bias)  # type: ignore[no-untyped-call]
    return product


def is_worthwhile(n: int, shape: torch.Size) -> bool:
    """Return whether oneDNN multiplies ``n`` rows by a weight of this shape."""
    return n * shape.numel() >= WORTHWHILE and has_onednn()


@cache
def has_onednn() -> bool:
    """Return whether torch contains oneDNN and the operation that :func:`times_transposed` calls."""
    contains: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    # torch does not document the operation, so another version can lack it. Then torch's own products are used.
    return contains and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def times_transposed(
    left: torch.Tensor, right: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Return ``left · rightᵀ + bias`` by oneDNN; ``left`` is ``(m, k)``, ``right`` is ``(n, k)``."""
    product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(left, right, bias, "none", [], "")
    return product


class Product(torch.autograd.Function):
    """``rows · weightᵀ + bias`` and its gradients, each as a product by oneDNN."""

    @staticmethod
    def forward(
        ctx: Any, rows: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        """Return ``(n, units)``."""
        ctx.save_for_backward(rows, weight)
        return times_transposed(rows, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of rows, weight and bias."""
        gradient = gradients[0]
        rows, weight = ctx.saved_tensors
        needs_rows, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            times_transposed(gradient, weight.T) if needs_rows else None,
            times_transposed(gradient.T, rows.T) if needs_weight else None,
            gradient.sum(0) if needs_bias else None,
        )
