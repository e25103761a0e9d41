"""Mean, standard deviation and range of some figures."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Some figures in short.

    ``sd`` is the sample standard deviation (divisor n − 1): ``None`` where there are fewer than two
    figures, as the others are where there is none at all.
    """

    n: int
    mean: float | None
    sd: float | None
    minimum: float | None
    maximum: float | None


NOTHING = Summary(0, None, None, None, None)
"""The summary of no figures."""


def summarise(values: Iterable[float]) -> Summary:
    """Return the summary of these figures.

    >>> summarise([1.0, 3.0])
    Summary(n=2, mean=2.0, sd=1.4142135623730951, minimum=1.0, maximum=3.0)
    """
    figures = [float(value) for value in values]
    if not figures:
        return NOTHING
    n = len(figures)
    # fsum: the same whatever the order of the figures, and the same as the mean that a choice was made by.
    mean = math.fsum(figures) / n
    sd = math.sqrt(math.fsum((figure - mean) ** 2 for figure in figures) / (n - 1)) if n > 1 else None
    return Summary(n, mean, sd, min(figures), max(figures))
