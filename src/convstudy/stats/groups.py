"""Groups of candidates without a significant difference, as in a critical-difference diagram.

A group is a maximal set of candidates without a significant difference between any two. Demšar (2006) draws a bar over
each group; Piepho (2004) assigns a letter to each. A candidate can be in several groups: the pairs (a, b) and (b, c)
may be inconclusive, although (a, c) differ significantly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def groups(names: Sequence[str], significant: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Return the groups in the order of their best members, each in the order of ``names``.

    The groups are the maximal cliques of the graph that joins candidates without a significant difference (Bron and
    Kerbosch 1973).

    Args:
        names: the candidates, the best first.
        significant: the pairs with a significant difference.

    >>> groups(["a", "b", "c"], [("a", "c")])
    (('a', 'b'), ('b', 'c'))
    """
    apart = {frozenset(pair) for pair in significant}
    joined = {
        name: {other for other in names if other != name and frozenset((name, other)) not in apart}
        for name in names
    }
    found: list[tuple[str, ...]] = []

    def grow(group: set[str], may_join: set[str], left_out: set[str]) -> None:
        # A group is not maximal if one of the excluded candidates could join it.
        if not may_join and not left_out:
            found.append(tuple(name for name in names if name in group))
            return
        # A maximal group has the pivot, or a candidate that is not joined to the pivot. Only these need a branch.
        pivot = max(may_join | left_out, key=lambda name: len(joined[name] & may_join))
        for name in sorted(may_join - joined[pivot]):
            grow(group | {name}, may_join & joined[name], left_out & joined[name])
            may_join = may_join - {name}
            left_out = left_out | {name}

    if names:
        grow(set(), set(names), set())
    place = {name: number for number, name in enumerate(names)}
    return tuple(sorted(found, key=lambda group: [place[name] for name in group]))


def letters(names: Sequence[str], found: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the letters of each candidate's groups. Candidates that share a letter do not differ significantly.

    >>> letters(["a", "b", "c"], [("a", "b"), ("b", "c")])
    {'a': 'a', 'b': 'ab', 'c': 'b'}
    """
    return {
        name: "".join(_letter(number) for number, group in enumerate(found) if name in group)
        for name in names
    }


def _letter(number: int) -> str:
    """Return a, b, ... z, then a2, b2, ..."""
    turn, letter = divmod(number, 26)
    return chr(ord("a") + letter) + (str(turn + 1) if turn else "")
