"""Cropping of the border of an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Integer, Layer, argument, misfit
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Crop(Layer):
    """``crop SIZE``: removes SIZE pixels at each of the four sides, (h, w, c) to (h - 2 · size, w - 2 · size, c).

    As the first layer, it saves time if the border of the images has no information. Augmentation comes before it.

    Args:
        size: the number of pixels to remove at each side, 1 to 1,024.

    Raises:
        NetworkError: if the input is flat, or if no pixel is left.

    >>> Crop(2).output_shape((28, 28, 1))
    (24, 24, 1)
    """

    word: ClassVar[str] = "crop"
    usage: ClassVar[str] = "crop SIZE"

    size: int = argument("position", Integer(1, 1024))

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.need_image(shape)
        largest = (min(height, width) - 1) // 2
        if self.size > largest:
            what = f"crop {self.size} leaves no pixel of an input of {height} × {width}"
            raise misfit(what, f"use a size of at most {largest}" if largest else "remove the layer")
        return (height - 2 * self.size, width - 2 * self.size, channels)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return zero padding with a negative size, which crops."""
        from torch import nn

        return nn.ZeroPad2d(-self.size)


LAYERS = (Crop,)
