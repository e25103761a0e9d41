"""Differences, and the fits of a candidate, as findings write them."""

from __future__ import annotations

from collections.abc import Sequence

from convstudy import numbers

MOST_LISTED = 4


def points(fraction: float) -> str:
    """Return a difference of accuracies without its sign: ``0.42 points``."""
    return f"{numbers.bare_points(abs(fraction))} points"


def listed(names: Sequence[str]) -> str:
    """Return names as people list them, the first few of many: ``a``, ``a and b``, ``a, b, c, d and 3 more``."""
    return numbers.listed(names, most=MOST_LISTED)


def so_many(parts: Sequence[str], n_all: int) -> str:
    """Return which of a candidate's fits: ``seed 0``, ``2 of 5 fits (seed 0 and seed 3)``, ``all 5 fits``."""
    if len(parts) == n_all:
        return f"all {n_all} fits" if n_all > 1 else parts[0]
    return f"{len(parts)} of {n_all} fits ({listed(parts)})"
