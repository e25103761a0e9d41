"""Depthwise convolution: each filter sees one channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from convstudy.networks.activations import ACTIVATIONS
from convstudy.networks.initialisers import INITIALISERS
from convstudy.networks.layers.as_conv import AsConv
from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.layer import Integer, YesNo, argument, one_of
from convstudy.networks.shapes import Shape


@dataclass(frozen=True)
class DepthwiseConv(AsConv):
    """``depthwise-conv KERNEL``: separate kernels for each channel, (h, w, c) to (h', w', multiplier · c).

    It is a convolution with one group per channel (Chollet 2017; Howard et al. 2017). Output channels
    ``multiplier · i`` to ``multiplier · (i + 1) - 1`` belong to input channel ``i``, as in PyTorch and Keras. ``h'``
    and ``w'`` are those of :class:`~convstudy.networks.layers.conv.Conv`.

    Args:
        kernel: the side of the square kernels in pixels, 1 to 1,024.
        multiplier: the number of kernels per channel, 1 to 1,024; 1 by default.
        activation: a key of ``ACTIVATIONS``; none by default.
        stride: the distance between windows in pixels, 1 to 1,024; 1 by default.
        padding: ``valid`` (no padding, the default) or ``same`` (zeros, as in TensorFlow).
        init: a key of ``INITIALISERS``; the network's ``init`` by default.
        bias: whether to add a bias; ``bias=yes`` by default.
        dilation: the distance between kernel elements in pixels, 1 to 1,024; 1 by default.

    Raises:
        NetworkError: if the input is flat or, without padding, smaller than the kernel.

    >>> layer = DepthwiseConv(3, padding="same", bias=False)
    >>> layer.output_shape((32, 32, 16)), layer.n_parameters((32, 32, 16))
    ((32, 32, 16), (144, 0))
    """

    word: ClassVar[str] = "depthwise-conv"
    usage: ClassVar[str] = (
        "depthwise-conv KERNEL [multiplier=1] [ACTIVATION] [stride=1] [padding=valid|same] [init=NAME] [bias=yes|no] "
        "[dilation=1]"
    )

    kernel: int = argument("position", Integer(1, 1024))
    multiplier: int = argument("key", Integer(1, 1024), 1)
    activation: str | None = argument("word", one_of(ACTIVATIONS), None)
    stride: int = argument("key", Integer(1, 1024), 1)
    padding: str = argument("key", one_of(("valid", "same")), "valid")
    init: str | None = argument("key", one_of(INITIALISERS), None)
    bias: bool = argument("key", YesNo(), True)
    dilation: int = argument("key", Integer(1, 1024), 1)

    def conv(self, shape: Shape) -> Conv:
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
