"""Layers without a window: dropout, flatten and activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.activations import ACTIVATIONS, activation_module, n_activation_parameters
from convstudy.networks.layers.layer import Decimal, Layer, argument, one_of
from convstudy.networks.shapes import Shape, n_values

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Dropout(Layer):
    """``dropout RATE``: in training, sets each value to 0 with probability RATE and divides the others by 1 - RATE.

    The shape stays the same. In evaluation the layer does nothing (Srivastava et al. 2014).

    Args:
        rate: the probability of 0, at least 0 and below 1.

    >>> Dropout(0.5).output_shape((8, 8, 16))
    (8, 8, 16)
    """

    word: ClassVar[str] = "dropout"
    usage: ClassVar[str] = "dropout RATE"

    rate: float = argument("position", Decimal(0.0, 1.0))

    def no_op_reason(self, shape: Shape) -> str:
        return "" if self.rate else "its rate is 0"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return dropout from raw random bits, or the identity for a rate of 0."""
        from torch import nn

        from convstudy.networks.modules.dropout import BitsDropout

        return BitsDropout(self.rate) if self.rate else nn.Identity()


@dataclass(frozen=True)
class Flatten(Layer):
    """``flatten``: puts all values of an image in one row, in Keras' order, (h, w, c) to (h · w · c,).

    A flat input is returned unchanged.

    >>> Flatten().output_shape((8, 8, 16))
    (1024,)
    """

    word: ClassVar[str] = "flatten"
    usage: ClassVar[str] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        return (n_values(shape),)

    def no_op_reason(self, shape: Shape) -> str:
        return "its input is flat already" if len(shape) == 1 else ""

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return a module that flattens in the order height, width, channels."""
        from convstudy.networks.modules.flatten import ChannelsLastFlatten

        return ChannelsLastFlatten()


@dataclass(frozen=True)
class Activation(Layer):
    """``activation NAME``: applies an activation function to each value.

    The shape stays the same. ``prelu`` has one trainable slope per channel (He et al. 2015).

    Args:
        activation: a key of ``ACTIVATIONS``.

    >>> Activation("relu").n_parameters((8, 8, 16)), Activation("prelu").n_parameters((8, 8, 16))
    ((0, 0), (16, 0))
    """

    word: ClassVar[str] = "activation"
    usage: ClassVar[str] = "activation NAME"

    activation: str = argument("position", one_of(ACTIVATIONS))

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        return (n_activation_parameters(self.activation, shape[-1]), 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the torch module of the function."""
        return activation_module(self.activation, shape[-1])


LAYERS = (Dropout, Flatten, Activation)
