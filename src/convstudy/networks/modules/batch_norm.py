"""Batch normalisation with the moving averages of Keras."""

from __future__ import annotations

import torch
from torch import nn


class KerasBatchNorm(nn.Module):
    """Normalise each channel of ``(n, c)`` or ``(n, c, h, w)`` over the batch (Ioffe & Szegedy 2015).

    In training it divides by the biased variance, as torch does; its moving average keeps the biased variance too,
    where torch keeps the unbiased one.

    Args:
        n_channels: the number of channels.
        weight_of_batch: the share of a new batch in the moving averages (1 - Keras' momentum).
        epsilon: added to the variance before the root.
    """

    running_mean: torch.Tensor
    running_variance: torch.Tensor

    def __init__(self, n_channels: int, weight_of_batch: float, epsilon: float) -> None:
        super().__init__()
        self.weight_of_batch = weight_of_batch
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.bias = nn.Parameter(torch.zeros(n_channels))
        self.register_buffer("running_mean", torch.zeros(n_channels))
        self.register_buffer("running_variance", torch.ones(n_channels))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the normalised values, and in training move the averages."""
        n_values = values.numel() // values.shape[1]
        if self.training and n_values == 1:
            return self._normalise_one(values)
        # torch moves a copy: it keeps what it moved for the backward pass, so that must not change afterwards.
        variance = self.running_variance.clone() if self.training else self.running_variance
        normalised = nn.functional.batch_norm(
            values,
            self.running_mean,
            variance,
            self.weight,
            self.bias,
            self.training,
            self.weight_of_batch,
            self.epsilon,
        )
        if self.training:
            # torch moved by w · V · n / (n - 1). Scaling all of it by (n - 1) / n mends that part and shrinks the
            # old one, (1 - w) · old, by 1 / n of itself, which is put back.
            self.running_variance.mul_((1.0 - self.weight_of_batch) / n_values)
            self.running_variance.add_(variance, alpha=(n_values - 1) / n_values)
        return normalised

    def _normalise_one(self, values: torch.Tensor) -> torch.Tensor:
        """Return what one value a channel comes to, its shift; torch refuses such a batch, Keras does not."""
        mean = values.detach().flatten().to(self.running_mean.dtype)
        self.running_mean.lerp_(mean, self.weight_of_batch)
        self.running_variance.mul_(1.0 - self.weight_of_batch)
        # A value less its own mean; written so that the gradient is 0, too.
        centred = (values - values).flatten()
        return (centred * self.weight + self.bias).view(values.shape).to(values.dtype)
