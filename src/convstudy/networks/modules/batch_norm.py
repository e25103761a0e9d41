"""Batch normalisation with the moving averages of Keras, and sums that do not drift."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

# Values a block of the variance's sum: small enough to stay in a core's cache.
BLOCK = 1 << 16


class KerasBatchNorm(nn.Module):
    """Normalise each channel of ``(n, c)`` or ``(n, c, h, w)`` over the batch (Ioffe & Szegedy 2015).

    It differs from torch's in two ways. The variance in its moving average is the biased one, as in Keras, unless
    torch's is asked for. And in float32 mean and variance are summed in blocks: torch adds up a channels-last batch one
    value after the other, which puts the variance of 100 images of 26 × 26 off by 4e-4 (``benchmarks/README.md``). In
    bfloat16, whose own rounding is ten times that, torch's kernel does the sums: it is faster. On a device it does them
    in float32, too: its sums there are made of partial ones.

    Args:
        n_channels: the number of channels.
        weight_of_batch: the share of a new batch in the moving averages (1 - Keras' momentum).
        epsilon: added to the variance before the root.
        unbiased: whether the moving average has torch's variance, of ``n - 1`` values; of a single one it is 0.
    """

    running_mean: torch.Tensor
    running_variance: torch.Tensor

    def __init__(
        self, n_channels: int, weight_of_batch: float, epsilon: float, unbiased: bool = False
    ) -> None:
        super().__init__()
        self.unbiased = unbiased
        self.weight_of_batch = weight_of_batch
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.register_buffer("running_mean", torch.zeros(n_channels))
        self.register_buffer("running_variance", torch.ones(n_channels))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the normalised values, and in training move the averages."""
        if not self.training:
            return nn.functional.batch_norm(
                values,
                self.running_mean,
                self.running_variance,
                self.weight,
                self.bias,
                eps=self.epsilon,
            )
        by_torch = values.dtype == torch.bfloat16 or values.device.type != "cpu"
        if by_torch and values.numel() > values.shape[1]:
            return self._normalise_by_torch(values)
        mean, variance = moments(values.detach())
        self.running_mean.lerp_(mean, self.weight_of_batch)
        n_values = values.numel() // values.shape[1]
        averaged = variance * (n_values / max(1, n_values - 1)) if self.unbiased else variance
        self.running_variance.lerp_(averaged, self.weight_of_batch)
        normalised: torch.Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
            values, self.weight, self.bias, mean, variance, self.epsilon
        )
        return normalised

    def _normalise_by_torch(self, values: torch.Tensor) -> torch.Tensor:
        """Return what torch's kernel makes of more than one value a channel, and move the averages."""
        # torch moves a copy: it keeps what it moved for the backward pass, so that must not change afterwards.
        variance = self.running_variance.clone()
        normalised = nn.functional.batch_norm(
            values,
            self.running_mean,
            variance,
            self.weight,
            self.bias,
            True,
            self.weight_of_batch,
            self.epsilon,
        )
        if self.unbiased:
            self.running_variance.copy_(variance)
            return normalised
        # torch moved by w · V · n / (n - 1). Scaling all of it by (n - 1) / n mends that part and shrinks the old one,
        # (1 - w) · old, by 1 / n of itself, which is put back.
        n_values = values.numel() // values.shape[1]
        self.running_variance.mul_((1.0 - self.weight_of_batch) / n_values)
        self.running_variance.add_(variance, alpha=(n_values - 1) / n_values)
        return normalised


def moments(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and biased variance of each channel, ``(c,)`` each, in float32 (float64 for such values).

    Args:
        values: ``(n, c)`` or ``(n, c, h, w)``.
    """
    rows = values.movedim(1, -1).reshape(-1, values.shape[1])
    mean = rows.mean(0, dtype=torch.promote_types(values.dtype, torch.float32))
    squares = torch.zeros_like(mean)
    for block in torch.split(rows, max(1, BLOCK // rows.shape[1])):
        squares += (block - mean).square_().sum(0)
    return mean, squares / len(rows)


class _Normalise(torch.autograd.Function):
    """Normalise by given moments of the batch; the gradient knows that they depend on it."""

    @staticmethod
    def forward(
        ctx: Any,
        values: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor,
        mean: torch.Tensor,
        variance: torch.Tensor,
        epsilon: float,
    ) -> torch.Tensor:
        """Return ``(values - mean) / √(variance + epsilon) · weight + bias``, channel by channel."""
        ctx.save_for_backward(values, weight, mean, (variance + epsilon).rsqrt())
        ctx.epsilon = epsilon
        normalised: torch.Tensor = torch.native_batch_norm(
            values, weight, bias, mean, variance, False, 0.0, epsilon
        )[0]
        return normalised

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of values, weight and bias; the moments' are part of the first."""
        values, weight, mean, inverse_sd = ctx.saved_tensors
        of_values, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], values, weight, None, None, mean, inverse_sd, True, ctx.epsilon, [True, True, True]
        )
        return of_values, of_weight, of_bias, None, None, None
