"""Squeeze-and-excitation: multiplication of the channels by weights computed from their means."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import skip_init

from convstudy.networks.activations import activation_module
from convstudy.networks.initialisers import initialise


class SqueezeExcitation(nn.Module):
    """Compute ``x · sigmoid(up(activation(down(mean(x)))))`` for images ``(n, c, h, w)`` (Hu et al. 2018).

    Args:
        n_channels: the number of channels.
        n_hidden: the number of units of ``down``, the first dense layer.
        activation: a key of ``ACTIVATIONS``.
        init: the initialiser of both dense layers, a key of ``INITIALISERS``.
        generator: the source of the weights; those of ``down`` are drawn first.
    """

    def __init__(
        self, n_channels: int, n_hidden: int, activation: str, init: str, generator: torch.Generator
    ) -> None:
        super().__init__()
        # skip_init: torch's own initial weights would draw from the global generator.
        self.down: nn.Linear = skip_init(nn.Linear, n_channels, n_hidden)  # type: ignore[no-untyped-call]
        self.activation = activation_module(activation, n_hidden)
        self.up: nn.Linear = skip_init(nn.Linear, n_hidden, n_channels)  # type: ignore[no-untyped-call]
        for linear in (self.down, self.up):
            initialise(linear.weight, init, generator)
            nn.init.zeros_(linear.bias)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        weights: torch.Tensor = self.up(self.activation(self.down(images.mean((2, 3))))).sigmoid()
        return images * weights[:, :, None, None]
