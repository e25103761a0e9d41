"""Layer normalisation over the channels, as in Keras."""

from __future__ import annotations

import torch
from torch import nn


class ChannelLayerNorm(nn.LayerNorm):
    """Normalise the channels of each pixel of ``(n, c, h, w)``, or the values of each row of ``(n, c)``.

    torch normalises the last axes, so the module permutes the channels to the end and back. A channels-last input is
    not copied.

    Args:
        n_channels: the number of channels.
        epsilon: the number added to the variance.
    """

    def __init__(self, n_channels: int, epsilon: float) -> None:
        super().__init__(n_channels, epsilon)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if values.ndim == 2:
            return super().forward(values)
        return super().forward(values.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
