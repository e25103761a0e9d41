"""Batch normalisation with Keras' moving averages, and accurate sums on a CPU."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

# Values per block of the sum of squares: 1 MiB in float32, about the cache of a core.
BLOCK = 1 << 18


class KerasBatchNorm(nn.Module):
    """Normalise each channel of ``(n, c)`` or ``(n, c, h, w)`` over the batch (Ioffe & Szegedy 2015).

    There are two differences from ``torch.nn.BatchNorm2d``:

    - By default, the moving average contains the biased variance, as in Keras.
    - In float32 on a CPU, mean and variance are summed in blocks. torch adds the values of a channels-last batch one by
      one, which changes the variance of 100 images of 26 × 26 by 4e-4 (``benchmarks/README.md``).

    In bfloat16, the module uses torch's kernel, because it is faster, and the rounding of bfloat16 (4e-3) is ten
    times as large as the error above. On a GPU, the module uses torch's kernel too, because that kernel adds partial
    sums, which keeps the error small.

    Args:
        n_channels: the number of channels.
        weight_of_batch: the weight of a new batch in the moving averages (1 - Keras' momentum).
        epsilon: the number added to the variance.
        unbiased: whether the moving average contains the variance divided by ``n - 1``, as in torch. The variance of a
            single value is 0.
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
        """Return the normalised values; in training, update the moving averages."""
        if not self.training:
            return nn.functional.batch_norm(
                values,
                self.running_mean,
                self.running_variance,
                self.weight,
                self.bias,
                eps=self.epsilon,
            )
        uses_torch = values.dtype == torch.bfloat16 or values.device.type != "cpu"
        # torch raises an error for a single value per channel.
        if uses_torch and values.numel() > values.shape[1]:
            return self._normalise_by_torch(values)
        # Detached, because _Normalise.backward includes the gradient through mean and variance.
        mean, variance = moments(values.detach())
        self.running_mean.lerp_(mean, self.weight_of_batch)
        n_values = values.numel() // values.shape[1]
        # max() avoids a division by 0 for a single value, whose variance is 0.
        averaged = variance * (n_values / max(1, n_values - 1)) if self.unbiased else variance
        self.running_variance.lerp_(averaged, self.weight_of_batch)
        normalised: torch.Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
            values, self.weight, self.bias, mean, variance, self.epsilon
        )
        return normalised

    def _normalise_by_torch(self, values: torch.Tensor) -> torch.Tensor:
        """Normalise with torch's kernel and update the moving averages; needs at least two values per channel."""
        # torch gets a copy, because autograd saves the tensor for the backward pass, and the variance changes below.
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
        # With weight w, biased variance V and n values, torch returns (1 - w) · old + w · V · n / (n - 1). Scaling by
        # (n - 1) / n corrects the second term, and adding (1 - w) · old / n restores the first one.
        n_values = values.numel() // values.shape[1]
        self.running_variance.mul_((1.0 - self.weight_of_batch) / n_values)
        self.running_variance.add_(variance, alpha=(n_values - 1) / n_values)
        return normalised


def moments(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mean and biased variance of each channel, each of shape ``(c,)``, in float32 (float64 for float64 values).

    Args:
        values: ``(n, c)`` or ``(n, c, h, w)``.
    """
    rows = values.movedim(1, -1).reshape(-1, values.shape[1])
    mean = rows.mean(0, dtype=torch.promote_types(values.dtype, torch.float32))
    # The variance is the mean of (x - E[x])², because E[x²] - E[x]² loses digits if the mean is far from zero.
    squares = torch.zeros_like(mean)
    for block in torch.split(rows, max(1, BLOCK // rows.shape[1])):
        squares += (block - mean).square_().sum(0)
    return mean, squares / len(rows)


class _Normalise(torch.autograd.Function):
    """Normalise with given moments of the batch; the gradient includes their dependence on the values."""

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
        """Return ``(values - mean) / √(variance + epsilon) · weight + bias`` for each channel."""
        ctx.save_for_backward(values, weight, mean, (variance + epsilon).rsqrt())
        ctx.epsilon = epsilon
        normalised: torch.Tensor = torch.native_batch_norm(
            values, weight, bias, mean, variance, False, 0.0, epsilon
        )[0]
        return normalised

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients of values, weight and bias; the first includes those through mean and variance."""
        values, weight, mean, inverse_sd = ctx.saved_tensors
        of_values, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], values, weight, None, None, mean, inverse_sd, True, ctx.epsilon, [True, True, True]
        )
        return of_values, of_weight, of_bias, None, None, None
