"""Candidates drawn at random, by a rule that gives the same ones everywhere: no generator, no state.

A draw is a hash of what may be tried, of its key and of its number, read as a number from 0 to 1. So the same search
draws the same candidates on every machine, and more trials only add to them.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from convstudy.studyfile import Range
from convstudy.studyfile.part import Tried

Space = Mapping[str, tuple[Tried, ...] | Range]
"""What a search may try: key -> the values of a list, or a range."""

SIGNIFICANT_DIGITS = 4
# Draws that were made before are drawn again, so often for each candidate that is wanted.
ATTEMPTS_PER_CANDIDATE = 100
LARGEST_LISTED_SPACE = 1_000_000


def space_text(space: Space) -> str:
    """Return what a search may try as one text, whatever the order of its keys; draws follow from it."""
    plain = {
        key: tried.model_dump() if isinstance(tried, Range) else list(tried) for key, tried in space.items()
    }
    return json.dumps(plain, sort_keys=True)


def space_size(space: Space) -> int | None:
    """Return how many candidates there are, or ``None`` where a range has no end of them."""
    sizes = []
    for tried in space.values():
        if isinstance(tried, Range) and not tried.is_integer:
            return None
        sizes.append(len(tried.integers) if isinstance(tried, Range) else len(tried))
    return math.prod(sizes)


def drawn(space: Space, n_candidates: int) -> list[dict[str, Tried]]:
    """Return so many different candidates, fewer only where there are no more.

    Each value of a list is as likely as the others; a range is even, on its logarithmic scale if it has one. Decimal
    numbers have four significant digits: enough to search by, and short enough to read and to write down.
    """
    rows = _drawn(space_text(space), tuple(space.items()), n_candidates)
    return [dict(zip(space, row, strict=True)) for row in rows]


def value_at(tried: tuple[Tried, ...] | Range, place: float) -> Tried:
    """Return the value at a place from 0 up to (not including) 1 of a list or a range.

    >>> value_at((3, 5, 7), 0.5), value_at(Range(low=1e-4, high=1e-2, log=True), 0.5)
    (5, 0.001)
    """
    if not isinstance(tried, Range):
        return tried[int(place * len(tried))]
    if tried.is_integer:
        numbers = tried.integers
        if not tried.log:
            return numbers[int(place * len(numbers))]
        # Each whole number stands for what would be rounded to it.
        low, high = numbers[0] - 0.5, numbers[-1] + 0.5
        return min(max(round(low * math.pow(high / low, place)), numbers[0]), numbers[-1])
    low, high = tried.ends
    return rounded(low * math.pow(high / low, place) if tried.log else low + place * (high - low), tried)


def rounded(value: float, tried: Range) -> float:
    """Return a decimal number with four significant digits, inside its range."""
    low, high = tried.ends
    return min(max(float(f"{value:.{SIGNIFICANT_DIGITS}g}"), float(low)), float(high))


@lru_cache(maxsize=64)
def _drawn(
    text: str, space: tuple[tuple[str, tuple[Tried, ...] | Range], ...], n_candidates: int
) -> tuple[tuple[Tried, ...], ...]:
    """Return the draws; ``text`` tells apart what is equal to Python, such as 1 and 1.0."""
    found: dict[tuple[Tried, ...], None] = {}
    for number in range(ATTEMPTS_PER_CANDIDATE * n_candidates):
        if len(found) == n_candidates:
            return tuple(found)
        found.setdefault(tuple(value_at(tried, _place(text, key, number)) for key, tried in space))
    size = space_size(dict(space))
    if size is not None and size <= LARGEST_LISTED_SPACE:  # few are left, and some of them are seldom drawn
        lists: list[Iterable[Tried]] = [
            tried.integers if isinstance(tried, Range) else tried for _, tried in space
        ]
        for row in itertools.product(*lists):
            if len(found) == n_candidates:
                break
            found.setdefault(row)
    return tuple(found)


def _place(text: str, key: str, number: int) -> float:
    """Return a number from 0 up to (not including) 1, as evenly spread as the digits of a SHA-256."""
    digits = hashlib.sha256(f"{text}\n{key}\n{number}".encode()).hexdigest()[:13]
    return int(digits, 16) / 16**13
