"""How the figures of a report are written: points, losses, p-values, counts, digests (percent: ``figures``)."""

from __future__ import annotations

import math
from collections.abc import Callable

from convstudy.stats import Summary

MINUS = "−"
NONE = "–"
"""What stands where there is no figure."""


def points(fraction: float) -> str:
    """Return a difference of accuracies in percentage points, with its sign: ``+0.42``."""
    text = f"{abs(fraction) * 100:.2f}"
    if float(text) == 0:
        return text
    return f"{MINUS if fraction < 0 else '+'}{text}"


def loss(value: float) -> str:
    """Return a loss: ``0.0196``."""
    return f"{value:.4f}"


def change(value: float) -> str:
    """Return a difference of losses, with its sign: ``−0.0042``."""
    text = f"{abs(value):.4f}"
    if float(text) == 0:
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def p_value(value: float) -> str:
    """Return a p-value: ``0.013``, and ``< 0.001`` for what is smaller, where digits would promise too much."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: float) -> str:
    """Return a count: ``367,786``."""
    return f"{value:,.0f}"


def rounded(value: float) -> str:
    """Return a number that is only about so large, in two digits and no less: ``78,489`` is ``79,000``."""
    digits = max(0, len(str(math.ceil(value))) - 2)
    return f"{math.ceil(value / 10**digits) * 10**digits:,}"


def digest(text: str) -> str:
    """Return the first 8 digits of a digest: enough to tell two apart by eye."""
    return text[:8]


def with_spread(summary: Summary, write: Callable[[float], str]) -> str:
    """Return mean ± standard deviation, or the mean alone where there is no spread to tell: ``98.61 ± 0.24 %``."""
    if summary.mean is None:
        return NONE
    mean = write(summary.mean)
    if summary.sd is None:
        return mean
    sd = write(summary.sd)
    number, space, unit = mean.partition(" ")
    spread, _, its_unit = sd.partition(" ")
    # The unit once, at the end, where both have the same: "8.8 ± 0.1 s", but "3 min 20 s ± 12 s".
    return f"{number} ± {spread}{space}{unit}" if unit == its_unit else f"{mean} ± {sd}"
