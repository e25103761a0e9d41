"""Assign groups to parts one after the other, large groups first."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from convstudy.data.grouping.kinds import Kinds

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


def greedy(kinds: Kinds, random: np.random.RandomState) -> Integers:
    """Return the numbers of groups of each kind in each part, int64 of shape (kinds, parts).

    Args:
        kinds: the kinds of groups.
        random: gives the order of groups of similar size, and breaks ties.
    """
    import numpy as np

    n_parts, whole, shares = len(kinds.shares), int(kinds.shares.sum()), kinds.shares.tolist()
    counts = np.zeros((kinds.n_kinds, n_parts), dtype=np.int64)
    deviations = kinds.deviations(counts)
    # Groups are of similar size if their squared sizes have the same number of digits in base 4.
    sizes = np.array([(norm.bit_length() + 1) // 2 for norm in kinds.norms.tolist()])
    shuffled = random.permutation(kinds.n_kinds)
    ties = random.randint(1 << 30, size=counts.shape).tolist()
    with_class = kinds.has.T @ kinds.n_groups  # the number of groups with a class that have no part yet
    absent = np.ones((len(with_class), n_parts), dtype=bool)
    for kind in shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist():
        row = slice(kinds.sizes.indptr[kind], kinds.sizes.indptr[kind + 1])
        columns, images = kinds.sizes.indices[row], kinds.sizes.data[row]
        classes = kinds.has.indices[kinds.has.indptr[kind] : kinds.has.indptr[kind + 1]]
        n_groups, norm = int(kinds.n_groups[kind]), int(kinds.norms[kind])
        pulls = ((kinds.weights[columns] * images) @ deviations[columns]).tolist()
        # The increase of the squared deviation by one more group in a part, relative to the share of the part. Each
        # group in a part raises the next increase by the same amount.
        rises = [2 * whole * norm * whole * whole // share for share in shares]
        heap = [
            ((2 * pull + whole * norm) * whole * whole // share, tie, part)
            for part, (pull, share, tie) in enumerate(zip(pulls, shares, ties[kind], strict=True))
        ]
        heapq.heapify(heap)
        # While more groups with each of the classes remain than there are parts, no class can end up absent.
        n_free = max(0, min(n_groups, int(with_class[classes].min()) - n_parts))
        placed = [0] * n_parts
        for _ in range(n_free):
            key, tie, part = heap[0]
            heapq.heapreplace(heap, (key + rises[part], tie, part))
            placed[part] += 1
        counts[kind] = placed
        with_class[classes] -= n_free
        absent[classes] &= counts[kind] == 0
        for _ in range(n_groups - n_free):
            place = _place_without(classes, with_class, absent, heap)
            key, tie, part = heap[place]
            heap[place] = (key + rises[part], tie, part)
            heapq.heapify(heap)
            counts[kind, part] += 1
            with_class[classes] -= 1
            absent[classes, part] = False
        deviations[columns] += whole * images[:, None] * counts[kind]
    return counts


def _place_without(
    classes: npt.NDArray[np.int32],
    with_class: Integers,
    absent: npt.NDArray[np.bool_],
    heap: list[tuple[int, int, int]],
) -> int:
    """Return the place in the heap of the best part for a group whose classes would otherwise be absent from a part.

    Args:
        classes: the classes of the group.
        with_class: the number of groups of each class that have no part yet, this one included.
        absent: bool, shape (classes, parts).
        heap: the parts with their keys.
    """
    urgent = classes[with_class[classes] <= absent[classes].sum(axis=1)]
    n_lacking = absent[urgent].sum(axis=0)
    return min(range(len(heap)), key=lambda place: (-int(n_lacking[heap[place][2]]), heap[place]))
