"""Average pooling to a size, whatever the size before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Integer, Layer, argument
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class AdaptiveAveragePool(Layer):
    """``adaptive-average-pool SIZE``: the means of size × size windows, ``(h, w, c)`` to ``(size, size, c)``.

    Window ``i`` of a side of ``n`` pixels goes from pixel ``⌊i · n / size⌋`` to before ``⌈(i + 1) · n / size⌉``, as in
    torch: windows have equal sizes where ``size`` divides ``n``, and overlap elsewhere.

    >>> AdaptiveAveragePool(4).output_shape((9, 12, 16))
    (4, 4, 16)
    """

    word: ClassVar[str] = "adaptive-average-pool"
    usage: ClassVar[str] = "adaptive-average-pool SIZE"

    size: int = argument("position", Integer(1, 1024), "a whole number, 1 or more (outputs are square)")

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(size, size, channels)``; a size above that of the image is refused."""
        height, width, channels = self.need_image(shape)
        if self.size > min(height, width):
            raise self.misfit(
                shape,
                f"size {self.size} does not fit: this layer would get {height} × {width}",
                f"a size of at most {min(height, width)}",
            )
        return (self.size, self.size, channels)

    def no_op_reason(self, shape: Shape) -> str:
        """Return the reason for an input that has this size."""
        return f"its input is {self.size} × {self.size}" if shape[:2] == (self.size, self.size) else ""

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the pooling, or nothing at all where it would do nothing."""
        from torch import nn

        from convstudy.networks.modules.window_means import WindowMeans

        height, width, _ = self.need_image(shape)
        if self.no_op_reason(shape):
            return nn.Identity()
        if height % self.size or width % self.size:
            return WindowMeans(self.size)
        return nn.AvgPool2d((height // self.size, width // self.size))


LAYERS = (AdaptiveAveragePool,)
