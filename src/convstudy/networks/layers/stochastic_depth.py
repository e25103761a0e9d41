"""Stochastic depth: in training, the body of a residual is left out for some images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Decimal, Layer, argument, one_of
from convstudy.networks.shapes import Shape
from convstudy.networks.tree import every_layer, mapped

if TYPE_CHECKING:
    import torch
    from torch import nn

LINEAR = "linear"


@dataclass(frozen=True)
class StochasticDepth(Layer):
    """``stochastic-depth RATE``: in training, each image's values are zeroed with this probability, the rest scaled up.

    As the last layer inside a residual it leaves the body out for some images, and the shortcut stays (Huang et al.
    2016; also called drop path). Values that stay are divided by ``1 - RATE``, so that evaluation changes nothing.
    With ``linear`` the rates rise with depth: the ``i``-th of the ``n`` such layers of a network has ``RATE · i / n``.
    It does nothing in a residual without a shortcut.

    >>> StochasticDepth(0.2).output_shape((8, 8, 16))
    (8, 8, 16)
    """

    word: ClassVar[str] = "stochastic-depth"
    usage: ClassVar[str] = "stochastic-depth RATE [linear]"
    only_inside: ClassVar[str] = "residual"

    rate: float = argument("position", Decimal(0.0, 1.0), "a number from 0 to below 1")
    schedule: str | None = argument("word", one_of((LINEAR,)), LINEAR, None)

    def no_op_reason(self, shape: Shape) -> str:
        """Return the reason for a rate of 0."""
        return "" if self.rate else "its rate is 0"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the layer at this rate, or nothing at all where the rate is 0."""
        from torch import nn

        from convstudy.networks.modules.dropout import ImageDropout

        return ImageDropout(self.rate) if self.rate else nn.Identity()


def with_rates(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return a tree with the rate of each layer whose rate rises with depth, in order, instead of the last one's."""
    every = tuple(layers)
    n_linear = sum(
        isinstance(layer, StochasticDepth) and layer.schedule == LINEAR for layer in every_layer(every)
    )
    numbers = count(1)

    def change(layer: Layer) -> tuple[Layer, ...]:
        if not isinstance(layer, StochasticDepth) or layer.schedule != LINEAR:
            return (layer,)
        return (replace(layer, rate=layer.rate * next(numbers) / n_linear, schedule=None),)

    return mapped(every, change) if n_linear else every


def never_dropped(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Return a body in which each of these layers has a rate of 0, except those of residuals inside it."""
    found: list[Layer] = []
    for layer in layers:
        if isinstance(layer, StochasticDepth):
            layer = replace(layer, rate=0.0)
        elif layer.branches and layer.word != StochasticDepth.only_inside:
            layer = layer.with_branches(tuple(never_dropped(branch.layers) for branch in layer.branches))
        found.append(layer)
    return tuple(found)


LAYERS = (StochasticDepth,)
