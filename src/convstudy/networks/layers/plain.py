"""The layers that have no weights and no window: dropout, flatten, activation."""

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
    """``dropout RATE``: in training, each value is zeroed with this probability and the rest scaled up.

    The others are divided by ``1 - RATE``, so that evaluation changes nothing (Srivastava et al. 2014).

    >>> Dropout(0.5).output_shape((8, 8, 16))
    (8, 8, 16)
    """

    word: ClassVar[str] = "dropout"
    usage: ClassVar[str] = "dropout RATE"

    rate: float = argument("position", Decimal(0.0, 1.0), "a number from 0 to below 1")

    def no_op_reason(self, shape: Shape) -> str:
        """Send a rate of 0."""
        return "" if self.rate else "its rate is 0"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return dropout at this rate, or nothing at all where the rate is 0."""
        from torch import nn

        from convstudy.networks.modules.dropout import BitsDropout

        return BitsDropout(self.rate) if self.rate else nn.Identity()


@dataclass(frozen=True)
class Flatten(Layer):
    """``flatten``: all values of an image in one row, ``(h, w, c)`` to ``(h · w · c,)``, as Keras orders them.

    >>> Flatten().output_shape((8, 8, 16))
    (1024,)
    """

    word: ClassVar[str] = "flatten"
    usage: ClassVar[str] = "flatten"

    def output_shape(self, shape: Shape) -> Shape:
        """Return the number of values."""
        return (n_values(shape),)

    def no_op_reason(self, shape: Shape) -> str:
        """Send an input that is flat already."""
        return "its input is flat already" if len(shape) == 1 else ""

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return a flatten in Keras' order: height, width, channels."""
        from convstudy.networks.modules.flatten import ChannelsLastFlatten

        return ChannelsLastFlatten()


@dataclass(frozen=True)
class Activation(Layer):
    """``activation NAME``: an activation function on its own.

    ``prelu`` has a slope for each channel, which is learned (He et al. 2015).

    >>> Activation("relu").n_parameters((8, 8, 16)), Activation("prelu").n_parameters((8, 8, 16))
    ((0, 0), (16, 0))
    """

    word: ClassVar[str] = "activation"
    usage: ClassVar[str] = "activation NAME"

    activation: str = argument("position", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS))

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return the slopes of a prelu, one a channel; other activations have nothing."""
        return (n_activation_parameters(self.activation, shape[-1]), 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the activation."""
        return activation_module(self.activation, shape[-1])


LAYERS = (Dropout, Flatten, Activation)
