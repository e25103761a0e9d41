"""The best of n trials of a search: what fewer trials would have found.

Dodge, Gururangan, Card, Schwartz and Smith (2019) report the expected best validation score as a function of the
number of trials. Here n of the N scores are drawn without replacement, so that the estimate is unbiased for random
search (Tang et al. 2020) and exact for the average over all orders of the N trials. With the scores sorted from worst
to best, the best of n is among the i worst with probability C(i, n) / C(N, n). This distribution also gives its range
over orders.

A new random search is another sample. The median of its best of n is the quantile 0.5^(1/n) of the distribution of a
single score, which has an interval from order statistics without any assumption on this distribution (Lourie, Cho and
He 2024). N trials do not bound it on the side of the better scores unless n is much smaller than N.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from convstudy.stats.differences import CONFIDENCE


@dataclass(frozen=True)
class BestOf:
    """The best of n trials.

    Attributes:
        n: the number of trials.
        expected: the mean over all orders of the trials.
        worst, best: the range of the best of n in 95 % of all orders, from the worse to the better end.
    """

    n: int
    expected: float
    worst: float
    best: float


def best_of(
    scores: Sequence[float], n: int, higher_is_better: bool = True, confidence: float = CONFIDENCE
) -> BestOf:
    """Return the best of n of these scores in random order.

    Args:
        scores: the score of each trial, in any order.
        n: the number of trials, from 1 to ``len(scores)``.
        higher_is_better: the direction of the scores.
        confidence: the share of orders that the range covers, at least.

    Raises:
        ValueError: if ``n`` is not from 1 to the number of scores.

    >>> found = best_of([0.90, 0.92, 0.97], 2)  # the best of two is 0.97 in two of three pairs, else 0.92
    >>> round(found.expected, 4), found.worst, found.best
    (0.9533, 0.92, 0.97)
    """
    if not 1 <= n <= len(scores):
        raise ValueError(f"n must be in [1, {len(scores)}]; got {n}")
    ordered = sorted(scores, reverse=not higher_is_better)
    n_all, tail = len(ordered), (1 - confidence) / 2
    below = [_chance_below(number, n, n_all) for number in range(n_all + 1)]
    expected = math.fsum((below[i + 1] - below[i]) * value for i, value in enumerate(ordered))
    worst = next(value for i, value in enumerate(ordered) if below[i + 1] > tail)
    best = next(value for i, value in enumerate(ordered) if below[i + 1] >= 1 - tail)
    return BestOf(n, expected, worst, best)


def _chance_below(number: int, n: int, n_all: int) -> float:
    """Return the probability that n of ``n_all`` trials are all among the ``number`` worst."""
    if number < n:
        return 0.0
    if number == n_all:
        return 1.0
    logs = (math.lgamma(each + 1) - math.lgamma(each - n + 1) for each in (number, n_all))
    return math.exp(next(logs) - next(logs))


def median_bounds(
    scores: Sequence[float], n: int, limits: tuple[float, float], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the interval of the median best of n trials of a new random search.

    Args:
        scores: the scores of a random search, higher is better.
        n: the number of trials of the new search.
        limits: the lowest and the highest possible score; an end that the scores do not bound is at its limit.
        confidence: the confidence level.

    Raises:
        ValueError: if ``n`` is below 1, or there is no score.

    >>> median_bounds([0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98], 1, (0.0, 1.0))
    (0.91, 0.97)
    """
    from scipy.special import bdtr

    if n < 1 or not scores:
        raise ValueError(f"n must be 1 or more, with at least one score; got {n} and {len(scores)} scores")
    ordered, n_all = sorted(scores), len(scores)
    probability, tail = 0.5 ** (1 / n), (1 - confidence) / 2
    # The number of scores below the quantile is binomial: the k-th score is at most the quantile if k or more are.
    below = [float(bdtr(k, n_all, probability)) for k in range(n_all)]
    lower = [k for k in range(1, n_all + 1) if below[k - 1] <= tail]
    upper = [k for k in range(1, n_all + 1) if 1 - below[k - 1] <= tail]
    low = ordered[lower[-1] - 1] if lower else limits[0]
    return low, ordered[upper[0] - 1] if upper else limits[1]
