"""Group normalisation as torch does it, on images too."""

from __future__ import annotations

import torch
from torch import nn


class GroupNorm(nn.GroupNorm):
    """Normalise each group of channels of ``(n, c, h, w)`` or ``(n, c)`` (Wu & He 2018).

    torch's backward pass over channels-last values is only safe where the values take a gradient. Images take none, so
    where no layer with weights comes before this one, they are made to.
    """

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the normalised values."""
        if torch.is_grad_enabled() and not values.requires_grad:
            values = values.detach().requires_grad_()
        return super().forward(values)
