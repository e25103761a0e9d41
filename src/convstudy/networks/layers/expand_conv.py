"""The 1 × 1 convolution that multiplies the channels, so that a block need not know how many there are."""

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
class ExpandConv(AsConv):
    """``expand-conv RATIO``: a 1 × 1 convolution that multiplies the channels, ``(h, w, c)`` to ``(h, w, ratio · c)``.

    It is the first layer of an inverted residual (Sandler et al. 2018), which is wider inside than at its ends.

    >>> layer = ExpandConv(6, bias=False)
    >>> layer.output_shape((8, 8, 16)), layer.n_parameters((8, 8, 16))
    ((8, 8, 96), (1536, 0))
    """

    word: ClassVar[str] = "expand-conv"
    usage: ClassVar[str] = "expand-conv RATIO [ACTIVATION] [init=NAME] [bias=yes|no]"

    ratio: int = argument("position", Integer(1, 1024), "a whole number, 1 or more")
    activation: str | None = argument("word", one_of(ACTIVATIONS), ", ".join(ACTIVATIONS), None)
    init: str | None = argument("key", one_of(INITIALISERS), ", ".join(INITIALISERS), None)
    bias: bool = argument("key", yes_no, "yes, no", True)

    def conv(self, shape: Shape) -> Conv:
        """Return the convolution that this layer is for an input of this shape."""
        filters = self.ratio * self.need_image(shape)[2]
        return Conv(filters, 1, self.activation, init=self.init, bias=self.bias)


LAYERS = (ExpandConv,)
