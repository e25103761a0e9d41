"""The weight initialisers by name, with the distributions of Keras.

He, Glorot and LeCun initialisers have the variance ``scale / fan`` (He et al. 2015, Glorot & Bengio 2010, LeCun et al.
1998); the orthogonal one is from Saxe et al. 2014. Normal distributions are truncated at two standard deviations.
Truncation multiplies the standard deviation by 0.8796, so the distribution is first widened by 1 / 0.8796, as in
Keras' ``VarianceScaling``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Standard deviation of a standard normal truncated at ±2.
TRUNCATED_NORMAL_SD = 0.87962566103423978


@dataclass(frozen=True)
class VarianceScaling:
    """An initialiser with variance ``scale / fan``.

    ``fan`` is ``"in"`` or ``"average"`` (of fan-in and fan-out); ``shape`` is ``"normal"`` or ``"uniform"``.
    """

    scale: float
    fan: str
    shape: str


# Name -> distribution; None is the orthogonal initialiser. To add one, add an entry here.
INITIALISERS: dict[str, VarianceScaling | None] = {
    "he-normal": VarianceScaling(2.0, "in", "normal"),
    "he-uniform": VarianceScaling(2.0, "in", "uniform"),
    "glorot-normal": VarianceScaling(1.0, "average", "normal"),
    "glorot-uniform": VarianceScaling(1.0, "average", "uniform"),
    "lecun-normal": VarianceScaling(1.0, "in", "normal"),
    "lecun-uniform": VarianceScaling(1.0, "in", "uniform"),
    "orthogonal": None,
}

DEFAULT_INIT = "he-normal"
"""The initialiser if neither the layer nor its network sets one."""


def initialise(weight: torch.Tensor, name: str, generator: torch.Generator, n_groups: int = 1) -> None:
    """Fill a weight tensor in place.

    Args:
        weight: shape ``(out, in / n_groups, height, width)`` or ``(out, in)``.
        name: a key of :data:`INITIALISERS`.
        generator: the source of the values.
        n_groups: the number of groups of a convolution.
    """
    import torch
    from torch.nn import init

    scaling = INITIALISERS[name]
    with torch.no_grad():
        if scaling is None:
            # The groups of a convolution are independent, so each has its own orthogonal matrix.
            for group in weight.chunk(n_groups):
                init.orthogonal_(group, generator=generator)
            return
        # In a grouped convolution, an output depends on the inputs of one group and an input affects the outputs of one
        # group, so both fans are counted within a group. Keras' DepthwiseConv2D counts all channels in the fan, which
        # makes its weights too small by the square root of the number of channels.
        fan_in, fan_out = init._calculate_fan_in_and_fan_out(weight)
        fan = float(fan_in) if scaling.fan == "in" else (fan_in + fan_out / n_groups) / 2
        sd = math.sqrt(scaling.scale / fan)
        if scaling.shape == "uniform":
            bound = math.sqrt(3.0) * sd  # a uniform distribution on [-b, b] has the variance b² / 3
            weight.uniform_(-bound, bound, generator=generator)
        else:
            sd /= TRUNCATED_NORMAL_SD
            init.trunc_normal_(weight, 0.0, sd, -2.0 * sd, 2.0 * sd, generator=generator)
