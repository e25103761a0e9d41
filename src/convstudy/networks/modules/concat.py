"""Branches over one input, joined in the channels."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn


class ChannelConcat(nn.Module):
    """The outputs of all branches, one after the other in the channels; a branch without layers is the input.

    Args:
        branches: over the same input.
    """

    def __init__(self, branches: Iterable[nn.Sequential]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return ``(n, sum of channels, h, w)`` or ``(n, sum of features)``."""
        return torch.cat([branch(values) for branch in self.branches], dim=1)
