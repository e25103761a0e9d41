"""Figures and lists as findings tell them."""

from __future__ import annotations

from collections.abc import Sequence

from convstudy import figures

MOST_LISTED = 4


def points(fraction: float) -> str:
    """Return a difference of accuracies without its sign: ``0.42 points``."""
    return f"{100 * abs(fraction):.2f} points"


def listed(names: Sequence[str]) -> str:
    """Return names as people list them, the first few of many: ``a``, ``a and b``, ``a, b, c, d and 3 more``."""
    if len(names) <= MOST_LISTED + 1:
        return figures.listed(names)
    return figures.listed([*names[:MOST_LISTED], f"{len(names) - MOST_LISTED} more"])


def so_many(parts: Sequence[str], n_all: int) -> str:
    """Return which of a candidate's fits: ``seed 0``, ``2 of 5 fits (seed 0 and seed 3)``, ``all 5 fits``."""
    if len(parts) == n_all:
        return f"all {n_all} fits" if n_all > 1 else parts[0]
    return f"{len(parts)} of {n_all} fits ({listed(parts)})"
