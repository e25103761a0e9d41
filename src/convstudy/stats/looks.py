"""Levels for a comparison that was tested before, and for the other questions asked of the same test set.

**Looks.** A *look* is one test of a comparison on the test set. With added seeds the same comparison is tested again,
and the chance that some look gives a false claim grows. The first look has the plain level α, because it is printed
before a second one exists. Look k ≥ 2 has the level α / (k (k − 1)). These levels add up to α for any number of looks,
and they need no plan (an alpha-spending sequence: Lan and DeMets 1983; its terms are those of a telescoping sum)::

    α/2 + α/6 + α/12 + α/20 + ... = α

By the union bound, all intervals of looks 2, 3, ... together contain the truth with probability 1 − α, if the numbers
of seeds do not depend on test scores. A claim in one direction uses half of a level: over all looks, a false "better"
has a probability of at most α/2 + α/2 = 5 %.

**Questions.** With M comparisons on one test set, the corrected interval of each has the level α / M (Bonferroni).
"""

from __future__ import annotations

import math

from convstudy.stats.differences import CONFIDENCE


def look_confidence(look: int) -> float:
    """Return the confidence level of an interval at this look, counted from 1.

    Raises:
        ValueError: if ``look`` is below 1.

    >>> look_confidence(1), look_confidence(2), look_confidence(3)
    (0.95, 0.975, 0.9917)
    """
    if look < 1:
        raise ValueError(f"look must be 1 or more; got {look}")
    return CONFIDENCE if look == 1 else shared_confidence(CONFIDENCE, look * (look - 1))


def shared_confidence(confidence: float, n_questions: int) -> float:
    """Return the confidence level of one interval, if its error rate is a share of that of ``confidence``.

    The error rate is rounded down to two significant digits, so that the printed level is the level that was used.

    Args:
        confidence: the confidence level of all intervals together.
        n_questions: the number of intervals, 1 or more.

    >>> shared_confidence(0.95, 1), shared_confidence(0.95, 3), shared_confidence(0.95, 40)
    (0.95, 0.984, 0.9988)
    """
    if n_questions == 1:
        return confidence
    error = (1 - confidence) / n_questions
    digits = 1 - math.floor(math.log10(error))
    # The addition undoes the rounding of 1 − 0.95, which is not exactly 0.05.
    return float(round(1 - math.floor(error * 10**digits + 1e-6) / 10**digits, digits))
