"""The probability that a random seed of one candidate has a better score than a random seed of another.

Over all pairs of a seed of A with a seed of B, the proportion of pairs that A wins (a tie counts half) estimates this
probability; it is the statistic of Mann and Whitney divided by the number of pairs. It depends on ranks only, so that
a collapsed seed counts as one lost seed, however bad its score is.

The interval is Clopper and Pearson's for an effective number of seeds (Korn and Graubard 1998): the number with which a
proportion would have the estimated variance. That variance is the larger one of Brunner and Munzel's (2000), from the
placements of the seeds, and Hanley and McNeil's (1982), which is not 0 for separated samples. The effective number is
at least that of the smaller sample, because the variance is at most p (1 − p) / min(m, n) (Birnbaum 1956).
docs/statistics.md has the coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convstudy.stats.collapse import beta_bounds
from convstudy.stats.differences import CONFIDENCE
from convstudy.stats.intervals import Interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def win_probability(
    first: Sequence[float], second: Sequence[float], confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the probability that a random seed of ``first`` has a higher score than one of ``second``.

    Args:
        first: the scores of the first candidate's seeds, higher is better; −inf for a seed without a score, because
            its training diverged.
        second: the scores of the second candidate's seeds.
        confidence: the confidence level of the interval.

    Returns:
        The interval; ``None`` if a candidate has fewer than two seeds.

    >>> found = win_probability([0.991, 0.99, 0.992, 0.989, 0.6], [0.98, 0.981, 0.979, 0.98, 0.982])
    >>> round(found.estimate, 2), round(found.low, 2), round(found.high, 2)
    (0.8, 0.28, 0.99)
    """
    import numpy as np

    if min(len(first), len(second)) < 2:
        return None
    a, b = np.asarray(first, dtype=np.float64)[:, None], np.asarray(second, dtype=np.float64)[None]
    wins = (a > b) + 0.5 * (a == b)
    estimate = float(wins.mean())
    n = effective_seeds(wins, estimate)
    low, high = beta_bounds(estimate * n, n, confidence)
    return Interval(estimate, min(low, estimate), max(high, estimate), confidence)


def effective_seeds(wins: npt.NDArray[np.float64], estimate: float) -> float:
    """Return the number of seeds with which a proportion would have the variance of ``estimate``.

    Args:
        wins: 1 if the seed of the row wins against the seed of the column, 0.5 for a tie; shape (m, n), both ≥ 2.
        estimate: their mean.
    """
    m, n = wins.shape
    fewest = min(m, n)
    spread = estimate * (1 - estimate)
    if spread <= 0:
        return float(fewest)
    placements = float(wins.mean(axis=1).var(ddof=1)) / m + float(wins.mean(axis=0).var(ddof=1)) / n
    exponential = (1 - estimate) / (2 - estimate) + estimate / (1 + estimate)
    hanley_mcneil = spread * (1 + ((m + n) / 2 - 1) * exponential) / (m * n)
    effective: float = spread / max(placements, hanley_mcneil)
    return min(float(m * n), max(float(fewest), effective))
