"""Dropout whose masks come from raw random bits."""

from __future__ import annotations

import torch
from torch import nn

N_LEVELS = 1 << 16


class BitsDropout(nn.Module):
    """Zero each value with probability ``rate`` in training and scale the rest (Srivastava et al. 2014).

    torch draws one Bernoulli number a value on a single thread, which is a fifth to a third of a training step on a
    CPU. Here one 64-bit draw of torch's generator serves four values: each 16-bit word is compared with a threshold.
    The rate is rounded to 1 / 65,536, and the scale is exact for the rounded rate.

    Args:
        rate: the probability of zero, from 0 to below 1.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.n_dropped_levels = min(round(rate * N_LEVELS), N_LEVELS - 1)
        self.scale = N_LEVELS / (N_LEVELS - self.n_dropped_levels)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Return the values with some of them zeroed, in training; as they are otherwise."""
        if not self.training:
            return values
        words = torch.empty(-(-values.numel() // 4), dtype=torch.int64, device=values.device)
        # From the smallest number on: without it, torch leaves the sign bit, and so every fourth word's top bit, at 0.
        words.random_(-(1 << 63), None)
        bits = words.view(torch.int16)[: values.numel()]
        kept = (bits >= self.n_dropped_levels - N_LEVELS // 2).to(values.dtype)
        # The scale stays a plain number: folded into the mask it would be rounded to the mask's precision.
        return values * kept.as_strided(values.shape, _dense_strides(values)) * self.scale

    def extra_repr(self) -> str:
        """Return the rate, for the module's printed form."""
        return f"rate={self.n_dropped_levels / N_LEVELS:g}"


def _dense_strides(values: torch.Tensor) -> tuple[int, ...]:
    """Return strides that lay the shape out without gaps or overlaps, in the order of ``values``' own.

    They are its own unless it is a slice or expanded: such strides would ask for more bits than there are, or share
    them.
    """
    return torch.empty_like(values, device="meta").stride()
