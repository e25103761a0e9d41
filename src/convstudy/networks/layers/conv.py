"""Convolution with square kernels: plain, in groups, dilated, with or without bias, and an optional activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from convstudy.networks.activations import ACTIVATIONS, activation_module, n_activation_parameters
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS, initialise
from convstudy.networks.layers.layer import Integer, Layer, argument, one_of, yes_no
from convstudy.networks.layers.windows import covered, n_windows, same_padding
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Conv(Layer):
    """``conv FILTERS KERNEL``: a convolution with square kernels, ``(h, w, c)`` to ``(h', w', filters)``.

    Without padding a side of ``n`` pixels becomes ``⌊(n - kernel) / stride⌋ + 1``; with ``padding=same`` it becomes
    ``⌈n / stride⌉``, with TensorFlow's zeros: the odd one at the bottom and the right.

    With ``groups=g`` a filter sees ``c / g`` channels only (Krizhevsky et al. 2012). With ``dilation=d`` the kernel
    takes each ``d``-th pixel, so that it covers ``d · (kernel - 1) + 1`` of them (Yu & Koltun 2016).

    >>> layer = Conv(64, 3, padding="same", bias=False, groups=2)
    >>> layer.output_shape((32, 32, 16)), layer.n_parameters((32, 32, 16))
    ((32, 32, 64), (4608, 0))
    """

    word: ClassVar[str] = "conv"
    usage: ClassVar[str] = (
        "conv FILTERS KERNEL [ACTIVATION] [stride=1] [padding=valid|same] [init=NAME] [bias=yes|no] [groups=1] "
        "[dilation=1]"
    )

    filters: int = argument("position", Integer(1, 65536), "a whole number of filters, 1 or more")
    kernel: int = argument("position", Integer(1, 1024), "a whole number, 1 or more (kernels are square)")
    activation: str | None = argument("word", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS), None)
    stride: int = argument("key", Integer(1, 1024), "a whole number, 1 or more", 1)
    padding: str = argument("key", one_of(("valid", "same")), "valid, same", "valid")
    init: str | None = argument("key", one_of(INITIALISERS), ", ".join(INITIALISERS), None)
    bias: bool = argument("key", yes_no, "yes, no", True)
    groups: int = argument("key", Integer(1, 65536), "a whole number that divides channels and filters", 1)
    dilation: int = argument("key", Integer(1, 1024), "a whole number, 1 or more", 1)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(height, width, filters)`` after the convolution."""
        height, width, channels = self.need_image(shape)
        for what, number in (("channels", channels), ("filters", self.filters)):
            if number % self.groups:
                raise self.misfit(
                    shape,
                    f"{self.groups} groups do not divide {number} {what}",
                    f"a divisor of {channels} and {self.filters}",
                )
        size = covered(self.kernel, self.dilation)
        rows = n_windows(height, size, self.stride, self.padding)
        columns = n_windows(width, size, self.stride, self.padding)
        if rows < 1 or columns < 1:
            covers = f" with dilation {self.dilation} covers {size} pixels and" if self.dilation > 1 else ""
            raise self.misfit(
                shape,
                f"kernel {self.kernel}{covers} does not fit: this layer would get {height} × {width}",
                f"a kernel of at most {(min(height, width) - 1) // self.dilation + 1}, or padding=same",
            )
        return (rows, columns, self.filters)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return kernel weights, biases and what the activation has; nothing is kept untrained."""
        per_filter = self.kernel**2 * (shape[2] // self.groups) + self.bias
        return (self.filters * per_filter + n_activation_parameters(self.activation, self.filters), 0)

    def macs(self, shape: Shape) -> int:
        """Return kernel² × channels of a group × filters for each place of the output."""
        rows, columns, _ = self.output_shape(shape)
        return rows * columns * self.filters * self.kernel**2 * (shape[2] // self.groups)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return padding (where "same" asks for it), convolution and activation."""
        from torch import nn
        from torch.nn.utils import skip_init

        height, width, channels = self.need_image(shape)
        kind, size = self._kind(height, width), covered(self.kernel, self.dilation)
        dilation = self.dilation if self.kernel > 1 else 1  # a kernel of one pixel leaves none out
        others: dict[str, Any] = {"dilation": dilation, "groups": self.groups, "bias": self.bias}
        # Without torch's own start weights, which would draw from the global generator, too.
        convolution: nn.Conv2d = skip_init(kind, channels, self.filters, self.kernel, self.stride, **others)  # type: ignore[no-untyped-call]
        initialise(convolution.weight, self.init or DEFAULT_INIT, generator, self.groups)
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
        parts: list[nn.Module] = []
        if self.padding == "same":
            top, bottom = same_padding(height, size, self.stride)
            left, right = same_padding(width, size, self.stride)
            parts.append(nn.ZeroPad2d((left, right, top, bottom)))
        parts.append(convolution)
        if self.activation:
            parts.append(activation_module(self.activation, self.filters))
        return nn.Sequential(*parts)

    def _kind(self, height: int, width: int) -> type[nn.Conv2d]:
        """Return the class of the convolution for images of this size: faster or, where torch is wrong, right."""
        from torch import nn

        from convstudy.networks.modules.dilated_conv import DilatedConv
        from convstudy.networks.modules.skipping_conv import SkippingConv
        from convstudy.networks.modules.whole_input_conv import WholeInputConv

        covers_input = covered(self.kernel, self.dilation) == height == width and self.padding == "valid"
        if covers_input and self.groups == self.dilation == 1:
            return WholeInputConv
        if self.kernel < self.stride:
            return SkippingConv
        return DilatedConv if covered(self.kernel, self.dilation) > self.kernel else nn.Conv2d


LAYERS = (Conv,)
