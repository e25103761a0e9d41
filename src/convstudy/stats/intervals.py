"""Intervals of shares: one model's accuracy, and the difference of two models' accuracies.

- :func:`wilson`: the score interval of one share (Wilson 1927). Wald's share ± z·se breaks down near 100 %: it ends
  beyond 1, and at 10,000 of 10,000 it says that the model makes no mistake at all.
- :func:`newcombe`: the difference of two shares of which nobody knows how they belong together (Newcombe 1998a,
  method 10), from the two score intervals.
- :func:`bonett_price`: the difference of two shares measured on the same images (Bonett and Price 2012): Wald's
  interval after one made-up image each way, which keeps its level where few images tell the models apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from convstudy.stats.differences import CONFIDENCE, ROUNDING, t_quantile


@dataclass(frozen=True)
class Interval:
    """A figure and the interval that holds the true one, this often."""

    estimate: float
    low: float
    high: float
    confidence: float = CONFIDENCE


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return t_quantile(probability, math.inf)


def wilson(share: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval of a share of ``n`` images.

    ``n`` may be broken: an effective number of images, as surveys use it (:mod:`convstudy.stats.two_way`).

    Raises:
        ValueError: where the share is none, or ``n`` is not positive.
    """
    if not (0 <= share <= 1 and n > 0):
        raise ValueError(f"a share lies between 0 and 1, of more than 0 images; got {share} of {n}")
    z2 = normal_quantile(0.5 + confidence / 2) ** 2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (share * (1 - share) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # At 0 and 1 the interval ends there exactly; rounding must not move it.
    low = 0.0 if share == 0 else max(0.0, middle - half)
    high = 1.0 if share == 1 else min(1.0, middle + half)
    return Interval(share, low, high, confidence)


def newcombe(first: float, second: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of ``(first − second) / n`` for two samples of ``n`` that have nothing in common.

    Counts may be broken: those expected on another number of images.
    """
    a, b = wilson(first / n, n, confidence), wilson(second / n, n, confidence)
    difference = a.estimate - b.estimate
    low = difference - math.hypot(a.estimate - a.low, b.high - b.estimate)
    high = difference + math.hypot(a.high - a.estimate, b.estimate - b.low)
    return Interval(difference, low, high, confidence)


def bonett_price(first_only: float, second_only: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the difference of two models' accuracies on the same ``n`` images.

    Counts may be broken: those expected on another number of images.

    Args:
        first_only: images that only the first model gets right.
        second_only: images that only the second gets right.
        n: all images.
        confidence: how often such an interval holds the true difference.

    Raises:
        ValueError: where the counts cannot be.
    """
    if first_only < 0 or second_only < 0 or n < 1 or first_only + second_only > n * (1 + ROUNDING):
        raise ValueError(f"{first_only} and {second_only} of {n} images cannot be")
    a, b = (first_only + 1) / (n + 2), (second_only + 1) / (n + 2)
    half = normal_quantile(0.5 + confidence / 2) * math.sqrt(max(0.0, a + b - (a - b) ** 2) / (n + 2))
    return Interval(
        (first_only - second_only) / n, max(-1.0, a - b - half), min(1.0, a - b + half), confidence
    )
