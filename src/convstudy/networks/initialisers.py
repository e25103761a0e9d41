"""Start weights by name, drawn as Keras draws them.

He, Glorot and LeCun scale the variance to ``scale / fan`` (He et al. 2015, Glorot & Bengio 2010, LeCun et al. 1998).
The normal forms are truncated at two standard deviations, and widened by 1 / 0.8796 so that the truncated
draw has the wanted variance (Keras' ``VarianceScaling``); orthogonal is Saxe et al. 2014.
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
    """Draw with variance ``scale / fan``.

    ``fan`` is ``"in"`` or ``"average"`` (of in and out), ``shape`` is ``"normal"`` or ``"uniform"``.
    """

    scale: float
    fan: str
    shape: str


# Name -> how it is drawn; None is the orthogonal matrix. A new initialiser is one entry here.
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
"""How start weights are drawn where neither a layer nor its network says."""


def initialise(weight: torch.Tensor, name: str, generator: torch.Generator, n_groups: int = 1) -> None:
    """Fill ``weight`` in place, ``(out, in, height, width)`` or ``(out, in)``, from ``generator``.

    A convolution in groups has the weight ``(out, in / groups, height, width)``. Each of its outputs sees one group,
    and each of its inputs reaches one, so both fans are those of a group. Keras' ``DepthwiseConv2D`` takes the number
    of all channels into the fan, which makes its start weights too small by the root of it.
    """
    import torch
    from torch.nn import init

    how = INITIALISERS[name]
    with torch.no_grad():
        if how is None:
            for group in weight.chunk(n_groups):
                init.orthogonal_(group, generator=generator)
            return
        fan_in, fan_out = init._calculate_fan_in_and_fan_out(weight)
        fan = float(fan_in) if how.fan == "in" else (fan_in + fan_out / n_groups) / 2
        sd = math.sqrt(how.scale / fan)
        if how.shape == "uniform":
            bound = math.sqrt(3.0) * sd
            weight.uniform_(-bound, bound, generator=generator)
        else:
            sd /= TRUNCATED_NORMAL_SD
            init.trunc_normal_(weight, 0.0, sd, -2.0 * sd, 2.0 * sd, generator=generator)
