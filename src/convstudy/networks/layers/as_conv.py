"""The base class of layers that are a convolution whose sizes depend on the input channels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.layer import Layer
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


class AsConv(Layer, ABC):
    """Base class of a layer that acts as a :class:`~convstudy.networks.layers.conv.Conv` for a given input shape."""

    @abstractmethod
    def conv(self, shape: Shape) -> Conv:
        """Return the equivalent convolution for an input shape."""

    def output_shape(self, shape: Shape) -> Shape:
        return self.conv(shape).output_shape(shape)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        return self.conv(shape).n_parameters(shape)

    def macs(self, shape: Shape) -> int:
        return self.conv(shape).macs(shape)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the module of the equivalent convolution."""
        return self.conv(shape).module(shape, generator)
