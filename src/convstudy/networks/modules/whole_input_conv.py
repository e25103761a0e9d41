"""A convolution whose kernel covers its whole input, as the matrix product that it is."""

from __future__ import annotations

import torch
from torch import nn


class WholeInputConv(nn.Conv2d):
    """``(n, c, k, k)`` to ``(n, filters, 1, 1)`` with a ``k × k`` kernel and no padding.

    There is one place for the kernel, so the convolution is ``x · Wᵀ + b`` over ``k² · c`` values; torch's convolution
    kernels are made for many places and take several times as long (``docs/performance.md``). Channels-last images and
    weights are handed on as they lie in memory; nothing is copied. Weights, their names and shapes are the
    convolution's.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the one place of each image."""
        rows = images.permute(0, 2, 3, 1).flatten(1)
        matrix = self.weight.permute(0, 2, 3, 1).flatten(1)
        return nn.functional.linear(rows, matrix, self.bias)[:, :, None, None]
