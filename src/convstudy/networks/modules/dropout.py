"""Dropout, of values and of whole images, whose masks come from raw random bits."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

N_LEVELS = 1 << 16
BFLOAT16 = torch.bfloat16


class BitsDropout(nn.Module):
    """Zero each value with probability ``rate`` in training and scale the rest (Srivastava et al. 2014).

    torch draws one Bernoulli number a value on a single thread, which is a fifth to a third of a training step on a
    CPU. Here one 64-bit draw serves four values: each 16-bit word is compared with a threshold, and the comparison
    becomes the mask where it stands. The rate is rounded to 1 / 65,536, and the scale is exact for the rounded rate.
    In bfloat16 the scale is part of the mask, so it is a bfloat16 number, and the rate is the one that it is right
    for: 0.3 becomes 0.3005, 0.4 becomes 0.3991, 0.5 and 0.25 stay.

    Draws come from torch's generator, from one that :func:`draw_dropout_from` gives, or on a CPU from the faster one
    that :func:`seed_dropout` gives.

    Args:
        rate: the probability of zero, from 0 to below 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.n_dropped_levels = min(round(rate * N_LEVELS), N_LEVELS - 1)
        self.scale = N_LEVELS / (N_LEVELS - self.n_dropped_levels)
        half_scale = torch.tensor(self.scale, dtype=BFLOAT16)
        self.half_scale_bits = int(half_scale.view(torch.int16))
        self.n_half_dropped_levels = N_LEVELS - round(N_LEVELS / float(half_scale))
        self.bits: np.random.SFC64 | None = None
        self.generator: torch.Generator | None = None

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values with some of them zeroed, in training; as they are otherwise."""
        if not self.training:
            return values
        return values * self._mask(values).as_strided(values.shape, _dense_strides(values))

    def _mask(self, values: torch.Tensor) -> torch.Tensor:
        """Return 0 or the scale for each value, flat, in the values' dtype."""
        words = self._words(values)
        # In place, words become 1 (kept) or 0: a comparison that makes booleans, and a conversion from these, cost six
        # times as much. The mask of a bfloat16 is its bits, since 1 times the bits of the scale is the scale.
        if values.dtype == BFLOAT16:
            threshold = self.n_half_dropped_levels - N_LEVELS // 2
            return words.ge_(threshold).mul_(self.half_scale_bits).view(BFLOAT16)
        return words.ge_(self.n_dropped_levels - N_LEVELS // 2).to(values.dtype).mul_(self.scale)

    def _words(self, values: torch.Tensor) -> torch.Tensor:
        """Return a random int16 for each value, flat."""
        n_draws = -(-values.numel() // 4)
        if self.bits is not None and values.device.type == "cpu":
            draws = torch.from_numpy(self.bits.random_raw(n_draws).view(np.int64))
        else:
            draws = torch.empty(n_draws, dtype=torch.int64, device=values.device)
            # From the smallest number on: without it, torch leaves the sign bit, every fourth word's top bit, at 0.
            draws.random_(-(1 << 63), None, generator=self.generator)
        return draws.view(torch.int16)[: values.numel()]

    def extra_repr(self) -> str:
        """Return the rate, for the module's printed form."""
        return f"rate={self.n_dropped_levels / N_LEVELS:g}"


class ImageDropout(BitsDropout):
    """Zero all values of an image with probability ``rate`` in training and scale the other images.

    Inside a residual this is stochastic depth (Huang et al. 2016). One 16-bit word is drawn for each image.
    """

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return ``(n, c, h, w)`` or ``(n, features)`` with some images zeroed, in training; as it is otherwise."""
        if not self.training:
            return values
        first = values[:, 0] if values.ndim == 2 else values[:, 0, 0, 0]  # one value of each image, (n,)
        return values * self._mask(first).view(-1, *[1] * (values.ndim - 1))


def seed_dropout(model: nn.Module, seed: int) -> None:
    """Have every dropout of a model draw from one new SFC64 generator (O'Neill, Doty-Humphrey), started from ``seed``.

    numpy promises that its stream never changes. A draw takes less than half the time of torch's Mersenne twister.
    """
    bits = np.random.SFC64(seed)
    for module in model.modules():
        if isinstance(module, BitsDropout):
            module.bits = bits


def draw_dropout_from(model: nn.Module, generator: torch.Generator) -> None:
    """Have every dropout of a model draw from this generator, which must be on the model's device."""
    for module in model.modules():
        if isinstance(module, BitsDropout):
            module.generator = generator


def _dense_strides(values: torch.Tensor) -> tuple[int, ...]:
    """Return strides that lay the shape out without gaps or overlaps, in the order of ``values``' own.

    They are its own unless it is a slice or expanded: such strides would ask for more bits than there are, or share
    them.
    """
    return torch.empty_like(values, device="meta").stride()
