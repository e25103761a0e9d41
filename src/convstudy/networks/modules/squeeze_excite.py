"""Channels multiplied by numbers that follow from their means."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import skip_init

from convstudy.networks.activations import activation_module
from convstudy.networks.initialisers import initialise


class ChannelWeighing(nn.Module):
    """``x · sigmoid(up(activation(down(mean of x))))`` for images ``(n, c, h, w)`` (Hu et al. 2018).

    Args:
        n_channels: the number of channels.
        n_hidden: the number of units between the two dense layers.
        activation: the name of the activation between them.
        init: the name of the initialiser of their weights.
        generator: where the weights are drawn from, ``down`` first.
    """

    def __init__(
        self, n_channels: int, n_hidden: int, activation: str, init: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        # Without torch's own start weights, which would draw from the global generator, too.
        self.down: nn.Linear = skip_init(nn.Linear, n_channels, n_hidden)  # type: ignore[no-untyped-call]
        self.activation = activation_module(activation, n_hidden)
        self.up: nn.Linear = skip_init(nn.Linear, n_hidden, n_channels)  # type: ignore[no-untyped-call]
        for linear in (self.down, self.up):
            initialise(linear.weight, init, generator)
            nn.init.zeros_(linear.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the images with weighed channels."""
        weights: torch.Tensor = self.up(self.activation(self.down(images.mean((2, 3))))).sigmoid()
        return images * weights[:, :, None, None]
