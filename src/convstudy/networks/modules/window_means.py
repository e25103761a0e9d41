"""Adaptive average pooling with a deterministic gradient."""

from __future__ import annotations

import torch
from torch import nn


class WindowMeans(nn.Module):
    """Average ``(n, c, h, w)`` to ``(n, c, size, size)``, with the windows of ``torch.nn.AdaptiveAvgPool2d``.

    The module takes means of rows and then of columns. On a GPU, the gradient of torch's module is not deterministic
    (``torch.use_deterministic_algorithms``), so a fit could not be reproduced.

    Args:
        size: the height and width of the output.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        for axis in (2, 3):
            # Window i is [⌊i · n / size⌋, ⌈(i + 1) · n / size⌉), as in torch.
            n_pixels = images.shape[axis]
            starts = [place * n_pixels // self.size for place in range(self.size)]
            ends = [-(-(place + 1) * n_pixels // self.size) for place in range(self.size)]
            windows = [images.narrow(axis, a, b - a) for a, b in zip(starts, ends, strict=True)]
            images = torch.cat([window.mean(axis, keepdim=True) for window in windows], axis)
        return images.contiguous(memory_format=torch.channels_last)

    def extra_repr(self) -> str:
        """Return the size for ``repr``."""
        return f"size={self.size}"
