"""Depthwise convolution: each channel has filters of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from convstudy.networks.activations import ACTIVATIONS
from convstudy.networks.initialisers import INITIALISERS
from convstudy.networks.layers.as_conv import AsConv
from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.layer import Integer, argument, one_of, yes_no
from convstudy.networks.shapes import Shape


@dataclass(frozen=True)
class DepthwiseConv(AsConv):
    """``depthwise-conv KERNEL``: kernels for each channel alone, ``(h, w, c)`` to ``(h', w', multiplier · c)``.

    Each channel has ``multiplier`` kernels of ``kernel × kernel × 1``: a convolution with one group for each channel
    (Chollet 2017; Howard et al. 2017). Outputs ``multiplier · i`` and following are of channel ``i``, as in torch and
    Keras.

    >>> layer = DepthwiseConv(3, padding="same", bias=False)
    >>> layer.output_shape((32, 32, 16)), layer.n_parameters((32, 32, 16))
    ((32, 32, 16), (144, 0))
    """

    word: ClassVar[str] = "depthwise-conv"
    usage: ClassVar[str] = (
        "depthwise-conv KERNEL [multiplier=1] [ACTIVATION] [stride=1] [padding=valid|same] [init=NAME] [bias=yes|no] "
        "[dilation=1]"
    )

    kernel: int = argument("position", Integer(1, 1024), "a whole number, 1 or more (kernels are square)")
    multiplier: int = argument("key", Integer(1, 1024), "a whole number of filters a channel, 1 or more", 1)
    activation: str | None = argument("word", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS), None)
    stride: int = argument("key", Integer(1, 1024), "a whole number, 1 or more", 1)
    padding: str = argument("key", one_of(("valid", "same")), "valid, same", "valid")
    init: str | None = argument("key", one_of(INITIALISERS), ", ".join(INITIALISERS), None)
    bias: bool = argument("key", yes_no, "yes, no", True)
    dilation: int = argument("key", Integer(1, 1024), "a whole number, 1 or more", 1)

    def conv(self, shape: Shape) -> Conv:
        """Return the convolution in groups that this layer is for an input of this shape."""
        channels = self.need_image(shape)[2]
        return Conv(
            filters=self.multiplier * channels,
            kernel=self.kernel,
            activation=self.activation,
            stride=self.stride,
            padding=self.padding,
            init=self.init,
            bias=self.bias,
            groups=channels,
            dilation=self.dilation,
        )


LAYERS = (DepthwiseConv,)
