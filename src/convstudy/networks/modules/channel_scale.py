"""Multiplication of each channel by a trainable number."""

from __future__ import annotations

import torch
from torch import nn


class ChannelScale(nn.Module):
    """Compute ``x · weight`` for ``(n, c, h, w)`` or ``(n, c)``, with one weight per channel, in the dtype of ``x``.

    Args:
        n_channels: the number of channels.
        start: the initial value of each weight.
    """

    def __init__(self, n_channels: int, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((n_channels,), start))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        weight = self.weight.to(values.dtype)
        return values * (weight if values.ndim == 2 else weight[:, None, None])
