"""Kinds of groups: groups with equal numbers of images of each class are interchangeable.

A search for an assignment works on the number of groups of each kind in each part. This is why 100,000 single images
take no longer than their classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from scipy import sparse

    Integers = npt.NDArray[np.int64]

LARGEST = 1 << 61
"""A limit of weights: no product or sum of the search exceeds it."""


@dataclass(frozen=True, eq=False)
class Kinds:
    """Kinds of groups that are to be divided into parts.

    Attributes:
        group_of_image: int64, shape (n,), numbers from 0.
        kind_of_group: int64, shape (number of groups,).
        sizes: int64, sparse, shape (kinds, classes + 1), the number of images of each class in one group of a kind; the
            last column is the number of all images.
        has: like ``sizes``, but 1 for each class with images and no last column.
        n_groups: int64, shape (kinds,), the number of groups of each kind.
        weights: int64, shape (classes + 1,), the weight of the squared deviation of each class.
        shares: int64, shape (parts,).
    """

    group_of_image: Integers
    kind_of_group: Integers
    sizes: sparse.csr_array
    has: sparse.csr_array
    n_groups: Integers
    weights: Integers
    shares: Integers

    @classmethod
    def of(cls, labels: Integers, groups: Integers, shares: Sequence[int]) -> Kinds:
        """Return the kinds of the groups of images; see :func:`convstudy.data.grouping.parts.parts_of_groups`."""
        import numpy as np
        from scipy import sparse

        from convstudy.data.parts import numbered

        group_of_image = numbered(groups)
        classes, label = np.unique(labels, return_inverse=True)
        n_groups, n_classes = int(group_of_image.max()) + 1, len(classes)
        cells, images = np.unique(group_of_image * n_classes + label.reshape(-1), return_counts=True)
        rows, columns = cells // n_classes, cells % n_classes
        # Each group as bytes: its classes and numbers of images. Equal bytes are one kind.
        ends = np.searchsorted(rows, np.arange(n_groups + 1))
        kinds: dict[bytes, int] = {}
        pairs = np.column_stack((columns, images)).astype(np.int64)
        kind_of_group = np.array(
            [
                kinds.setdefault(pairs[start:end].tobytes(), len(kinds))
                for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
            ],
            dtype=np.int64,
        )
        _, examples = np.unique(kind_of_group, return_index=True)
        each = sparse.csr_array(
            (images.astype(np.int64), (rows, columns)), shape=(n_groups, n_classes), dtype=np.int64
        )[examples]
        has = each.copy()
        has.data[:] = 1
        sizes = sparse.csr_array(sparse.hstack([each, each.sum(axis=1)[:, None]]), dtype=np.int64)
        parts = np.array(shares, dtype=np.int64)
        parts //= np.gcd.reduce(parts)
        totals = np.append(np.bincount(label.reshape(-1), minlength=n_classes), len(labels)).astype(np.int64)
        # Products of two weighted deviations are at most scale * 4 * shares² * images.
        scale = max(1, min(1 << 32, LARGEST // (4 * int(parts.sum()) ** 2 * len(labels))))
        weights = np.maximum(1, scale // totals)
        return cls(group_of_image, kind_of_group, sizes, has, np.bincount(kind_of_group), weights, parts)

    @property
    def n_kinds(self) -> int:
        return len(self.n_groups)

    @cached_property
    def norms(self) -> Integers:
        """The weighted squared size of one group of each kind, int64 of shape (kinds,)."""
        norms: Integers = self.sizes.multiply(self.sizes).tocsr() @ self.weights
        return norms

    def deviations(self, counts: Integers) -> Integers:
        """Return the deviation of each class in each part, times the sum of shares; shape (classes + 1, parts).

        Args:
            counts: int64, shape (kinds, parts), the numbers of groups.
        """
        placed: Integers = self.sizes.T @ counts
        expected: Integers = (self.sizes.T @ self.n_groups)[:, None] * self.shares
        return placed * int(self.shares.sum()) - expected

    def badness(self, counts: Integers) -> tuple[int, int]:
        """Return the number of absent classes over all parts, and the total deviation."""
        squares = self.deviations(counts).astype(object) ** 2  # Python's integers do not overflow
        return int((self.has.T @ counts == 0).sum()), int((self.weights[:, None] * squares).sum())

    def part_of_each_image(self, counts: Integers, random: np.random.RandomState) -> Integers:
        """Choose the groups of each kind at random, and return the part of each image."""
        import numpy as np

        # Kind by kind, the parts of its groups in order; and the groups of each kind in random order.
        parts = np.repeat(np.tile(np.arange(len(self.shares)), self.n_kinds), counts.reshape(-1))
        shuffled = random.permutation(len(self.kind_of_group))
        in_order = shuffled[np.argsort(self.kind_of_group[shuffled], kind="stable")]
        part_of_group = np.empty(len(self.kind_of_group), dtype=np.int64)
        part_of_group[in_order] = parts
        return part_of_group[self.group_of_image]
