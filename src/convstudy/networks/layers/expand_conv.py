"""A 1 × 1 convolution that multiplies the number of channels, for blocks that do not know their input channels."""

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
class ExpandConv(AsConv):
    """``expand-conv RATIO``: 1 × 1 convolution with RATIO times the input channels, (h, w, c) to (h, w, ratio · c).

    It is the first layer of an inverted residual (Sandler et al. 2018).

    Args:
        ratio: the number of output channels per input channel, 1 to 1,024.
        activation: a key of ``ACTIVATIONS``; none by default.
        init: a key of ``INITIALISERS``; the network's ``init`` by default.
        bias: whether to add a bias; ``bias=yes`` by default.

    Raises:
        NetworkError: if the input is flat.

    >>> layer = ExpandConv(6, bias=False)
    >>> layer.output_shape((8, 8, 16)), layer.n_parameters((8, 8, 16))
    ((8, 8, 96), (1536, 0))
    """

    word: ClassVar[str] = "expand-conv"
    usage: ClassVar[str] = "expand-conv RATIO [ACTIVATION] [init=NAME] [bias=yes|no]"

    ratio: int = argument("position", Integer(1, 1024))
    activation: str | None = argument("word", one_of(ACTIVATIONS), None)
    init: str | None = argument("key", one_of(INITIALISERS), None)
    bias: bool = argument("key", YesNo(), True)

    def conv(self, shape: Shape) -> Conv:
        filters = self.ratio * self.need_image(shape)[2]
        return Conv(filters, 1, self.activation, init=self.init, bias=self.bias)


LAYERS = (ExpandConv,)
