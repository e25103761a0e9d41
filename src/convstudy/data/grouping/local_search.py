"""Improve an assignment of groups to parts by moves of one group and swaps of two."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from convstudy.data.grouping.kinds import LARGEST, Kinds

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from scipy import sparse

    Integers = npt.NDArray[np.int64]

MAX_STEPS = 5000
"""The maximum number of steps: a step moves one group, swaps two, or finds that two parts have no useful swap."""
MAX_SWAPPED_KINDS = 256
"""The maximum number of kinds among which swaps are searched; with more kinds, moves alone come close to the best."""


def improved(kinds: Kinds, counts: Integers, random: np.random.RandomState, n_compared: int) -> Integers:
    """Return an assignment that no move and no swap of groups makes better, unless a limit ends the search.

    Args:
        kinds: the kinds of groups.
        counts: int64, shape (kinds, parts), the numbers of groups of the assignment to start from.
        random: chooses the kinds among which swaps are searched, if there are too many.
        n_compared: the maximum number of pairs of kinds that are compared.

    Returns:
        The numbers of groups, like ``counts``.
    """
    import numpy as np

    state = _State(kinds, counts)
    n_swapped = min(kinds.n_kinds, MAX_SWAPPED_KINDS)
    swaps = _Swaps.of(kinds, np.sort(random.permutation(kinds.n_kinds)[:n_swapped]))
    pairs = list(combinations(range(counts.shape[1]), 2))
    place = n_without = 0  # the next pair of parts, and the number of pairs since the last change
    for _ in range(MAX_STEPS):
        if n_without == 0 and (_cover(state) or _move(state)):
            continue
        if n_without == len(pairs) or n_compared <= 0:
            break
        n_compared -= n_swapped**2
        if _swap(state, swaps, *pairs[place]):
            n_without = 0
        else:
            n_without += 1
            place = (place + 1) % len(pairs)
    return state.counts


class _State:
    """An assignment under local search.

    Attributes:
        counts: int64, shape (kinds, parts), the numbers of groups.
        pulls: int64, shape (kinds, parts), the weighted product of a group's sizes with the deviations of a part: half
            the slope of the total deviation if a group enters the part.
        n_having: int64, shape (classes, parts), the number of groups with a class.
    """

    def __init__(self, kinds: Kinds, counts: Integers) -> None:
        self.kinds, self.counts, self.norms = kinds, counts, kinds.norms
        self.whole = int(kinds.shares.sum())
        self.weighted: sparse.csr_array = kinds.sizes * kinds.weights[None, :]
        self.weighted = self.weighted.tocsr()
        self.pulls: Integers = self.weighted @ kinds.deviations(counts)
        self.n_having: Integers = kinds.has.T @ counts

    def move(self, kind: int, source: int, target: int) -> None:
        """Move one group of a kind."""
        import numpy as np

        self.counts[kind, source] -= 1
        self.counts[kind, target] += 1
        row = slice(self.kinds.sizes.indptr[kind], self.kinds.sizes.indptr[kind + 1])
        change = np.zeros(len(self.kinds.weights), dtype=np.int64)
        change[self.kinds.sizes.indices[row]] = self.whole * self.kinds.sizes.data[row]
        pulls = self.weighted @ change
        self.pulls[:, source] -= pulls
        self.pulls[:, target] += pulls
        classes = self.kinds.has.indices[self.kinds.has.indptr[kind] : self.kinds.has.indptr[kind + 1]]
        self.n_having[classes, source] -= 1
        self.n_having[classes, target] += 1

    def n_lost(self) -> Integers:
        """Return the number of classes that a part loses if its last group of a kind leaves, shape (kinds, parts)."""
        lost: Integers = self.kinds.has @ (self.n_having == 1).astype("int64")
        return lost

    def n_gained(self) -> Integers:
        """Return the number of absent classes that a group of a kind brings into a part, shape (kinds, parts)."""
        gained: Integers = self.kinds.has @ (self.n_having == 0).astype("int64")
        return gained


def _cover(state: _State) -> bool:
    """Move a group into a part that lacks one of its classes, if this reduces the number of absent classes."""
    import numpy as np

    if not (state.n_having == 0).any():
        return False
    lost, gained = state.n_lost(), state.n_gained()
    best: tuple[int, int, int, int, int] | None = None
    for target in np.flatnonzero((state.n_having == 0).any(axis=0)).tolist():
        able = np.flatnonzero(gained[:, target])
        change = lost[able] - gained[able, target, None]
        costs = state.pulls[able, target, None] - state.pulls[able] + state.whole * state.norms[able, None]
        possible = (state.counts[able] > 0) & (change < 0)
        possible[:, target] = False
        for row, source in np.argwhere(possible).tolist():
            found = (int(change[row, source]), int(costs[row, source]), int(able[row]), source, target)
            best = found if best is None or found < best else best
    if best is None:
        return False
    state.move(*best[2:])
    return True


def _move(state: _State) -> bool:
    """Move the group whose move reduces the deviation most; no class becomes absent from a part."""
    import numpy as np

    can_leave = (state.counts > 0) & (state.n_lost() == 0)
    every = np.arange(state.kinds.n_kinds)
    target = state.pulls.argmin(axis=1)
    from_source = np.where(can_leave, state.pulls, -LARGEST * 2)
    source = from_source.argmax(axis=1)
    gains = from_source[every, source] - state.pulls[every, target] - state.whole * state.norms
    kind = int(gains.argmax())
    if gains[kind] <= 0:
        return False
    state.move(kind, int(source[kind]), int(target[kind]))
    return True


@dataclass(frozen=True, eq=False)
class _Swaps:
    """What swaps among a pool of kinds need.

    Attributes:
        pool: int64, shape (p,), kinds.
        distances: int64, shape (p, p), the weighted squared distance of the sizes of two groups, times the sum of
            shares.
        has: int64, shape (p, classes), see :class:`Kinds`.
    """

    pool: Integers
    distances: Integers
    has: sparse.csr_array

    @classmethod
    def of(cls, kinds: Kinds, pool: Integers) -> _Swaps:
        """Return the distances of all pairs of a pool."""
        sizes, norms = kinds.sizes[pool], kinds.norms[pool]
        products = ((sizes * kinds.weights[None, :]).tocsr() @ sizes.T).toarray()
        distances = (norms[:, None] + norms - 2 * products) * int(kinds.shares.sum())
        return cls(pool, distances, kinds.has[pool])


def _swap(state: _State, swaps: _Swaps, first: int, second: int) -> bool:
    """Swap two groups of two parts if this reduces the number of absent classes, or else the deviation."""
    import numpy as np

    pool = swaps.pool
    lost, gained = state.n_lost()[pool], state.n_gained()[pool]
    change = (lost[:, first] - gained[:, second])[:, None] + lost[:, second] - gained[:, first]
    if lost[:, [first, second]].any():  # a class is not lost if the other group brings it
        alone = (state.n_having[:, [first, second]] == 1).sum(axis=1)
        change -= ((swaps.has * alone[None, :]).tocsr() @ swaps.has.T).toarray()
    slope = state.pulls[pool, second] - state.pulls[pool, first]
    gains = slope - slope[:, None] - swaps.distances
    possible = (state.counts[pool, first] > 0)[:, None] & (state.counts[pool, second] > 0)
    helps = possible & ((change < 0) | ((change == 0) & (gains > 0)))
    if not helps.any():
        return False
    fewest = helps & (change == change[helps].min())
    one, other = divmod(int(np.where(fewest, gains, -2 * LARGEST).argmax()), len(pool))
    state.move(int(pool[one]), first, second)
    state.move(int(pool[other]), second, first)
    return True
