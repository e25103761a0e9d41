"""A learned number for each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Decimal, Layer, argument
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class LayerScale(Layer):
    """``layer-scale START``: each channel times a number that is learned, from ``START`` on (Touvron et al. 2021).

    At the end of a residual a small start, such as 0.000001, makes the residual begin as its shortcut.

    >>> LayerScale(1e-6).n_parameters((8, 8, 16))
    (16, 0)
    """

    word: ClassVar[str] = "layer-scale"
    usage: ClassVar[str] = "layer-scale START"

    start: float = argument("position", Decimal(0.0, 10.0), "a number from 0 to below 10")

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return a number for each channel."""
        return (shape[-1], 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the multiplication."""
        from convstudy.networks.modules.channel_scale import ChannelScale

        return ChannelScale(shape[-1], self.start)


LAYERS = (LayerScale,)
