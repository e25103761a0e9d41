"""Random candidates of a search, drawn by hashing instead of a generator.

A draw is the SHA-256 of the search space, the key and the draw's number, converted to a fraction in [0, 1). So a
search draws the same candidates on every machine, and a larger ``trials`` adds candidates without changing the earlier
ones.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from convstudy.studyfile import Range
from convstudy.studyfile.part import SearchValue

Space = Mapping[str, tuple[SearchValue, ...] | Range]
"""The search space: key -> the values of a list, or a range."""

SIGNIFICANT_DIGITS = 4
# A draw that repeats an earlier candidate is replaced, up to this many draws per requested candidate.
ATTEMPTS_PER_CANDIDATE = 100
LARGEST_LISTED_SPACE = 1_000_000


def space_text(space: Space) -> str:
    """Return the space as JSON with sorted keys. Draws are hashes of it, so its form must not change."""
    plain = {
        key: tried.model_dump() if isinstance(tried, Range) else list(tried) for key, tried in space.items()
    }
    return json.dumps(plain, sort_keys=True)


def space_size(space: Space) -> int | None:
    """Return the number of candidates in the space, or ``None`` if it has a range of decimal numbers."""
    sizes = []
    for tried in space.values():
        if isinstance(tried, Range) and not tried.is_integer:
            return None
        sizes.append(len(tried.integers) if isinstance(tried, Range) else len(tried))
    return math.prod(sizes)


def drawn(space: Space, n_candidates: int) -> list[dict[str, SearchValue]]:
    """Return ``n_candidates`` different candidates, or all if the space has fewer.

    Values of a list are equally likely. A range is uniform, on a logarithmic scale if it has ``log = true``. Decimal
    numbers are rounded to four significant digits, so that they are short enough to read and to copy.
    """
    rows = _drawn(space_text(space), tuple(space.items()), n_candidates)
    return [dict(zip(space, row, strict=True)) for row in rows]


def value_at(tried: tuple[SearchValue, ...] | Range, fraction: float) -> SearchValue:
    """Return the value at a fraction in [0, 1) of a list or a range.

    >>> value_at((3, 5, 7), 0.5), value_at(Range(low=1e-4, high=1e-2, log=True), 0.5)
    (5, 0.001)
    """
    if not isinstance(tried, Range):
        return tried[int(fraction * len(tried))]
    if tried.is_integer:
        numbers = tried.integers
        if not tried.log:
            return numbers[int(fraction * len(numbers))]
        # Each integer represents all numbers that round to it, so the scale extends half a unit beyond both ends.
        low, high = numbers[0] - 0.5, numbers[-1] + 0.5
        return min(max(round(low * math.pow(high / low, fraction)), numbers[0]), numbers[-1])
    low, high = tried.ends
    return rounded(
        low * math.pow(high / low, fraction) if tried.log else low + fraction * (high - low), tried
    )


def rounded(value: float, tried: Range) -> float:
    """Return a decimal number rounded to four significant digits and clipped to its range."""
    low, high = tried.ends
    return min(max(float(f"{value:.{SIGNIFICANT_DIGITS}g}"), float(low)), float(high))


@lru_cache(maxsize=64)
def _drawn(
    text: str, space: tuple[tuple[str, tuple[SearchValue, ...] | Range], ...], n_candidates: int
) -> tuple[tuple[SearchValue, ...], ...]:
    """Return the draws. ``text`` is in the cache key because 1 and 1.0 are equal in Python but differ as JSON."""
    found: dict[tuple[SearchValue, ...], None] = {}
    for number in range(ATTEMPTS_PER_CANDIDATE * n_candidates):
        if len(found) == n_candidates:
            return tuple(found)
        found.setdefault(tuple(value_at(tried, _fraction(text, key, number)) for key, tried in space))
    size = space_size(dict(space))
    if (
        size is not None and size <= LARGEST_LISTED_SPACE
    ):  # in a small space, draws may never give a rare candidate: list all candidates
        lists: list[Iterable[SearchValue]] = [
            tried.integers if isinstance(tried, Range) else tried for _, tried in space
        ]
        for row in itertools.product(*lists):
            if len(found) == n_candidates:
                break
            found.setdefault(row)
    return tuple(found)


def _fraction(text: str, key: str, number: int) -> float:
    """Return a pseudo-random fraction in [0, 1) with 52 bits, from a SHA-256."""
    # 13 hexadecimal digits are 52 bits, which a float holds exactly.
    digits = hashlib.sha256(f"{text}\n{key}\n{number}".encode()).hexdigest()[:13]
    return int(digits, 16) / 16**13
