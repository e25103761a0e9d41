"""Layer normalisation over the channels, as Keras does it."""

from __future__ import annotations

import torch
from torch import nn


class ChannelLayerNorm(nn.LayerNorm):
    """Normalise the channels of each place of ``(n, c, h, w)``, or the values of each row of ``(n, c)``.

    torch normalises the last axes; so channels go last and back, which copies nothing for a channels-last input.

    Args:
        n_channels: the number of channels.
        epsilon: added to the variance before the root.
    """

    def __init__(self, n_channels: int, epsilon: float) -> None:
        super().__init__(n_channels, epsilon)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the normalised values."""
        if values.ndim == 2:
            return super().forward(values)
        return super().forward(values.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
