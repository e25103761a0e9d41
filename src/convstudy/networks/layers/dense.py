"""A fully connected layer with an optional activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.activations import ACTIVATIONS, activation_module, n_activation_parameters
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS, initialise
from convstudy.networks.layers.layer import Integer, Layer, argument, one_of, yes_no
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Dense(Layer):
    """``dense UNITS``: a fully connected layer, ``(features,)`` to ``(units,)``.

    >>> Dense(10, bias=False).n_parameters((64,))
    (640, 0)
    """

    word: ClassVar[str] = "dense"
    usage: ClassVar[str] = "dense UNITS [ACTIVATION] [init=NAME] [bias=yes|no]"

    units: int = argument("position", Integer(1, 1 << 20), "a whole number of units, 1 or more")
    activation: str | None = argument("word", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS), None)
    init: str | None = argument("key", one_of(INITIALISERS), ", ".join(INITIALISERS), None)
    bias: bool = argument("key", yes_no, "yes, no", True)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(units,)``; the input has to be flat."""
        if len(shape) != 1:
            raise self.misfit(
                shape, '"dense" needs a flat input', '"flatten" or "global-average-pool" before it'
            )
        return (self.units,)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return weights, biases and what the activation has; nothing is kept untrained."""
        weights = (shape[0] + self.bias) * self.units
        return (weights + n_activation_parameters(self.activation, self.units), 0)

    def macs(self, shape: Shape) -> int:
        """Return features × units."""
        return shape[0] * self.units

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the matrix product and its activation."""
        from torch import nn
        from torch.nn.utils import skip_init

        # Without torch's own start weights, which would draw from the global generator, too.
        linear: nn.Linear = skip_init(nn.Linear, shape[0], self.units, bias=self.bias)  # type: ignore[no-untyped-call]
        initialise(linear.weight, self.init or DEFAULT_INIT, generator)
        if self.bias:
            nn.init.zeros_(linear.bias)
        if self.activation is None:
            return linear
        return nn.Sequential(linear, activation_module(self.activation, self.units))


LAYERS = (Dense,)
