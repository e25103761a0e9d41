"""Convolution with square kernels, an optional activation, and He-normal start weights unless said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from convstudy.networks.activations import ACTIVATIONS, activation_module
from convstudy.networks.initialisers import DEFAULT_INIT, INITIALISERS, initialise
from convstudy.networks.layers.layer import Layer, argument, one_of, whole
from convstudy.networks.layers.windows import n_windows, same_padding
from convstudy.networks.shapes import Shape

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Conv(Layer):
    """``conv FILTERS KERNEL``: ``(h, w, c)`` to ``(h', w', filters)``."""

    word: ClassVar[str] = "conv"
    usage: ClassVar[str] = "conv FILTERS KERNEL [ACTIVATION] [stride=1] [padding=valid|same] [init=NAME]"

    filters: int = argument("position", whole(1, 65536), "a whole number of filters, 1 or more")
    kernel: int = argument("position", whole(1, 1024), "a whole number, 1 or more (kernels are square)")
    activation: str | None = argument("word", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS), None)
    stride: int = argument("key", whole(1, 1024), "a whole number, 1 or more", 1)
    padding: str = argument("key", one_of(("valid", "same")), "valid, same", "valid")
    init: str | None = argument("key", one_of(INITIALISERS), ", ".join(INITIALISERS), None)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(height, width, filters)`` after the convolution."""
        height, width, _ = self.need_image(shape)
        rows = n_windows(height, self.kernel, self.stride, self.padding)
        columns = n_windows(width, self.kernel, self.stride, self.padding)
        if rows < 1 or columns < 1:
            raise self.misfit(
                shape,
                f"kernel {self.kernel} does not fit: this layer would get {height} × {width}",
                f"a kernel of at most {min(height, width)}, or padding=same",
            )
        return (rows, columns, self.filters)

    def n_parameters(self, shape: Shape) -> tuple[int, int]:
        """Return kernel weights and biases; nothing is kept untrained."""
        return (self.filters * (self.kernel**2 * shape[2] + 1), 0)

    def multiply_adds(self, shape: Shape) -> int:
        """Return kernel² × channels × filters for each place of the output."""
        rows, columns, _ = self.output_shape(shape)
        return rows * columns * self.filters * self.kernel**2 * shape[2]

    def module(self, shape: Shape, generator: torch.Generator) -> nn.Module:
        """Return padding (where "same" asks for it), convolution and activation."""
        from torch import nn
        from torch.nn.utils import skip_init

        height, width, channels = self.need_image(shape)
        kind = self._kind(height, width)
        # Without torch's own start weights, which would draw from the global generator, too.
        convolution: nn.Conv2d = skip_init(kind, channels, self.filters, self.kernel, self.stride)  # type: ignore[no-untyped-call]
        initialise(convolution.weight, self.init or DEFAULT_INIT, generator)
        assert convolution.bias is not None
        nn.init.zeros_(convolution.bias)
        parts: list[nn.Module] = []
        if self.padding == "same":
            top, bottom = same_padding(height, self.kernel, self.stride)
            left, right = same_padding(width, self.kernel, self.stride)
            parts.append(nn.ZeroPad2d((left, right, top, bottom)))
        parts.append(convolution)
        if self.activation:
            parts.append(activation_module(self.activation))
        return nn.Sequential(*parts)

    def _kind(self, height: int, width: int) -> type[nn.Conv2d]:
        """Return the class of the convolution for images of this size: a fast path where there is one."""
        from torch import nn

        from convstudy.networks.modules.skipping_conv import SkippingConv
        from convstudy.networks.modules.whole_input_conv import WholeInputConv

        if self.kernel == height == width and self.padding == "valid":
            return WholeInputConv
        return SkippingConv if self.kernel < self.stride else nn.Conv2d


LAYERS = (Conv,)
