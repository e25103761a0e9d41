"""Squeeze-and-excitation: two dense layers compute a weight for each channel of each image."""

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
    """``squeeze-excite RATIO``: multiplies each channel by a weight computed from all channel means (Hu et al. 2018).

    The channel means pass through a dense layer of ``max(1, ⌊c / ratio⌋)`` units, the activation, a dense layer of
    ``c`` units and a sigmoid, which gives one weight per channel. The shape stays ``(h, w, c)``. MACs are those of the
    dense layers.

    Args:
        ratio: the divisor of the channels, 1 to 65,536; the paper uses 16.
        activation: a key of ``ACTIVATIONS``; ``relu`` by default.
        init: a key of ``INITIALISERS``; the network's ``init`` by default.

    Raises:
        NetworkError: if the input is flat.

    >>> layer = SqueezeExcite(4)
    >>> layer.output_shape((8, 8, 16)), layer.n_parameters((8, 8, 16))
    ((8, 8, 16), (148, 0))
    """

    word: ClassVar[str] = "squeeze-excite"
    usage: ClassVar[str] = "squeeze-excite RATIO [ACTIVATION=relu] [init=NAME]"

    ratio: int = argument("position", Integer(1, 65536))
    activation: str = argument("word", one_of(ACTIVATIONS), "relu")
    init: str | None = argument("key", one_of(INITIALISERS), None)

    def output_shape(self, shape: Shape) -> Shape:
        return self.need_image(shape)

    def n_hidden(self, shape: Shape) -> int:
        """Return the number of units of the first dense layer."""
        return max(1, shape[2] // self.ratio)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        channels, hidden = shape[2], self.n_hidden(shape)
        n_dense = hidden * (channels + 1) + channels * (hidden + 1)
        return (n_dense + n_activation_parameters(self.activation, hidden), 0)

    def macs(self, shape: Shape) -> int:
        return 2 * shape[2] * self.n_hidden(shape)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return squeeze-and-excitation with the weights of its two dense layers."""
        from convstudy.networks.modules.squeeze_excite import SqueezeExcitation

        init = self.init or DEFAULT_INIT
        return SqueezeExcitation(shape[2], self.n_hidden(shape), self.activation, init, generator)


LAYERS = (SqueezeExcite,)
