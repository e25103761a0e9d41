"""Stochastic depth: in training, some images skip the body of a residual."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Decimal, Layer, argument, one_of
from convstudy.networks.shapes import Shape
from convstudy.networks.tree import all_layers, map_layers

if TYPE_CHECKING:
    import torch
    from torch import nn

LINEAR = "linear"


@dataclass(frozen=True)
class StochasticDepth(Layer):
    """``stochastic-depth RATE``: in training, sets all values of an image to 0 with probability RATE.

    As the last layer of a residual's body it drops the body for some images and keeps the shortcut (Huang et al. 2016;
    also called drop path). The values of the other images are divided by ``1 - rate``; in evaluation the layer does
    nothing. The shape stays the same. In a residual without a shortcut the layer does nothing.

    Args:
        rate: the probability of 0, at least 0 and below 1.
        schedule: with ``linear``, rates grow with depth: the ``i``-th of the ``n`` linear layers of a network has
            ``rate · i / n``. By default each layer has its own rate.

    Raises:
        NetworkError: if the layer is not inside a residual.

    >>> StochasticDepth(0.2).output_shape((8, 8, 16))
    (8, 8, 16)
    """

    word: ClassVar[str] = "stochastic-depth"
    usage: ClassVar[str] = "stochastic-depth RATE [linear]"
    only_inside: ClassVar[str] = "residual"

    rate: float = argument("position", Decimal(0.0, 1.0))
    schedule: str | None = argument("word", one_of((LINEAR,)), None)

    def no_op_reason(self, shape: Shape) -> str:
        return "" if self.rate else "its rate is 0"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return dropout of whole images, or the identity for a rate of 0."""
        from torch import nn

        from convstudy.networks.modules.dropout import ImageDropout

        return ImageDropout(self.rate) if self.rate else nn.Identity()


def with_linear_rates(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return a tree in which each ``linear`` stochastic-depth layer has its own rate, ``rate · i / n``."""
    every = tuple(layers)
    n_linear = sum(
        isinstance(layer, StochasticDepth) and layer.schedule == LINEAR for layer in all_layers(every)
    )
    numbers = count(1)  # map_layers goes through the layers in order

    def change(layer: Layer) -> tuple[Layer, ...]:
        if not isinstance(layer, StochasticDepth) or layer.schedule != LINEAR:
            return (layer,)
        return (replace(layer, rate=layer.rate * next(numbers) / n_linear, schedule=None),)

    return map_layers(every, change) if n_linear else every


def with_zero_rates(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return a body whose stochastic-depth layers have a rate of 0; inner residuals keep their rates."""
    found: list[Layer] = []
    for layer in layers:
        if isinstance(layer, StochasticDepth):
            layer = replace(layer, rate=0.0)
        elif layer.branches and layer.word != StochasticDepth.only_inside:
            layer = layer.with_branches(tuple(with_zero_rates(branch.layers) for branch in layer.branches))
        found.append(layer)
    return tuple(found)


LAYERS = (StochasticDepth,)
