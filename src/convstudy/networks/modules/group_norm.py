"""Group normalisation with torch's kernel, safe for inputs without gradients."""

from __future__ import annotations

import torch
from torch import nn


class GroupNorm(nn.GroupNorm):
    """Normalise each group of channels of ``(n, c, h, w)`` or ``(n, c)`` (Wu & He 2018).

    torch's backward pass over channels-last values is only safe if the values require a gradient. Images do not require
    one. If no layer with weights precedes this module, the module makes its input require a gradient.
    """

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled() and not values.requires_grad:
            values = values.detach().requires_grad_()
        return super().forward(values)
