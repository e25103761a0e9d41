"""Figures and lists as findings tell them."""

from __future__ import annotations

from collections.abc import Sequence

MOST_LISTED = 4


def percent(fraction: float) -> str:
    """Return an accuracy: ``98.61 %``."""
    return f"{100 * fraction:.2f} %"


def points(fraction: float) -> str:
    """Return a difference of accuracies without its sign: ``0.42 points``."""
    return f"{100 * abs(fraction):.2f} points"


def listed(names: Sequence[str]) -> str:
    """Return names as people list them, the first few of many: ``a``, ``a and b``, ``a, b, c, d and 3 more``."""
    shown = (
        list(names)
        if len(names) <= MOST_LISTED + 1
        else [*names[:MOST_LISTED], f"{len(names) - MOST_LISTED} more"]
    )
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def counted(n: int, one: str) -> str:
    """Return a number with its noun: ``1 fit``, ``5 fits``."""
    return f"{n:,} {one if n == 1 else one + 's'}"


def so_many(parts: Sequence[str], n_all: int) -> str:
    """Return which of a candidate's fits: ``seed 0``, ``2 of 5 fits (seed 0 and seed 3)``, ``all 5 fits``."""
    if len(parts) == n_all:
        return f"all {n_all} fits" if n_all > 1 else parts[0]
    return f"{len(parts)} of {n_all} fits ({listed(parts)})"
