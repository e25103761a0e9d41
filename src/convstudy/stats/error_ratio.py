"""The ratio of two candidates' errors, and an equivalence margin that is a share of the errors.

99.90 % against 99.82 % correct differ by 0.08 percentage points, but the second makes 1.8 times the errors of the
first. The *error* of a candidate is the distance of its metric from the best possible value: 1 − accuracy, 1 − kappa, a
loss. For two mean errors a and b, the interval of a / b follows from intervals of the differences a − r · b (Fieller
1954): it contains each ratio r whose interval of a − r · b contains 0. These are intervals of differences like all
others, so that the uncertainty of both errors counts, from seeds and from images. If b may be 0, the ratio has no upper
end.

With a margin of, for example, 10 %, a candidate is better if it makes over 10 % fewer errors than the other:
a < 0.9 · b. Two candidates are equivalent if neither makes over 10 % fewer errors. The share is thus one of the larger
of both errors, and a verdict does not depend on the order of the candidates.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from convstudy.numbers import shortest
from convstudy.stats.differences import CONFIDENCE, ROUNDING, Difference
from convstudy.stats.power import RULE_OF_THREE

LowEnd = Callable[[float], float]
Claimed = Literal["better", "worse", "equivalent"]
_MOST = 1e9
"""A ratio above this counts as infinite."""


@dataclass(frozen=True)
class Share:
    """An equivalence margin that is a share of the errors, in (0, 1).

    >>> Share(0.1).text
    '10 %'
    """

    value: float

    @property
    def text(self) -> str:
        """The share in percent, without trailing zeros."""
        return f"{shortest(self.value * 100, 10)} %"

    @property
    def least(self) -> float:
        """The smallest ratio of two errors that counts as equivalent; the largest one is 1 divided by it."""
        return 1 - self.value


@dataclass(frozen=True)
class ErrorRatio:
    """The errors of two candidates, and their ratio with its interval.

    Attributes:
        first, second: the mean errors, in the unit of the metric.
        low: the lower end of the interval of ``first / second``.
        high: the upper end; ``None`` if there is none, because ``second`` may be 0.
        confidence: the confidence level of the interval.
    """

    first: float
    second: float
    low: float
    high: float | None
    confidence: float = CONFIDENCE

    @property
    def ratio(self) -> float | None:
        """The ratio ``first / second``; ``None`` if ``second`` is 0."""
        return self.first / self.second if self.second > 0 else None


@dataclass(frozen=True)
class ShareTest:
    """The test of a difference against a share of the errors.

    Attributes:
        share: the margin.
        less: the difference ``first − (1 − share) · second`` of the mean errors. It is negative if the first candidate
            makes fewer errors than the second by more than the share.
        more: the difference ``second − (1 − share) · first``.
        n_errors: the larger of both mean errors, as the number of images with the largest possible error.
    """

    share: Share
    less: Difference
    more: Difference
    n_errors: float

    @property
    def few_errors(self) -> bool:
        """Whether a share of the errors is fewer than three images, so that no data like these show equivalence."""
        return self.n_errors * self.share.value < RULE_OF_THREE

    @property
    def claim(self) -> tuple[Claimed, float] | None:
        """The claim about the first candidate that the errors suggest, and its p-value; ``None`` without a claim."""
        fewer, more = self.less.centre, self.more.centre
        if fewer is None or more is None or not (self.less.known and self.more.known):
            return None
        if fewer < 0:
            return "better", self.less.error_of(-fewer - ROUNDING)
        if more < 0:
            return "worse", self.more.error_of(-more - ROUNDING)
        if self.few_errors:
            return None
        return "equivalent", max(self.less.error_of(fewer + ROUNDING), self.more.error_of(more + ROUNDING))


def ratio_interval(
    first: float,
    second: float,
    low_of_first: LowEnd,
    low_of_second: LowEnd,
    confidence: float = CONFIDENCE,
) -> ErrorRatio:
    """Return the ratio of two mean errors with its interval.

    Args:
        first: the mean error of the first candidate, 0 or more.
        second: the mean error of the second candidate.
        low_of_first: maps r to the lower end of the interval of ``first − r · second``; it decreases with r.
        low_of_second: maps r to the lower end of the interval of ``second − r · first``.
        confidence: the confidence level of the intervals.

    >>> found = ratio_interval(0.02, 0.01, lambda r: 0.02 - r * 0.01 - 0.01, lambda r: 0.01 - r * 0.02 - 0.005)
    >>> round(found.low, 3), round(found.high, 3)
    (1.0, 4.0)
    """
    least = _smallest_ratio(first, second, low_of_first)
    inverse = _smallest_ratio(second, first, low_of_second)
    return ErrorRatio(first, second, least, 1 / inverse if inverse > 0 else None, confidence)


def _smallest_ratio(one: float, other: float, low: LowEnd) -> float:
    """Return the smallest ratio ``one / other`` that is possible: where the lower end is 0; 0 if it is below."""
    from scipy.optimize import brentq

    if low(0.0) <= 0:
        return 0.0
    most = one / other if other > 0 else 1.0
    while low(most) > 0:
        if most > _MOST:
            return most
        most *= 2
    return float(brentq(low, 0.0, most, xtol=1e-6 * most, rtol=1e-6))


def low_end(difference: Difference) -> float:
    """Return the lower end of the interval of a difference; −∞ if it has no interval."""
    return -math.inf if difference.low is None else difference.low
