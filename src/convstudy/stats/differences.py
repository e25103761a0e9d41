"""Two candidates, seed by seed: the mean difference and the interval that holds the true one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.stats.summary import Summary, summarise

CONFIDENCE = 0.95
# Accuracies are fractions of at most some 10^5 images; differences below this are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Difference:
    """``first − second`` over pairs.

    Attributes:
        pairs: the difference of each pair, in the order given.
        summary: these in short.
        low, high: the interval for the true mean difference, at ``confidence``; ``None`` where there is
            none: fewer than two pairs, or pairs that all differ by the same amount, which show no spread to
            reckon with.
        confidence: how often such an interval holds the true mean, if the differences are independent and
            normal.
    """

    pairs: tuple[float, ...]
    summary: Summary
    low: float | None
    high: float | None
    confidence: float = CONFIDENCE

    @property
    def n(self) -> int:
        """How many pairs there are."""
        return self.summary.n

    @property
    def mean(self) -> float | None:
        """The mean difference, ``None`` without pairs."""
        return self.summary.mean


def paired_difference(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE
) -> Difference:
    """Return the difference of two sequences of figures that belong together pair by pair.

    The interval is Student's t interval for paired samples: mean ± t(n − 1) · sd / √n.

    Raises:
        ValueError: where the sequences differ in length, or ``confidence`` is not between 0 and 1.
    """
    if len(first) != len(second):
        raise ValueError(f"pairs need as many figures on both sides, got {len(first)} and {len(second)}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence lies between 0 and 1, got {confidence}")
    pairs = tuple(float(a) - float(b) for a, b in zip(first, second, strict=True))
    summary = summarise(pairs)
    low = high = None
    if summary.mean is not None and summary.sd is not None and summary.sd > _ROUNDING:
        half = _t_quantile(0.5 + confidence / 2, summary.n - 1) * summary.sd / math.sqrt(summary.n)
        low, high = summary.mean - half, summary.mean + half
    return Difference(pairs, summary, low, high, confidence)


def _t_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, probability))
