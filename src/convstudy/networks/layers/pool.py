"""Pooling: the largest or the mean value of each window, or the mean of the whole image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.layers.layer import Integer, Layer, argument
from convstudy.networks.layers.windows import n_windows
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Pool(Layer):
    """Base of the pooling layers: a square window, by default side by side, "valid"."""

    size: int = argument("position", Integer(1, 1024), "a whole number, 1 or more (windows are square)")
    stride: int | None = argument("key", Integer(1, 1024), "a whole number, 1 or more", None)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the number of windows in height and width, and the channels as they were."""
        height, width, channels = self.need_image(shape)
        stride = self.stride or self.size
        rows, columns = (n_windows(side, self.size, stride, "valid") for side in (height, width))
        if rows < 1 or columns < 1:
            raise self.misfit(
                shape,
                f"window {self.size} does not fit: this layer would get {height} × {width}",
                f"a window of at most {min(height, width)}",
            )
        return (rows, columns, channels)

    def no_op_reason(self, shape: Shape) -> str:
        """Send a window of 1 × 1 that skips nothing: it hands its input on."""
        if self.size == 1 and (self.stride or 1) == 1:
            return "it pools over 1 × 1, which changes nothing"
        return ""


@dataclass(frozen=True)
class MaxPool(Pool):
    """``max-pool SIZE``: the largest value of each window, ``(h, w, c)`` to ``(h', w', c)``.

    Windows are side by side unless ``stride`` says otherwise; pixels that fill none are left out.

    >>> MaxPool(2).output_shape((9, 8, 16)), MaxPool(3, stride=2).output_shape((9, 8, 16))
    ((4, 4, 16), (4, 3, 16))
    """

    word: ClassVar[str] = "max-pool"
    usage: ClassVar[str] = "max-pool SIZE [stride=SIZE]"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the pooling, or nothing at all where it would do nothing."""
        from torch import nn

        return nn.Identity() if self.no_op_reason(shape) else nn.MaxPool2d(self.size, self.stride)


@dataclass(frozen=True)
class AveragePool(Pool):
    """``average-pool SIZE``: the mean of each window, ``(h, w, c)`` to ``(h', w', c)``.

    >>> AveragePool(2).output_shape((9, 8, 16))
    (4, 4, 16)
    """

    word: ClassVar[str] = "average-pool"
    usage: ClassVar[str] = "average-pool SIZE [stride=SIZE]"

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the pooling, or nothing at all where it would do nothing."""
        from torch import nn

        return nn.Identity() if self.no_op_reason(shape) else nn.AvgPool2d(self.size, self.stride)


@dataclass(frozen=True)
class GlobalAveragePool(Layer):
    """``global-average-pool``: the mean of each channel, ``(h, w, c)`` to ``(c,)`` (Lin et al. 2014).

    >>> GlobalAveragePool().output_shape((8, 8, 16))
    (16,)
    """

    word: ClassVar[str] = "global-average-pool"
    usage: ClassVar[str] = "global-average-pool"

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(channels,)``."""
        return (self.need_image(shape)[2],)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return the mean over height and width, flattened."""
        from torch import nn

        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


LAYERS = (MaxPool, AveragePool, GlobalAveragePool)
