"""A convolution whose kernel covers the whole input, computed as a matrix product."""

from __future__ import annotations

import torch
from torch import nn

from convstudy.networks.modules.product import linear


class WholeInputConv(nn.Conv2d):
    """Convolve ``(n, c, k, k)`` to ``(n, filters, 1, 1)`` with a ``k × k`` kernel and no padding.

    The kernel has one position, so the convolution is ``x · Wᵀ + b`` over ``k² · c`` values. torch's convolution, which
    is made for many positions, takes several times as long (``docs/performance.md``). Channels-last images and weights
    are not copied. Names and shapes of the weights are those of ``nn.Conv2d``.
    """

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows = images.permute(0, 2, 3, 1).flatten(1)
        matrix = self.weight.permute(0, 2, 3, 1).flatten(1)
        return linear(rows, matrix, self.bias)[:, :, None, None]
