"""Set aside a test part of images in memory, by the rules for files: by group, near-duplicates together, stratified."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from convstudy.data.audit.perceptual_hashes import perceptual_hashes
from convstudy.data.grouping.assignment import assign_test
from convstudy.data.grouping.merging import merged_groups
from convstudy.data.grouping.near_duplicates import near_duplicates
from convstudy.data.images import Images
from convstudy.data.parts import numbered
from convstudy.data.time_order import blocks_of
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def set_aside(
    images: Images, fraction: object, n_classes: int
) -> tuple[Images, Images, npt.NDArray[np.bool_]]:
    """Return the training and the test images, and whether each image is a test image.

    The same images with the same labels and groups always give the same parts. With times, the latest are test images.

    Args:
        images: all images, with their groups if there are any. The training images have groups if groups were given or
            near-duplicates were found.
        fraction: the fraction of test images, in (0, 1).
        n_classes: the number of classes.

    Raises:
        DataError: if the fraction is not in (0, 1), or a class has too few images or groups.
    """
    import numpy as np

    where = Location(key=("test",))
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction < 1:
        raise DataError(Problem(where=where, expected="a number in (0, 1)", got=repr(fraction)))
    if images.times is not None:
        is_test = blocks_of(images.times, [1 - fraction]) == 1
        train = images.take(np.flatnonzero(~is_test))
        return train, _plain(images, is_test), is_test
    near = near_duplicates(perceptual_hashes(images), lambda rows: images.pixels[rows])
    declared = None if images.groups is None else [str(group) for group in images.groups.tolist()]
    grouping = merged_groups(len(images), declared, near)
    names = [str(row) for row in range(len(images))]
    groups = np.arange(len(images)) if grouping.numbers is None else grouping.numbers
    assigned = assign_test(
        grouping.identities(names),
        grouping.identity,
        groups,
        images.labels,
        [str(number) for number in range(n_classes)],
        fraction,
        None,
        where,
    )
    train = replace(images, groups=grouping.numbers).take(np.flatnonzero(~assigned.is_test))
    if train.groups is not None:
        train = replace(train, groups=numbered(train.groups))
    # Declared groups of test images are kept: intervals need them.
    kept = replace(images, groups=None if declared is None else grouping.numbers)
    return train, _plain(kept, assigned.is_test), assigned.is_test


def _plain(images: Images, is_test: npt.NDArray[np.bool_]) -> Images:
    """Return the test images, without weights and times."""
    import numpy as np

    test = replace(images, weights=None, times=None).take(np.flatnonzero(is_test))
    return test if test.groups is None else replace(test, groups=numbered(test.groups))
