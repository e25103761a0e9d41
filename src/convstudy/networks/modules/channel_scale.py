"""Channels times learned numbers."""

from __future__ import annotations

import torch
from torch import nn


class ChannelScale(nn.Module):
    """``x · weight`` for ``(n, c, h, w)`` or ``(n, c)``, one weight for each channel, in the dtype of ``x``.

    Args:
        n_channels: the number of channels.
        start: what each weight is at first.
    """

    def __init__(self, n_channels: int, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((n_channels,), start))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the scaled values."""
        weight = self.weight.to(values.dtype)
        return values * (weight if values.ndim == 2 else weight[:, None, None])
