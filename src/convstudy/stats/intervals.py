"""Intervals of proportions: the accuracy of one model, and the difference of the accuracies of two.

- :func:`wilson`: the score interval of one proportion (Wilson 1927). Wald's interval, proportion ± z·se, fails near
  100 %: it ends above 1, and for 10,000 correct of 10,000 it implies that the model makes no error.
- :func:`proportion_interval`: Wilson's interval, widened to the exact limits of 5 % on each side. Wilson's misses the
  truth in up to 17 % of all samples if 0.1 to 3 errors are expected (Brown, Cai and DasGupta 2001), the wider one in
  up to 7 %.
- :func:`newcombe`: the difference of the proportions of two independent samples, from their two score intervals
  (Newcombe 1998a, method 10).
- :func:`bonett_price`: the difference of two proportions on the same images (Bonett and Price 2012): Wald's interval
  with two pseudo-observations, one in favour of each model. It keeps its confidence level if the models differ on
  few images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from convstudy.stats.differences import CONFIDENCE, ROUNDING, t_quantile
from convstudy.stats.image_groups import ImageGroups


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes:
        estimate: the estimate.
        low, high: the ends.
        confidence: the confidence level.
        reliable: whether the interval keeps this level; it does not over seeds of which some collapsed.
        groups: the groups of images that the interval is about; ``None`` if each image is its own group.
    """

    estimate: float
    low: float
    high: float
    confidence: float = CONFIDENCE
    reliable: bool = True
    groups: ImageGroups | None = None


def normal_quantile(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return t_quantile(probability, math.inf)


def wilson(proportion: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval of a proportion of ``n`` images.

    ``n`` can be fractional, because it can be an effective number of images (:mod:`convstudy.stats.two_way`).

    Raises:
        ValueError: if the proportion is not in [0, 1], or ``n`` is not positive.

    >>> found = wilson(0.95, 100)
    >>> round(found.low, 3), round(found.high, 3)
    (0.888, 0.978)
    """
    if not (0 <= proportion <= 1 and n > 0):
        raise ValueError(f"proportion must be in [0, 1] and n > 0; got {proportion} and {n}")
    low, high = score_ends(proportion, n, normal_quantile(0.5 + confidence / 2) ** 2)
    # At 0 and 1 the interval must end exactly there, without rounding.
    low = 0.0 if proportion == 0 else max(0.0, low)
    high = 1.0 if proportion == 1 else min(1.0, high)
    return Interval(proportion, low, high, confidence)


def score_ends(proportion: float, n: float, z2: float) -> tuple[float, float]:
    """Return the ends of the score interval of a proportion of ``n`` images, for a squared quantile ``z2``."""
    middle = (proportion + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2 * (proportion * (1 - proportion) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    return middle - half, middle + half


def proportion_interval(proportion: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a proportion of ``n`` images, also for few errors.

    It covers Wilson's interval and the exact one-sided limits of Clopper and Pearson (1934), each at the whole error
    level. With few errors, the whole error of Wilson's interval is on one side, and exceeds that level.

    Args:
        proportion: in [0, 1].
        n: the number of images, at least 1; it can be fractional.
        confidence: the confidence level of the interval.

    Raises:
        ValueError: if ``proportion`` is outside [0, 1], or ``n`` is not positive.

    >>> found = proportion_interval(0.99, 100)  # one error in 100; Wilson's ends are 0.946 and 0.998
    >>> round(found.low, 4), round(found.high, 4)
    (0.9455, 0.9995)
    """
    from scipy.special import betaincinv

    found = wilson(proportion, n, confidence)
    # The number of errors cannot be less than 0; rounding can make it so.
    right, wrong = n * proportion, max(0.0, n - n * proportion)
    low = float(betaincinv(right, wrong + 1, 1 - confidence)) if right else 0.0
    high = float(betaincinv(right + 1, wrong, confidence)) if wrong else 1.0
    return Interval(found.estimate, min(found.low, low), max(found.high, high), confidence)


def newcombe(first: float, second: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of ``(first − second) / n`` for two independent samples of size ``n``.

    Counts can be fractional: a required sample size is found with expected counts for larger numbers of images.

    >>> found = newcombe(90, 80, 100)  # 90 and 80 correct, on different images
    >>> round(found.low, 3), round(found.high, 3)
    (0.0, 0.199)
    """
    a, b = wilson(first / n, n, confidence), wilson(second / n, n, confidence)
    difference = a.estimate - b.estimate
    # The lower end combines the distances from the first estimate to its lower limit and from the second to
    # its upper limit; the upper end combines the other two.
    low = difference - math.hypot(a.estimate - a.low, b.high - b.estimate)
    high = difference + math.hypot(a.high - a.estimate, b.estimate - b.low)
    return Interval(difference, low, high, confidence)


def bonett_price(first_only: float, second_only: float, n: float, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of the difference of two models' accuracies on the same ``n`` images.

    Counts can be fractional: a required sample size is found with expected counts for larger numbers of images.

    Args:
        first_only: the number of images that only the first model classifies correctly.
        second_only: the number of images that only the second model classifies correctly.
        n: the number of all images.
        confidence: the confidence level of the interval.

    Raises:
        ValueError: if the counts are impossible.

    >>> found = bonett_price(20, 10, 1000)
    >>> round(found.low, 4), round(found.high, 4)
    (-0.0011, 0.021)
    """
    if first_only < 0 or second_only < 0 or n < 1 or first_only + second_only > n * (1 + ROUNDING):
        raise ValueError(
            f"first_only and second_only must be >= 0 with a sum <= n = {n}; got {first_only} and {second_only}"
        )
    # The two pseudo-observations, one in favour of each model, add 1 to both counts and 2 to n.
    a, b = (first_only + 1) / (n + 2), (second_only + 1) / (n + 2)
    half = normal_quantile(0.5 + confidence / 2) * math.sqrt(max(0.0, a + b - (a - b) ** 2) / (n + 2))
    return Interval(
        (first_only - second_only) / n, max(-1.0, a - b - half), min(1.0, a - b + half), confidence
    )
