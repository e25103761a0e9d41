"""Concatenation of the channels of several branches (Szegedy et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Layer, misfit
from convstudy.networks.shapes import Shape, shape_text
from convstudy.networks.tree import Branch, shape_after

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Concat(Layer):
    """``concat``: applies several branches to one input and concatenates the channels of their outputs.

    ``(h, w, c)`` becomes ``(h', w', c₁ + c₂ + …)``. A branch without layers is the input itself: a layer of DenseNet
    (Huang et al. 2017) is ``concat identity BLOCK``.

    Args:
        sequences: the layers of each branch.

    Raises:
        NetworkError: if the outputs of the branches differ in height or width.

    >>> from convstudy.networks.layers.conv import Conv
    >>> Concat(((), (Conv(4, 1),))).output_shape((8, 8, 16))
    (8, 8, 20)
    """

    word: ClassVar[str] = "concat"
    usage: ClassVar[str] = "concat BLOCK|identity BLOCK|identity ... [xN] [KEY=VALUE ...]"
    contains: ClassVar[str] = "branches"

    sequences: tuple[tuple[Layer, ...], ...]

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The branches, counted from 1."""
        return tuple(Branch((number,), layers) for number, layers in enumerate(self.sequences, start=1))

    def with_branches(self, sequences: tuple[tuple[Layer, ...], ...]) -> Layer:
        return Concat(sequences)

    def output_shape(self, shape: Shape) -> Shape:
        after = [shape_after(layers, shape) for layers in self.sequences]
        if len({each[:-1] for each in after}) > 1:
            shapes = ", ".join(map(shape_text, after))
            raise misfit(f"the branches must have outputs of the same height and width; they have {shapes}")
        return (*after[0][:-1], sum(each[-1] for each in after))

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the concatenation; initial weights are drawn branch by branch."""
        from convstudy.networks.build import sequence
        from convstudy.networks.modules.concat import ChannelConcat

        return ChannelConcat([sequence(layers, shape, generator) for layers in self.sequences])


LAYERS = (Concat,)
