"""Concatenation of the channels of several branches."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class ChannelConcat(nn.Module):
    """Apply all branches to one input and concatenate the channels of their outputs.

    Args:
        branches: the branches; one without layers is the identity.
    """

    def __init__(self, branches: Iterable[nn.Sequential]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return ``(n, sum of channels, h, w)`` or ``(n, sum of features)``."""
        return torch.cat([branch(values) for branch in self.branches], dim=1)
