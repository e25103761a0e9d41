"""Concatenation: several branches over one input, their channels one after the other (Szegedy et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Layer
from convstudy.networks.shapes import Shape, shape_text
from convstudy.networks.tree import Branch, shape_after

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Concat(Layer):
    """``concat``: the branches inside over the same input, joined in the channels; a branch of no layers is the input.

    DenseNet (Huang et al. 2017) is ``concat identity BLOCK``.

    >>> from convstudy.networks.layers.conv import Conv
    >>> Concat(((), (Conv(4, 1),))).output_shape((8, 8, 16))
    (8, 8, 20)
    """

    word: ClassVar[str] = "concat"
    usage: ClassVar[str] = "concat BLOCK|identity BLOCK|identity ... [xN] [KEY=VALUE ...]"
    holds: ClassVar[str] = "branches"

    sequences: tuple[tuple[Layer, ...], ...]

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The branches, counted from 1."""
        return tuple(Branch((number,), layers) for number, layers in enumerate(self.sequences, start=1))

    def with_branches(self, sequences: tuple[tuple[Layer, ...], ...]) -> Layer:
        """Return the concatenation of other branches."""
        return Concat(sequences)

    def output_shape(self, shape: Shape) -> Shape:
        """Return height and width of the branches, which must agree, and the sum of their channels."""
        after = [shape_after(layers, shape) for layers in self.sequences]
        if len({each[:-1] for each in after}) > 1:
            raise self.misfit(
                shape,
                f"the branches do not go together: {', '.join(map(shape_text, after))}",
                "branches of one height and width",
            )
        return (*after[0][:-1], sum(each[-1] for each in after))

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the concatenation; start weights are drawn branch by branch."""
        from convstudy.networks.build import sequence
        from convstudy.networks.modules.concat import ChannelConcat

        return ChannelConcat([sequence(layers, shape, generator) for layers in self.sequences])


LAYERS = (Concat,)
