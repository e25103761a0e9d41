"""How findings write differences, lists of names and the fits of a candidate."""

from __future__ import annotations

from collections.abc import Sequence

from convstudy import numbers
from convstudy.stats import Difference

MAX_LISTED = 4


def points(fraction: float) -> str:
    """Return a difference of accuracies without its sign: ``0.42 percentage points``."""
    return f"{numbers.bare_points(abs(fraction))} percentage points"


def signed_interval(difference: Difference, in_percent: bool = True) -> str:
    """Return a known difference with its interval: ``−0.42 percentage points (95 % CI −0.90 to 0.06)``."""
    write, unit = (numbers.points, " percentage points") if in_percent else (numbers.bare_change, "")
    assert difference.mean is not None  # callers skip differences without pairs
    text = f"{write(difference.mean)}{unit}"
    if difference.low is None or difference.high is None:
        return text
    level = numbers.shortest_percent(difference.confidence)
    return f"{text} ({level} CI {write(difference.low)} to {write(difference.high)})"


def listed(names: Sequence[str]) -> str:
    """Join names, at most four of them: ``a``, ``a and b``, ``a, b, c, d and 3 more``."""
    return numbers.listed(names, most=MAX_LISTED)


def fits_text(parts: Sequence[str], n_all: int) -> str:
    """Name some of a candidate's ``n_all`` fits by their seeds or folds.

    >>> fits_text(["seed 0", "seed 3"], 5), fits_text(["seed 0"], 1)
    ('2 of 5 fits (seed 0 and seed 3)', 'seed 0')
    """
    if len(parts) == n_all:
        return f"all {n_all} fits" if n_all > 1 else parts[0]
    return f"{len(parts)} of {n_all} fits ({listed(parts)})"
