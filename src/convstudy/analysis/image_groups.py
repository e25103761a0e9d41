"""Whether images in groups allow intervals, and marks on those that take images as independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from convstudy.stats.differences import Difference
from convstudy.stats.image_groups import MIN_GROUPS, ImageGroups
from convstudy.stats.intervals import Interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.integer]

Estimate = TypeVar("Estimate", Difference, Interval)


def why_refused(groups: Integers, labels: Integers) -> str:
    """Return why there is no interval for images in these groups; empty if there is one.

    Args:
        groups: the group of each test image, shape (n,).
        labels: the class of each, shape (n,).

    >>> import numpy as np
    >>> why_refused(np.zeros(30, int), np.arange(30) % 3)
    'all test images are of one group'
    """
    import numpy as np

    pairs = np.unique(np.stack([labels, groups]), axis=1)
    n_groups, n_classes = len(np.unique(groups)), len(np.unique(labels))
    if n_groups == 1:
        return "all test images are of one group"
    if n_groups == pairs.shape[1] == n_classes:
        return "each class has one group of test images, so that classes and groups cannot be separated"
    return few_groups("test", n_groups)


def few_groups(part: str, n_groups: int) -> str:
    """Return why this number of groups gives no interval; empty if it is large enough, or 0 (no groups)."""
    if not 0 < n_groups < MIN_GROUPS:
        return ""
    return f"the {part} images are of only {n_groups} groups, and an interval needs at least {MIN_GROUPS}"


def independent(found: Estimate, n_images: int) -> Estimate:
    """Mark an estimate as one that takes images as independent, although they are in groups.

    The groups are unknown: they were not recorded, or predictions are missing.
    """
    return replace(found, groups=ImageGroups(n_images, 0, float(n_images)))


def of_images(
    groups: Sequence[Integers], index: npt.NDArray[np.int64], n_images: int
) -> npt.NDArray[np.int64]:
    """Return the group of each distinct image.

    Args:
        groups: the groups of predictions, in several arrays.
        index: for each prediction, the index of its image.
        n_images: the number of distinct images.
    """
    import numpy as np

    found = np.zeros(n_images, dtype=np.int64)
    found[index] = np.concatenate(groups)
    return found
