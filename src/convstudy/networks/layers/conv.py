"""2D convolution with square kernels; optional groups, dilation, bias and activation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from convstudy.networks.activations import ACTIVATIONS, activation_module, n_activation_parameters
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS, initialise
from convstudy.networks.layers.layer import Integer, Layer, YesNo, argument, misfit, one_of
from convstudy.networks.layers.windows import covered, n_windows, same_padding
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Conv(Layer):
    """``conv FILTERS KERNEL``: 2D convolution with square kernels, (h, w, c) to (h', w', filters).

    With ``padding=valid``, a side of ``n`` pixels becomes ``⌊(n - dilation · (kernel - 1) - 1) / stride⌋ + 1``. With
    ``padding=same``, it becomes ``⌈n / stride⌉``; if the number of zeros is odd, the extra one is at the bottom or
    right, as in TensorFlow.

    Args:
        filters: the number of output channels, 1 to 65,536.
        kernel: the side of the square kernels in pixels, 1 to 1,024.
        activation: a key of ``ACTIVATIONS``; none by default.
        stride: the distance between windows in pixels, 1 to 1,024; 1 by default.
        padding: ``valid`` (no padding, the default) or ``same`` (zeros).
        init: a key of ``INITIALISERS``; the network's ``init`` by default.
        bias: whether to add a bias; ``bias=yes`` by default.
        groups: the number of groups, 1 to 65,536, which must divide ``c`` and ``filters``; a filter sees
            ``c / groups`` channels (Krizhevsky et al. 2012). 1 by default.
        dilation: the distance between kernel elements in pixels, 1 to 1,024 (Yu & Koltun 2016); 1 by default.

    Raises:
        NetworkError: if the input is flat or, without padding, smaller than the kernel, or if ``groups`` does not
            divide ``c`` and ``filters``.

    >>> layer = Conv(64, 3, padding="same", bias=False, groups=2)
    >>> layer.output_shape((32, 32, 16)), layer.n_parameters((32, 32, 16))
    ((32, 32, 64), (4608, 0))
    """

    word: ClassVar[str] = "conv"
    usage: ClassVar[str] = (
        "conv FILTERS KERNEL [ACTIVATION] [stride=1] [padding=valid|same] [init=NAME] [bias=yes|no] [groups=1] "
        "[dilation=1]"
    )

    filters: int = argument("position", Integer(1, 65536))
    kernel: int = argument("position", Integer(1, 1024))
    activation: str | None = argument("word", one_of(ACTIVATIONS), None)
    stride: int = argument("key", Integer(1, 1024), 1)
    padding: str = argument("key", one_of(("valid", "same")), "valid")
    init: str | None = argument("key", one_of(INITIALISERS), None)
    bias: bool = argument("key", YesNo(), True)
    groups: int = argument("key", Integer(1, 65536), 1)
    dilation: int = argument("key", Integer(1, 1024), 1)

    def output_shape(self, shape: Shape) -> Shape:
        height, width, channels = self.need_image(shape)
        for noun, number in (("channels", channels), ("filters", self.filters)):
            if number % self.groups:
                what = f"{self.groups} groups do not divide {number} {noun}"
                raise misfit(what, f"use a common divisor of {channels} and {self.filters}")
        size = covered(self.kernel, self.dilation)
        rows = n_windows(height, size, self.stride, self.padding)
        columns = n_windows(width, size, self.stride, self.padding)
        if rows < 1 or columns < 1:
            covers = f" with dilation {self.dilation} covers {size} pixels and" if self.dilation > 1 else ""
            largest = (min(height, width) - 1) // self.dilation + 1
            what = f"kernel {self.kernel}{covers} does not fit an input of {height} × {width}"
            raise misfit(what, f"use a kernel of at most {largest}, or padding=same")
        return (rows, columns, self.filters)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        per_filter = self.kernel**2 * (shape[2] // self.groups) + self.bias
        return (self.filters * per_filter + n_activation_parameters(self.activation, self.filters), 0)

    def macs(self, shape: Shape) -> int:
        """Return h' · w' · filters · kernel² · c / groups."""
        rows, columns, _ = self.output_shape(shape)
        return rows * columns * self.filters * self.kernel**2 * (shape[2] // self.groups)

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return zero padding (for ``padding=same``), the convolution and the activation."""
        from torch import nn
        from torch.nn.utils import skip_init

        from convstudy.networks.modules.first_conv import FirstConv, is_first_convolution
        from convstudy.networks.modules.spectral.conv import SpectralConv
        from convstudy.networks.modules.whole_input_conv import WholeInputConv

        height, width, channels = self.need_image(shape)
        kind, size = self._kind(height, width, channels), covered(self.kernel, self.dilation)
        dilation = self.dilation if self.kernel > 1 else 1  # a 1 × 1 kernel has no gaps
        options: dict[str, Any] = {"dilation": dilation, "groups": self.groups, "bias": self.bias}
        # skip_init: torch's own initial weights would draw from the global generator.
        convolution: nn.Conv2d = skip_init(kind, channels, self.filters, self.kernel, self.stride, **options)  # type: ignore[no-untyped-call]
        initialise(convolution.weight, self.init or DEFAULT_INIT, generator, self.groups)
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)
        parts: list[nn.Module] = []
        # The padding is a separate module, because torch pads both sides alike and TensorFlow does not.
        if self.padding == "same":
            top, bottom = same_padding(height, size, self.stride)
            left, right = same_padding(width, size, self.stride)
            if isinstance(convolution, SpectralConv):
                convolution.zeros = (top, bottom, left, right)
                parts.append(nn.Identity())  # the weights keep their names
            else:
                parts.append(nn.ZeroPad2d((left, right, top, bottom)))
        parts.append(convolution)
        if self.activation:
            parts.append(activation_module(self.activation, self.filters))
        first = not isinstance(convolution, WholeInputConv) and is_first_convolution(
            channels,
            self.filters,
            self.kernel,
            self.stride,
            self.groups,
            self.dilation,
            self.activation == "relu",
        )
        # Whether it is the first layer shows in its input, which needs no gradient.
        return FirstConv(*parts) if first and self.activation in (None, "relu") else nn.Sequential(*parts)

    def _kind(self, height: int, width: int, channels: int) -> type[nn.Conv2d]:
        """Return the convolution class for an input shape: a faster one, or one that avoids a fault of oneDNN."""
        from torch import nn

        from convstudy.networks.modules.dilated_conv import DilatedConv
        from convstudy.networks.modules.skipping_conv import SkippingConv
        from convstudy.networks.modules.spectral.conv import SpectralConv
        from convstudy.networks.modules.spectral.rule import is_candidate
        from convstudy.networks.modules.whole_input_conv import WholeInputConv
        from convstudy.networks.modules.winograd_conv import WinogradConv

        # The rule does not use measurements, so the same network has the same modules on all machines.
        covers_input = covered(self.kernel, self.dilation) == height == width and self.padding == "valid"
        if covers_input and self.groups == self.dilation == 1:
            return WholeInputConv
        if self.kernel < self.stride:
            return SkippingConv
        if covered(self.kernel, self.dilation) > self.kernel:
            return DilatedConv
        if self.stride == self.groups == 1 and is_candidate(self.kernel, channels):
            return SpectralConv
        return WinogradConv if self.kernel == 3 and self.stride == self.groups == 1 else nn.Conv2d


LAYERS = (Conv,)
