"""Mean, standard deviation and range of some values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """The number, mean, standard deviation and range of some values.

    ``sd`` is the sample standard deviation (divisor n − 1), ``None`` with fewer than two values. Mean and range are
    ``None`` without values.
    """

    n: int
    mean: float | None
    sd: float | None
    minimum: float | None
    maximum: float | None


NOTHING = Summary(0, None, None, None, None)
"""The summary of no values."""


def summarise(values: Iterable[float]) -> Summary:
    """Return the summary of these values.

    >>> summarise([1.0, 3.0])
    Summary(n=2, mean=2.0, sd=1.4142135623730951, minimum=1.0, maximum=3.0)
    """
    found = [float(value) for value in values]
    if not found:
        return NOTHING
    n = len(found)
    # fsum does not depend on the order of the values, and equals the mean that selected a candidate.
    mean = math.fsum(found) / n
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in found) / (n - 1)) if n > 1 else None
    return Summary(n, mean, sd, min(found), max(found))
