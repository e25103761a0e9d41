"""What layers share that are a convolution whose sizes follow from the channels of their input."""

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
    """Base of a layer that is a :class:`~convstudy.networks.layers.conv.Conv` once its input is known."""

    @abstractmethod
    def conv(self, shape: Shape) -> Conv:
        """Return the convolution that this layer is for an input of this shape."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape after the convolution."""
        return self.conv(shape).output_shape(shape)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return kernel weights, biases and what the activation has; nothing is kept untrained."""
        return self.conv(shape).n_parameters(shape)

    def macs(self, shape: Shape) -> int:
        """Return those of the convolution."""
        return self.conv(shape).macs(shape)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return padding (where "same" asks for it), convolution and activation."""
        return self.conv(shape).module(shape, generator)
