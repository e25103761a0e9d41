"""A fully connected layer with an optional activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.activations import ACTIVATIONS, activation_module, n_activation_parameters
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS, initialise
from convstudy.networks.layers.layer import Integer, Layer, YesNo, argument, misfit, one_of
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Dense(Layer):
    """``dense UNITS``: fully connected layer with an optional activation, (features,) to (units,).

    Args:
        units: the number of outputs, 1 to 1,048,576.
        activation: a key of ``ACTIVATIONS``; none by default.
        init: a key of ``INITIALISERS``; the network's ``init`` by default.
        bias: whether to add a bias; ``bias=yes`` by default.

    Raises:
        NetworkError: if the input is not flat.

    >>> Dense(10, bias=False).n_parameters((64,))
    (640, 0)
    """

    word: ClassVar[str] = "dense"
    usage: ClassVar[str] = "dense UNITS [ACTIVATION] [init=NAME] [bias=yes|no]"

    units: int = argument("position", Integer(1, 1 << 20))
    activation: str | None = argument("word", one_of(ACTIVATIONS), None)
    init: str | None = argument("key", one_of(INITIALISERS), None)
    bias: bool = argument("key", YesNo(), True)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            what, hint = '"dense" needs a flat input', 'add "flatten" or "global-average-pool" before it'
            raise misfit(what, hint, got=shape)
        return (self.units,)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        weights = (shape[0] + self.bias) * self.units
        return (weights + n_activation_parameters(self.activation, self.units), 0)

    def macs(self, shape: Shape) -> int:
        return shape[0] * self.units

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return a linear layer, followed by the activation if there is one."""
        from torch import nn
        from torch.nn.utils import skip_init

        from convstudy.networks.modules.product import Linear

        # skip_init: torch's own initial weights would draw from the global generator.
        linear: nn.Linear = skip_init(Linear, shape[0], self.units, bias=self.bias)  # type: ignore[no-untyped-call]
        initialise(linear.weight, self.init or DEFAULT_INIT, generator)
        if self.bias:
            nn.init.zeros_(linear.bias)
        if self.activation is None:
            return linear
        return nn.Sequential(linear, activation_module(self.activation, self.units))


LAYERS = (Dense,)
