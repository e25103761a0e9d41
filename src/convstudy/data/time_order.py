"""Splits in order of time: train on the past, validate on later images.

The images are cut into consecutive blocks with about equal numbers of images; images of one time stay together. A
holdout validates on the last block. Fold i of k, of k + 1 blocks, trains on blocks 0 to i and validates on block i + 1,
as scikit-learn's ``TimeSeriesSplit``. Nothing is random: the seed of a split has no effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convstudy.data.split import Fold, Split
from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]
    Mask = npt.NDArray[np.bool_]


def time_masks(times: Integers, split: Split) -> tuple[Mask, Mask]:
    """Return masks of the training and of the validation images. All training images are earlier.

    Args:
        times: int64, shape (n,), any numbers that grow with time.
        split: a holdout or a fold; its outer fold and its subset are not considered here.

    Raises:
        DataError: if there are fewer different times than blocks.

    >>> import numpy as np
    >>> from convstudy.data.split import Fold
    >>> train, validation = time_masks(np.arange(8), Fold(1, 3, 0))
    >>> np.flatnonzero(train).tolist(), np.flatnonzero(validation).tolist()
    ([0, 1, 2, 3], [4, 5])
    """
    if isinstance(split, Fold):
        blocks = blocks_of(times, [number / (split.of + 1) for number in range(1, split.of + 1)])
        return blocks <= split.index, blocks == split.index + 1
    blocks = blocks_of(times, [1 - split.fraction])
    return blocks == 0, blocks == 1


def blocks_of(times: Integers, ends: Sequence[float]) -> Integers:
    """Return the block of each image, int64 of shape (n,).

    Args:
        times: int64, shape (n,).
        ends: the fraction of images before the end of each block but the last, in order.

    Raises:
        DataError: if there are fewer different times than blocks.
    """
    import numpy as np

    n_blocks = len(ends) + 1
    found, numbers, counts = np.unique(times, return_inverse=True, return_counts=True)
    if len(found) < n_blocks:
        raise DataError(
            Problem(
                f"splits in order of time need {n_blocks} different times",
                got=f"{len(found)}",
                hint="use fewer folds, or more precise times",
            )
        )
    until = np.cumsum(counts)  # the number of images up to each time
    lasts: list[int] = []  # the number of the last time of each block but the last
    for block, end in enumerate(ends):
        lowest = lasts[-1] + 1 if lasts else 0
        highest = len(found) - n_blocks + block  # each later block needs a time
        distances = abs(until[lowest : highest + 1] - end * len(times))
        lasts.append(lowest + int(distances.argmin()))
    return np.searchsorted(np.array(lasts), numbers.reshape(-1)).astype(np.int64)
