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


def between(fewest: int, most: int | None, at_hand: int) -> str:
    """Return a range of numbers that are only known roughly, in one digit each: ``20 to 70``, ``5,000 or more``.

    The range holds both numbers, and begins above what is at hand.
    """
    low = _one_digit(fewest, math.floor)
    if low <= at_hand:
        low = _one_digit(fewest, math.ceil)
    if most is None:
        return f"{low:,.0f} or more"
    high = max(low, _one_digit(most, math.ceil))
    return f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"


def one_digit(value: float) -> float:
    """Return a positive number in one significant digit and no smaller: 0.0074 is 0.008."""
    return _one_digit(value, math.ceil)


def _one_digit(value: float, towards: Callable[[float], int]) -> float:
    digits = math.floor(math.log10(value))
    # 1e-9: 0.3 has a quotient of 2.9999999999999996.
    step = 1e-9 if towards is math.floor else -1e-9
    return float(f"{towards(value / 10.0**digits + step)}e{digits}")


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
