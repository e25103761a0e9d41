"""Count the images and groups of each class in the validation part of each split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.split import Split
from convstudy.data.splits import split_indices

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class PartCounts:
    """The numbers of images and groups of each class in one part, such as a fold.

    Attributes:
        n_images: the number of images of each class.
        n_groups: the number of groups with an image of each class; empty if there are no groups.
        n_groups_in_all: the number of groups of all classes together; a group can have several classes.
    """

    n_images: tuple[int, ...]
    n_groups: tuple[int, ...] = ()
    n_groups_in_all: int = 0


def part_counts(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64] | None, n_classes: int
) -> PartCounts:
    """Count the images and groups of one part.

    Args:
        labels: int64, shape (n,), each in [0, ``n_classes``).
        groups: int64, shape (n,); ``None`` if there are no groups.
        n_classes: the number of classes.

    >>> import numpy as np
    >>> part_counts(np.array([0, 0, 1]), np.array([5, 5, 5]), 3)
    PartCounts(n_images=(2, 1, 0), n_groups=(1, 1, 0), n_groups_in_all=1)
    """
    import numpy as np

    images = tuple(np.bincount(labels, minlength=n_classes).tolist())
    if groups is None:
        return PartCounts(images)
    cells = np.unique(np.column_stack((labels, groups)), axis=0)
    found = np.bincount(cells[:, 0], minlength=n_classes)
    return PartCounts(images, tuple(found.tolist()), len(np.unique(groups)))


def validation_counts(
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64] | None,
    splits: Sequence[Split],
    n_classes: int,
    times: npt.NDArray[np.int64] | None = None,
) -> tuple[PartCounts, ...]:
    """Return the counts of the validation images of each split; all other images of a split are training images.

    Args:
        labels: the labels of all training images, int64 of shape (n,).
        groups: their groups, int64 of shape (n,); ``None`` if there are no groups.
        splits: the splits, such as the folds of a search.
        n_classes: the number of classes.
        times: their times, int64 of shape (n,); ``None`` if there are no times.

    Raises:
        DataError: if a split is not possible.

    >>> import numpy as np
    >>> from convstudy.data import Fold
    >>> labels, groups = np.arange(12) % 2, np.arange(12) // 2
    >>> [each.n_groups for each in validation_counts(labels, groups, [Fold(0, 3, 0), Fold(1, 3, 0)], 2)]
    [(2, 2), (2, 2)]
    """
    found = []
    for split in splits:
        _, rows = split_indices(labels, split, groups, times)
        found.append(part_counts(labels[rows], None if groups is None else groups[rows], n_classes))
    return tuple(found)
