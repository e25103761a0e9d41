"""Dropout of single values and of whole images, with masks made from raw random bits."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

N_BITS = 16
N_LEVELS = 1 << N_BITS
BFLOAT16 = torch.bfloat16


class BitsDropout(nn.Module):
    """In training, set each value to 0 with probability ``rate`` and scale the others (Srivastava et al. 2014).

    torch draws one Bernoulli number per value on a single thread, which takes 20 to 33 % of a training step on a CPU.
    This module draws 64 bits for four values: it compares each 16-bit word with a threshold and turns it into the mask
    in place. For a rate of 0.5, one bit is enough for a value, so 64 bits serve 64 values.

    The rate is rounded to a multiple of 1 / 65,536, and the scale is exact for the rounded rate. In bfloat16 the scale
    is a bfloat16 number, and the rate is changed to match it: 0.3 becomes 0.3005, 0.4 becomes 0.3991, 0.5 stays.

    Random bits come from torch's generator by default. :func:`draw_dropout_from` sets another generator, and
    :func:`seed_dropout` a faster one for CPUs.

    Args:
        rate: the probability of 0, at least 0 and below 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        # At least one level is kept, because the scale would be infinite without one.
        self.n_dropped_levels = min(round(rate * N_LEVELS), N_LEVELS - 1)
        self.scale = N_LEVELS / (N_LEVELS - self.n_dropped_levels)
        half_scale = torch.tensor(self.scale, dtype=BFLOAT16)
        self.half_scale_bits = int(half_scale.view(torch.int16))
        # The rate that matches the rounded scale is 1 - 1 / scale.
        self.n_half_dropped_levels = N_LEVELS - round(N_LEVELS / float(half_scale))
        self.bits: np.random.SFC64 | None = None
        self.generator: torch.Generator | None = None

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values times the mask in training, and the values themselves in evaluation."""
        if not self.training:
            return values
        return values * self._mask(values).as_strided(values.shape, _dense_strides(values))

    def _mask(self, values: torch.Tensor) -> torch.Tensor:
        """Return a flat mask with 0 or the scale for each value, in the dtype of the values."""
        words = self._words(values)
        # The words become 1 (kept) or 0 in place: a comparison to booleans and a conversion cost six times as much.
        # For bfloat16, multiplying 0 or 1 by the bits of the scale gives the bits of the mask.
        # Words are signed and start at -32,768, so thresholds are shifted by half of the levels.
        if values.dtype == BFLOAT16:
            threshold = self.n_half_dropped_levels - N_LEVELS // 2
            return words.ge_(threshold).mul_(self.half_scale_bits).view(BFLOAT16)
        return words.ge_(self.n_dropped_levels - N_LEVELS // 2).to(values.dtype).mul_(self.scale)

    def _words(self, values: torch.Tensor) -> torch.Tensor:
        """Return one random int16 per value, flat. For a rate of 0.5 only their signs are independent."""
        n_values = values.numel()
        if self.n_dropped_levels != N_LEVELS // 2:
            return self._drawn(n_values, values)
        # Each bit of a word becomes the sign of a value's word: the threshold is 0.
        words = self._drawn(-(-n_values // N_BITS), values)
        shifts = torch.arange(N_BITS, dtype=torch.int16, device=values.device)
        return torch.bitwise_left_shift(words, shifts[:, None]).view(-1)[:n_values]

    def _drawn(self, n_words: int, values: torch.Tensor) -> torch.Tensor:
        """Return ``n_words`` random int16 on the device of the values."""
        # Rounded up: the words of the last draw may be unused. At least one, because torch cannot view an empty array.
        n_draws = max(1, -(-n_words // 4))
        if self.bits is not None and values.device.type == "cpu":
            draws = torch.from_numpy(self.bits.random_raw(n_draws).view(np.int64))
        else:
            draws = torch.empty(n_draws, dtype=torch.int64, device=values.device)
            # With the default range, torch leaves the sign bit at 0, which is the top bit of every fourth word.
            draws.random_(-(1 << 63), None, generator=self.generator)
        return draws.view(torch.int16)[:n_words]

    def extra_repr(self) -> str:
        """Return the rounded rate for ``repr``."""
        return f"rate={self.n_dropped_levels / N_LEVELS:g}"


class ImageDropout(BitsDropout):
    """In training, set all values of an image to 0 with probability ``rate`` and scale the other images.

    Inside a residual this is stochastic depth (Huang et al. 2016). It draws one 16-bit word per image.
    """

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return ``(n, c, h, w)`` or ``(n, features)`` times the mask in training, unchanged in evaluation."""
        if not self.training:
            return values
        first = values[:, 0] if values.ndim == 2 else values[:, 0, 0, 0]  # one value of each image, (n,)
        return values * self._mask(first).view(-1, *[1] * (values.ndim - 1))


def seed_dropout(model: nn.Module, seed: int) -> None:
    """Set one new SFC64 generator (O'Neill, Doty-Humphrey) with this seed as the source of all dropout of a model.

    NumPy guarantees that its stream does not change. A draw takes less than half the time of torch's Mersenne Twister.
    """
    bits = np.random.SFC64(seed)
    for module in model.modules():
        if isinstance(module, BitsDropout):
            module.bits = bits


def draw_dropout_from(model: nn.Module, generator: torch.Generator) -> None:
    """Set the generator of all dropout of a model; it must be on the model's device."""
    for module in model.modules():
        if isinstance(module, BitsDropout):
            module.generator = generator


def _dense_strides(values: torch.Tensor) -> tuple[int, ...]:
    """Return strides without gaps or overlaps, in the axis order of the strides of ``values``.

    They equal the strides of ``values`` unless it is a slice or an expanded tensor. Strides of a slice would need more
    random words than there are values; those of an expanded tensor would share words between values.
    """
    return torch.empty_like(values, device="meta").stride()
