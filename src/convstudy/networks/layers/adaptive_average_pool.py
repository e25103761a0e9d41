"""Average pooling to a fixed output size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Integer, Layer, argument, misfit
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class AdaptiveAveragePool(Layer):
    """``adaptive-average-pool SIZE``: takes the means of windows, SIZE of them along each side,
    (h, w, c) to (size, size, c).

    Along a side of ``n`` pixels, window ``i`` is ``[⌊i · n / size⌋, ⌈(i + 1) · n / size⌉)``, as in PyTorch. The windows
    have equal sizes if ``size`` divides ``n``; otherwise they overlap.

    Args:
        size: the height and width of the output, 1 to 1,024.

    Raises:
        NetworkError: if the input is flat, or smaller than the output.

    >>> AdaptiveAveragePool(4).output_shape((9, 12, 16))
    (4, 4, 16)
    """

    word: ClassVar[str] = "adaptive-average-pool"
    usage: ClassVar[str] = "adaptive-average-pool SIZE"

    size: int = argument("position", Integer(1, 1024))

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.need_image(shape)
        if self.size > min(height, width):
            what = f"size {self.size} does not fit an input of {height} × {width}"
            raise misfit(what, f"use a size of at most {min(height, width)}")
        return (self.size, self.size, channels)

    def no_op_reason(self, shape: Shape) -> str:
        return (
            f"its input is {self.size} × {self.size} already" if shape[:2] == (self.size, self.size) else ""
        )

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the pooling, or the identity for an input of the output size."""
        from torch import nn

        from convstudy.networks.modules.window_means import WindowMeans

        height, width, _ = self.need_image(shape)
        if self.no_op_reason(shape):
            return nn.Identity()
        if height % self.size or width % self.size:
            return WindowMeans(self.size)
        return nn.AvgPool2d((height // self.size, width // self.size))


LAYERS = (AdaptiveAveragePool,)
