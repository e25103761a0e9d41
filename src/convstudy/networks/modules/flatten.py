"""Flatten in the order of height, width, channels."""

from __future__ import annotations

import torch
from torch import nn


class ChannelsLastFlatten(nn.Module):
    """Flatten images ``(n, c, h, w)`` to ``(n, h · w · c)``, the order of channels-last images in memory.

    Keras uses this order, so weights of dense layers can be copied. A channels-last input is not copied.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if images.ndim == 4:
            images = images.permute(0, 2, 3, 1)
        return images.reshape(images.shape[0], -1)
