"""Find near-duplicates among the images of a dataset, before they are divided into parts.

Two images are near-duplicates under the rule of :mod:`convstudy.data.audit.duplicates`: their pixels are equal or
correlate by 0.99 or more. Only what connects them is needed: with a, b and c, the pairs (a, b) and (b, c) suffice.
Therefore pairs that other pairs already connect are not compared, and 100,000 similar images take little longer than
100,000 different ones.

Comparing all hashes with all others would take n² / 2 distances. Instead, the images are sorted into the cells of a
grid, whose axes are the directions in which the hashes differ most. The cells are as wide as the largest distance of
two near-duplicates, so that only neighbouring cells are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, product
from typing import TYPE_CHECKING

from convstudy.data.audit.duplicates import MIN_CORRELATION, max_compared, max_square, pair_correlations

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convstudy.data.audit.duplicates import Pixels, Rows
    from convstudy.data.audit.perceptual_hashes import PerceptualHashes

N_AXES = 4
"""The number of axes of the grid. More axes need more neighbours per cell (3 to this power)."""
N_SAMPLED = 4000
"""The number of images from which the axes are computed."""
MAX_TILE = 1024
"""The number of images on each side of a block of distances: 4 MiB in float32."""
BATCH = 4096
"""The number of pairs that are compared before the connected ones are left out."""


@dataclass(frozen=True, eq=False)
class NearDuplicates:
    """The near-duplicates among n images.

    Attributes:
        pairs: int64, shape (m, 2), rows of images. The pairs connect all near-duplicates; not every pair is listed.
        is_blank: bool, shape (n,), whether all pixels of an image are equal. Blank images are in no pair.
        n_exact: the number of images whose pixels are equal to those of an earlier image that is not blank.
        is_complete: whether all candidates were compared; false if there were more than :func:`.max_compared` pairs.
    """

    pairs: npt.NDArray[np.int64]
    is_blank: npt.NDArray[np.bool_]
    n_exact: int
    is_complete: bool = True


def near_duplicates(hashes: PerceptualHashes, pixels: Pixels) -> NearDuplicates:
    """Return what connects the near-duplicates among images.

    Args:
        hashes: the hashes of all images.
        pixels: returns the pixels of the images at some rows.
    """
    import numpy as np

    first: dict[bytes, int] = {}
    equal: list[tuple[int, int]] = []
    for row, (exact, is_blank) in enumerate(zip(hashes.exact, hashes.constant.tolist(), strict=True)):
        if not is_blank and first.setdefault(exact, row) != row:
            equal.append((first[exact], row))
    # One image of each set of equal images takes part in the search.
    rows = np.array(list(first.values()), dtype=np.int64)
    connected = _Connected(len(rows))
    is_complete = _search(hashes.low[rows], lambda chosen: pixels(rows[chosen]), connected)
    found = np.concatenate([np.array(equal, dtype=np.int64).reshape(-1, 2), rows[connected.pairs()]])
    return NearDuplicates(found, hashes.constant, len(equal), is_complete)


class _Connected:
    """Which images are connected by pairs so far.

    Attributes:
        root: int64, shape (n,), equal for connected images.
    """

    def __init__(self, n_images: int) -> None:
        import numpy as np

        self.root: Rows = np.arange(n_images, dtype=np.int64)
        self._pairs: list[npt.NDArray[np.int64]] = []

    def join(self, first: Rows, second: Rows) -> None:
        """Connect the images of each pair."""
        import numpy as np
        from scipy import sparse

        if not len(first):
            return
        self._pairs.append(np.column_stack((first, second)))
        shape = (len(self.root), len(self.root))
        edges = sparse.coo_array(
            (np.ones(len(first), dtype=bool), (self.root[first], self.root[second])), shape
        )
        _, numbers = sparse.csgraph.connected_components(edges, directed=False)
        self.root = numbers[self.root].astype(np.int64)

    def pairs(self) -> npt.NDArray[np.int64]:
        """Return all pairs, int64 of shape (m, 2)."""
        import numpy as np

        return np.concatenate([np.empty((0, 2), dtype=np.int64), *self._pairs])


def _search(low: npt.NDArray[np.float32], pixels: Pixels, connected: _Connected) -> bool:
    """Connect the near-duplicates; return false if the search ends early.

    Args:
        low: float32, shape (n, k), the hashes.
        pixels: returns the pixels of the images at some rows of ``low``.
        connected: is extended.
    """
    import numpy as np

    if low.size == 0:
        return True  # the hash of an image of one pixel is empty; such images are only equal or different
    most = max_compared(pixels(np.zeros(1, dtype=np.int64)).size)
    n_compared, waiting = 0, np.empty((2, 0), dtype=np.int64)
    for pairs in chain(_close_pairs(low, connected), [None]):
        if pairs is not None:
            waiting = np.concatenate((waiting, np.stack(pairs)), axis=1)
        if pairs is None or waiting.shape[1] >= BATCH:
            n_compared += _compare(waiting, pixels, connected, most - n_compared)
            waiting = waiting[:, :0]
        if n_compared >= most:
            return False
    return True


def _compare(pairs: Rows, pixels: Pixels, connected: _Connected, most: int) -> int:
    """Connect the pairs that correlate; return how many were compared, at most ``most`` and a batch.

    Args:
        pairs: int64, shape (2, m), rows of images.
        pixels: returns the pixels of the images at some rows.
        connected: is extended.
        most: ends the comparison.
    """
    n_compared = 0
    while n_compared < most:
        pairs = pairs[:, connected.root[pairs[0]] != connected.root[pairs[1]]]
        if not pairs.shape[1]:
            break
        first, second = pairs[:, :BATCH]
        are_near = pair_correlations(pixels, pixels, first, second) >= MIN_CORRELATION
        connected.join(first[are_near], second[are_near])
        pairs = pairs[:, BATCH:]
        n_compared += len(first)
    return n_compared


def _close_pairs(low: npt.NDArray[np.float32], connected: _Connected) -> Iterator[tuple[Rows, Rows]]:
    """Yield pairs of rows with close hashes that are not connected when they are found, each pair once."""
    import numpy as np

    squares: npt.NDArray[np.float32] = np.einsum("ij,ij->i", low, low)
    # One matrix product gives all squared distances |a − b|² = |a|² + |b|² − 2ab of a block.
    left = np.column_stack((low, squares, np.ones_like(squares)))
    right = np.column_stack((-2 * low, np.ones_like(squares), squares))
    for own, others in _neighbours(low):
        for start in range(0, len(own), MAX_TILE):
            rows = own[start : start + MAX_TILE]
            for place in range(0, len(others), MAX_TILE):
                columns = others[place : place + MAX_TILE]
                roots = connected.root[rows[0]]
                if (connected.root[rows] == roots).all() and (connected.root[columns] == roots).all():
                    continue
                first, second = np.nonzero(left[rows] @ right[columns].T <= max_square())
                first, second = rows[first], columns[second]
                # Within a cell each pair occurs twice, and each image with itself.
                new = connected.root[first] != connected.root[second]
                new &= (first < second) | ~np.isin(second, own, assume_unique=False)
                if new.any():
                    yield first[new], second[new]


def _neighbours(low: npt.NDArray[np.float32]) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows of each cell of the grid with those of its own and its later neighbouring cells."""
    import numpy as np

    if not len(low):
        return
    sample = low[:: max(1, len(low) // N_SAMPLED)].astype(np.float64)
    _, axes = np.linalg.eigh((sample - sample.mean(axis=0)).T @ (sample - sample.mean(axis=0)))
    # Orthonormal axes: along each, two hashes are at most as far apart as their distance.
    cells = np.floor(low @ axes[:, -N_AXES:].astype(np.float32) / np.float32(max_square() ** 0.5)).astype(
        np.int64
    )
    order = np.lexsort(cells.T)
    starts = np.flatnonzero((np.diff(cells[order], axis=0, prepend=cells[order[:1]] - 1) != 0).any(axis=1))
    ends = np.append(starts[1:], len(order))
    rows = {
        tuple(cells[order[start]].tolist()): order[start:end]
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    }
    n_axes = cells.shape[1]
    later = [step for step in product((-1, 0, 1), repeat=n_axes) if step > (0,) * n_axes]
    for cell, own in rows.items():
        near = [rows.get(tuple(map(sum, zip(cell, step, strict=True)))) for step in later]
        yield own, np.concatenate([own, *(found for found in near if found is not None)])
