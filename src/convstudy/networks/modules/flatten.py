"""Flatten in the order of height, width, channels."""

from __future__ import annotations

import torch
from torch import nn


class ChannelsLastFlatten(nn.Module):
    """Images ``(n, c, h, w)`` to ``(n, h · w · c)``, the order in which channels-last images lie in memory.

    It is Keras' order, so dense weights can be carried over, and it copies nothing for a channels-last input.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return each image as one row."""
        if images.ndim == 4:
            images = images.permute(0, 2, 3, 1)
        return images.reshape(images.shape[0], -1)
