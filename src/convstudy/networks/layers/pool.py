"""Pooling: the maximum or the mean of each window, or the mean of each channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Integer, Layer, argument, misfit
from convstudy.networks.layers.windows import n_windows
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Pool(Layer):
    """Base class of pooling with square windows and no padding; windows do not overlap by default."""

    size: int = argument("position", Integer(1, 1024))
    stride: int | None = argument("key", Integer(1, 1024), None)

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.need_image(shape)
        stride = self.stride or self.size
        rows, columns = (n_windows(side, self.size, stride, "valid") for side in (height, width))
        if rows < 1 or columns < 1:
            what = f"window {self.size} does not fit an input of {height} × {width}"
            raise misfit(what, f"use a window of at most {min(height, width)}")
        return (rows, columns, channels)

    def no_op_reason(self, shape: Shape) -> str:
        if self.size == 1 and (self.stride or 1) == 1:
            return "it pools over windows of 1 × 1"
        return ""


@dataclass(frozen=True)
class MaxPool(Pool):
    """``max-pool SIZE``: takes the maximum of each window, (h, w, c) to (h', w', c).

    A side of ``n`` pixels becomes ``⌊(n - size) / stride⌋ + 1``; pixels that do not fill a window are dropped.

    Args:
        size: the side of the square windows in pixels, 1 to 1,024.
        stride: the distance between windows in pixels, 1 to 1,024; ``size`` by default.

    Raises:
        NetworkError: if the input is flat, or smaller than the window.

    >>> MaxPool(2).output_shape((9, 8, 16)), MaxPool(3, stride=2).output_shape((9, 8, 16))
    ((4, 4, 16), (4, 3, 16))
    """

    word: ClassVar[str] = "max-pool"
    usage: ClassVar[str] = "max-pool SIZE [stride=SIZE]"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return max pooling, or the identity for windows of 1 × 1."""
        from torch import nn

        return nn.Identity() if self.no_op_reason(shape) else nn.MaxPool2d(self.size, self.stride)


@dataclass(frozen=True)
class AveragePool(Pool):
    """``average-pool SIZE``: takes the mean of each window, (h, w, c) to (h', w', c).

    A side of ``n`` pixels becomes ``⌊(n - size) / stride⌋ + 1``; pixels that do not fill a window are dropped.

    Args:
        size: the side of the square windows in pixels, 1 to 1,024.
        stride: the distance between windows in pixels, 1 to 1,024; ``size`` by default.

    Raises:
        NetworkError: if the input is flat, or smaller than the window.

    >>> AveragePool(2).output_shape((9, 8, 16))
    (4, 4, 16)
    """

    word: ClassVar[str] = "average-pool"
    usage: ClassVar[str] = "average-pool SIZE [stride=SIZE]"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return average pooling, or the identity for windows of 1 × 1."""
        from torch import nn

        return nn.Identity() if self.no_op_reason(shape) else nn.AvgPool2d(self.size, self.stride)


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """``global-average-pool``: takes the mean of each channel, (h, w, c) to (c,) (Lin et al. 2014).

    Raises:
        NetworkError: if the input is flat.

    >>> GlobalAveragePool().output_shape((8, 8, 16))
    (16,)
    """

    word: ClassVar[str] = "global-average-pool"
    usage: ClassVar[str] = "global-average-pool"

    def output_shape(self, shape: Shape) -> Shape:
        return (self.need_image(shape)[2],)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return adaptive average pooling to 1 × 1, flattened."""
        from torch import nn

        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


LAYERS = (MaxPool, AveragePool, GlobalAveragePool)
