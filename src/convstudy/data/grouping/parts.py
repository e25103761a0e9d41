"""Divide groups of images into parts, such as folds, so that each class has nearly its proportion in each part.

The problem is a number partition of vectors, which is NP-hard. Two steps solve it well enough:

1. *Greedy* (:mod:`.greedy`): groups in the order of decreasing size go to the part that needs them most. The order is
   random among groups of similar size, so that different seeds give different parts.
2. *Local search* (:mod:`.local_search`): as long as it helps, a group moves to another part, or two groups swap.

The deviation that both reduce is chi-square: the sum over parts and classes of (count − expected)² / expected, where
all images together count as one more class. A class that is absent from a part is worse than any deviation.

All arithmetic is in int64 or Python's integers, and all random numbers come from NumPy's ``RandomState``, whose stream
does not change: the parts are the same on every machine and with every version of NumPy, SciPy and scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convstudy.data.grouping.greedy import greedy
from convstudy.data.grouping.kinds import Kinds
from convstudy.data.grouping.local_search import improved

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]

MAX_SEARCHES = 8
"""The number of searches from different random orders, for few kinds of groups; the best one wins."""
MAX_COMPARED = 20_000_000
"""The maximum number of pairs of kinds that all searches compare for swaps: this takes about a second."""
MAX_KINDS_SEARCHED_AGAIN = 256
"""With more kinds of groups than this, one search comes close to the best."""


def parts_of_groups(labels: Integers, groups: Integers, shares: Sequence[int], seed: int) -> Integers:
    """Return the part of each image, int64 of shape (n,), so that no group is in two parts.

    Args:
        labels: int64, shape (n,).
        groups: int64, shape (n,), any numbers; only the partition matters.
        shares: the relative size of each part, positive integers with a sum up to 1,000, such as ``[1, 1, 1]``.
        seed: the seed of the random order.

    Returns:
        Numbers in [0, ``len(shares)``). A class can be absent from a part only if no other assignment was found.

    >>> import numpy as np
    >>> labels, groups = np.array([0, 1, 0, 1, 0, 1, 0, 1]), np.array([0, 0, 1, 1, 2, 2, 3, 3])
    >>> parts = parts_of_groups(labels, groups, [1, 1], seed=0)
    >>> np.bincount(parts).tolist(), [len(set(parts[groups == group])) for group in range(4)]
    ([4, 4], [1, 1, 1, 1])
    """
    import numpy as np

    kinds = Kinds.of(labels, groups, shares)
    random = np.random.RandomState(seed)
    n = MAX_SEARCHES if kinds.n_kinds <= MAX_KINDS_SEARCHED_AGAIN else 1
    found = [improved(kinds, greedy(kinds, random), random, MAX_COMPARED // n) for _ in range(n)]
    return kinds.part_of_each_image(min(found, key=kinds.badness), random)
