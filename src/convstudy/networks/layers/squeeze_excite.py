"""Squeeze and excitation: a network of two dense layers weighs the channels of each image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.activations import ACTIVATIONS, n_activation_parameters
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS
from convstudy.networks.layers.layer import Integer, Layer, argument, one_of
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class SqueezeExcite(Layer):
    """``squeeze-excite RATIO``: each channel times a number that follows from all means of channels (Hu et al. 2018).

    The mean of each channel goes through a dense layer of ``c / RATIO`` units (rounded down, 1 or more), the
    activation, a dense layer of ``c`` units and a sigmoid. Each channel is multiplied by its number. The paper has a
    ratio of 16. The multiply-adds are those of the dense layers.

    >>> layer = SqueezeExcite(4)
    >>> layer.output_shape((8, 8, 16)), layer.n_parameters((8, 8, 16))
    ((8, 8, 16), (148, 0))
    """

    word: ClassVar[str] = "squeeze-excite"
    usage: ClassVar[str] = "squeeze-excite RATIO [ACTIVATION=relu] [init=NAME]"

    ratio: int = argument("position", Integer(1, 65536), "a whole number, 1 or more")
    activation: str = argument("word", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS), "relu")
    init: str | None = argument("key", one_of(INITIALISERS), ", ".join(INITIALISERS), None)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape as it was."""
        return self.need_image(shape)

    def n_hidden(self, shape: Shape) -> int:
        """Return the number of units between the two dense layers."""
        return max(1, shape[2] // self.ratio)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return weights and biases of the two dense layers, and what the activation has."""
        channels, hidden = shape[2], self.n_hidden(shape)
        n_dense = hidden * (channels + 1) + channels * (hidden + 1)
        return (n_dense + n_activation_parameters(self.activation, hidden), 0)

    def macs(self, shape: Shape) -> int:
        """Return those of the two dense layers."""
        return 2 * shape[2] * self.n_hidden(shape)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the weighing of channels."""
        from convstudy.networks.modules.squeeze_excite import ChannelWeighing

        init = self.init or DEFAULT_INIT
        return ChannelWeighing(shape[2], self.n_hidden(shape), self.activation, init, generator)


LAYERS = (SqueezeExcite,)
