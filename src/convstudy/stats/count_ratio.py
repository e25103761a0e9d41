"""The error ratio of two trained models from their numbers of correct predictions.

If it is known on which images the models differ, a · error − b · error has the interval of Bonett and Price (2012) with
the weights a and b: two pseudo-observations with the larger weight, one in each direction. Otherwise the models are
compared as if they had seen different images, from their Wilson intervals as Newcombe (1998) does for a difference
(Zou and Donner 2008), and the interval covers that of the most favourable pairing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from convstudy.stats.error_ratio import ErrorRatio, Share, ratio_interval
from convstudy.stats.intervals import normal_quantile, wilson
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.power import RULE_OF_THREE

Conclusion = Literal["better", "worse", "equivalent", "inconclusive"]


@dataclass(frozen=True)
class CountRatio:
    """The errors of two models on n images.

    Attributes:
        first, second: the numbers of errors.
        n: the number of images of each model.
        pairs: the images on which the models agree and differ; ``None`` if unknown.
        confidence: the confidence level of intervals.
    """

    first: int
    second: int
    n: int
    pairs: Discordance | None
    confidence: float

    @property
    def ratio(self) -> ErrorRatio:
        """The error rates and their ratio.

        >>> found = CountRatio(10, 20, 10_000, Discordance(9970, 20, 10, 0), 0.95).ratio
        >>> found.ratio, round(found.low, 2), round(found.high, 2)
        (0.5, 0.15, 1.09)
        """
        return ratio_interval(
            self.first / self.n,
            self.second / self.n,
            lambda r: self.ends(1.0, r)[0],
            lambda r: -self.ends(r, 1.0)[1],
            self.confidence,
        )

    def ends(self, a: float, b: float) -> tuple[float, float]:
        """Return the interval of a · (error of the first) − b · (error of the second); a and b are 0 or more."""
        if self.pairs is not None:
            return self._paired(a, b, self.pairs.neither)
        low, high = self._unpaired(a, b)
        narrow = self._paired(a, b, min(self.first, self.second))
        return min(low, narrow[0]), max(high, narrow[1])

    def kind(self, share: Share) -> Conclusion:
        """Return the conclusion about the first model for a margin that is a share of the errors."""
        least = share.least
        if self.ends(1.0, least)[1] < 0:
            return "better"
        if self.ends(least, 1.0)[0] > 0:
            return "worse"
        within = self.ends(1.0, least)[0] >= 0 and self.ends(least, 1.0)[1] <= 0
        return "equivalent" if within and not self.few_errors(share) else "inconclusive"

    def few_errors(self, share: Share) -> bool:
        """Whether the share of the errors is fewer than three images."""
        return max(self.first, self.second) * share.value < RULE_OF_THREE

    def _paired(self, a: float, b: float, both: int) -> tuple[float, float]:
        n, size = self.n + 2, max(a, b)
        mean = (a * self.first - b * self.second) / n
        squares = (self.first - both) * a**2 + (self.second - both) * b**2 + both * (a - b) ** 2 + 2 * size**2
        half = self._z * math.sqrt(max(0.0, squares / n - mean**2) / n)
        return mean - half, mean + half

    def _unpaired(self, a: float, b: float) -> tuple[float, float]:
        one, other = (wilson(count / self.n, self.n, self.confidence) for count in (self.first, self.second))
        difference = a * one.estimate - b * other.estimate
        low = math.hypot(a * (one.estimate - one.low), b * (other.high - other.estimate))
        high = math.hypot(a * (one.high - one.estimate), b * (other.estimate - other.low))
        return difference - low, difference + high

    @property
    def _z(self) -> float:
        return normal_quantile(0.5 + self.confidence / 2)
