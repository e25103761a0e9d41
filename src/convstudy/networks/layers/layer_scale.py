"""Trainable scale of each channel."""

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
    """``layer-scale START``: multiplies each channel by a trainable number that starts at START (Touvron et al. 2021).

    The shape stays the same. At the end of a residual, a small start such as 0.000001 makes the residual almost the
    identity at first.

    Args:
        start: the initial value, at least 0 and below 10.

    >>> LayerScale(1e-6).n_parameters((8, 8, 16))
    (16, 0)
    """

    word: ClassVar[str] = "layer-scale"
    usage: ClassVar[str] = "layer-scale START"

    start: float = argument("position", Decimal(0.0, 10.0))

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        return (shape[-1], 0)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the multiplication by one weight per channel."""
        from convstudy.networks.modules.channel_scale import ChannelScale

        return ChannelScale(shape[-1], self.start)


LAYERS = (LayerScale,)
