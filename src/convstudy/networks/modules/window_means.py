"""Means of windows that follow from the size of the image."""

from __future__ import annotations

import torch
from torch import nn


class WindowMeans(nn.Module):
    """``(n, c, h, w)`` to ``(n, c, size, size)``: the means that ``torch.nn.AdaptiveAvgPool2d`` computes.

    The module takes the means of rows and then of columns. The gradient of torch's own module adds up in no fixed
    order on a GPU (``torch.use_deterministic_algorithms``), so that a fit would not repeat.

    Args:
        size: height and width of the output.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the mean of each window, channels last."""
        for axis in (2, 3):
            n_pixels = images.shape[axis]
            starts = [place * n_pixels // self.size for place in range(self.size)]
            ends = [-(-(place + 1) * n_pixels // self.size) for place in range(self.size)]
            windows = [images.narrow(axis, a, b - a) for a, b in zip(starts, ends, strict=True)]
            images = torch.cat([window.mean(axis, keepdim=True) for window in windows], axis)
        return images.contiguous(memory_format=torch.channels_last)

    def extra_repr(self) -> str:
        """Return the size, for the module's printed form."""
        return f"size={self.size}"
