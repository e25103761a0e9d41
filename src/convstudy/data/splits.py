"""Splits into training and validation images: a holdout or one of k folds, of all images, a subset or an outer fold.

Splits are stratified (each class keeps its proportion) and shuffled with a seed. They depend only on the labels, the
groups and the split. ``RandomState`` is used because NumPy guarantees that its stream does not change.

If images have groups, no group is in two parts, and classes keep their proportions as far as groups allow
(:mod:`convstudy.data.grouping.parts`). A subset is drawn image by image, so that it has an exact size; its images keep
their groups. A holdout can train on a random half of its training images; with groups, on whole groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.split import LARGEST_SEED, Fold, Holdout, Split, out_of_range
from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUBSET_SEED = 0
"""The seed is fixed, so that all fits of a study with the same subset size use the same images."""

_HALF_SEED = 2**31
"""Added to the seed of a half, so that its draw does not repeat the random numbers that drew the validation images."""

_HOLDOUT_PARTS = 1000
"""With groups, the fraction of a holdout is rounded to a multiple of 1 / 1000."""


def split_indices(
    labels: npt.NDArray[np.int64],
    split: Split,
    groups: npt.NDArray[np.int64] | None = None,
    times: npt.NDArray[np.int64] | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the indices of the training and of the validation images.

    Args:
        labels: int64, shape (n,).
        split: the split.
        groups: int64, shape (n,), the group of each image, in any numbers; ``None`` if there are no groups.
        times: int64, shape (n,), the rank of each image in time; ``None`` if there are no times. With times, groups are
            ignored, and the split is in order of time (:mod:`convstudy.data.time_order`).

    Returns:
        Two sorted, disjoint int64 arrays of indices into ``labels``. Together they have all images of the data, the
        subset or the outer fold's training part; in order of time, folds leave out later images. Both have every class.
        Without groups and times, their lengths are those of :func:`split_sizes`; with groups, they have no group in
        common.

    Raises:
        DataError: if a class has too few images or groups, or the subset is larger than the data.

    >>> import numpy as np
    >>> train, validation = split_indices(np.array([0, 0, 0, 0, 1, 1, 1, 1]), Holdout(0.25, seed=1))
    >>> len(train), len(validation)
    (6, 2)
    """
    if times is not None:
        absent = absent_class(labels, split, times)
        if absent is not None:
            what = f"class {absent.label} has no {absent.part} images, because splits are in order of time"
            raise DataError(Problem(what, hint="use fewer folds, or leave the class out"))
        return _in_order_of_time(labels, split, times)
    available = _available(labels, split, groups)
    chosen, theirs = labels[available], _rows(groups, available)
    mask = (
        _fold_mask(chosen, split, theirs) if isinstance(split, Fold) else _holdout_mask(chosen, split, theirs)
    )
    return _half(labels, available[~mask], split, groups), available[mask]


def _half(
    labels: npt.NDArray[np.int64],
    train: npt.NDArray[np.int64],
    split: Split,
    groups: npt.NDArray[np.int64] | None,
) -> npt.NDArray[np.int64]:
    """Return a half of the training images if the split asks for one, otherwise all of them."""
    if isinstance(split, Fold) or split.half is None:
        return train
    seed = (split.half + _HALF_SEED) % (LARGEST_SEED + 1)
    if groups is None:
        return train[_draw(labels[train], (len(train) + 1) // 2, seed)]
    return train[_in_part(0, labels[train], groups[train], [1, 1], seed, "half of the training images")]


@dataclass(frozen=True)
class Shortage:
    """A class with too few images for a split: it has ``count`` of the ``required`` images.

    If images have groups, ``count`` and ``required`` are numbers of groups with at least one image of the class, and
    ``are_groups`` is true.
    """

    label: int
    count: int
    required: int
    are_groups: bool = False


def shortage(
    labels: npt.NDArray[np.int64], split: Split, groups: npt.NDArray[np.int64] | None = None
) -> Shortage | None:
    """Return the rarest class if it has too few images (or groups) for a split, or ``None``.

    The result does not depend on the seed, nor on the index of a fold without an outer fold. Groups that have several
    classes can make a split impossible although no class is rare; :func:`split_indices` finds this.

    Args:
        labels: int64, shape (n,).
        split: the split.
        groups: see :func:`split_indices`.

    Raises:
        DataError: if the subset is larger than the data, or the outer fold cannot be made.
    """
    available = _available(labels, split, groups)
    n_required = split.of if isinstance(split, Fold) else 2
    if groups is not None and isinstance(split, Holdout) and split.half is not None:
        n_required = 3  # one group for validation, and one for each half
    return _shortage(labels[available], n_required, _rows(groups, available))


def _in_order_of_time(
    labels: npt.NDArray[np.int64], split: Split, times: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    from convstudy.data.time_order import time_masks

    available = _of_subset(labels, split)
    if isinstance(split, Fold) and split.outer is not None:
        available = available[time_masks(times[available], split.outer)[0]]
    train, validation = time_masks(times[available], split)
    return available[train], available[validation]


@dataclass(frozen=True)
class AbsentClass:
    """A class without images in a part ("training" or "validation") of a split in order of time."""

    label: int
    part: str


def absent_class(
    labels: npt.NDArray[np.int64], split: Split, times: npt.NDArray[np.int64]
) -> AbsentClass | None:
    """Return the first class that a part of a split in order of time lacks, or ``None``.

    Args:
        labels: int64, shape (n,).
        split: the split.
        times: see :func:`split_indices`.

    Raises:
        DataError: if there are fewer different times than parts.
    """
    import numpy as np

    rows = _in_order_of_time(labels, split, times)
    for each, part in zip(rows, ("training", "validation"), strict=True):
        absent = np.setdiff1d(labels, labels[each])
        if len(absent):
            return AbsentClass(int(absent[0]), part)
    return None


def _of_subset(labels: npt.NDArray[np.int64], split: Split) -> npt.NDArray[np.int64]:
    """Return the indices of the images of a split's subset, or of all images."""
    import numpy as np

    if split.subset is None:
        return np.arange(len(labels), dtype=np.int64)
    _check_subset(labels, split.subset)
    return np.flatnonzero(_draw(labels, split.subset, SUBSET_SEED)).astype(np.int64)


def _rows(groups: npt.NDArray[np.int64] | None, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    return None if groups is None else groups[rows]


def _available(
    labels: npt.NDArray[np.int64], split: Split, groups: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.int64]:
    """Return the indices of the images that a split divides: the subset without the outer fold's validation images."""
    # The subset comes first: an outer fold divides the subset, not all images.
    available = _of_subset(labels, split)
    if isinstance(split, Fold) and split.outer is not None:
        available = available[~_fold_mask(labels[available], split.outer, _rows(groups, available))]
    return available


def split_sizes(n_images: int, split: Split) -> tuple[int, int]:
    """Return the numbers of training and of validation images, which do not depend on the labels.

    With groups, these are the numbers that the split comes close to. In order of time, folds have fewer images.

    Args:
        n_images: the number of images before a subset is taken.
        split: the split.

    Raises:
        DataError: if the subset is larger than ``n_images``.

    >>> split_sizes(60_000, Fold(0, 5, seed=0))
    (48000, 12000)
    """
    if split.subset is not None and split.subset > n_images:
        raise out_of_range("the subset", f"at most {n_images:,}, the number of images", split.subset)
    n_used = n_images if split.subset is None else split.subset
    if isinstance(split, Fold):
        if split.outer is not None:
            n_used, _ = split_sizes(n_images, split.outer)
        # In StratifiedKFold, the first ``n_used % split.of`` folds have one image more than the others.
        n_validation = (n_used + split.of - 1 - split.index) // split.of
    else:
        n_validation = int(n_used * split.fraction + 0.5)  # half up; round() would round half to even
        if split.half is not None:
            return (n_used - n_validation + 1) // 2, n_validation
    return n_used - n_validation, n_validation


def allot(counts: Sequence[int] | npt.NDArray[np.int64], total: int, spare: int = 0) -> list[int]:
    """Return the number of images to draw from each class, in proportion to its size (largest remainder method).

    At least one image of each class is drawn, and at least ``spare`` images are left over.

    Args:
        counts: the size of each class, at least ``1 + spare``.
        total: the number of images to draw, from ``len(counts)`` to ``sum(counts) - spare * len(counts)``.
        spare: the smallest number of images of each class that are not drawn.

    >>> allot([10, 20, 30], 6)
    [1, 2, 3]
    """
    sizes = [int(count) for count in counts]
    n_images = sum(sizes)
    places = [min(max(size * total // n_images, 1), size - spare) for size in sizes]
    # Integer arithmetic is exact, so the result is the same on every machine. The class furthest below its proportion
    # gets the next place; the first such class wins ties.
    while sum(places) < total:
        candidates = [i for i, size in enumerate(sizes) if places[i] < size - spare]
        places[max(candidates, key=lambda i: (sizes[i] * total - places[i] * n_images, -i))] += 1
    # Each rare class got one place, so the total can be too large: the class furthest above its proportion loses one.
    while sum(places) > total:
        candidates = [i for i in range(len(sizes)) if places[i] > 1]
        places[min(candidates, key=lambda i: (sizes[i] * total - places[i] * n_images, i))] -= 1
    return places


def _holdout_mask(
    labels: npt.NDArray[np.int64], split: Holdout, groups: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.bool_]:
    n_classes = _check_classes(labels, 2, "a holdout", split.subset, groups)
    if groups is not None:
        n_validation = min(max(int(split.fraction * _HOLDOUT_PARTS + 0.5), 1), _HOLDOUT_PARTS - 1)
        shares = [_HOLDOUT_PARTS - n_validation, n_validation]
        return _in_part(1, labels, groups, shares, split.seed, "a holdout")
    n_train, n_validation = split_sizes(len(labels), Holdout(split.fraction, split.seed))
    if min(n_train, n_validation) < n_classes:
        raise DataError(
            Problem(
                f"a holdout needs a training and a validation image of each of {n_classes} classes",
                got=f"{n_train:,} training and {n_validation:,} validation images",
                hint="use a fraction nearer to 0.5, or more images",
            )
        )
    return _draw(labels, n_validation, split.seed, spare=1)  # spare=1 leaves each class a training image


def _fold_mask(
    labels: npt.NDArray[np.int64], split: Fold, groups: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.bool_]:
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    purpose = f"{split.of} folds" if split.within is None else f"{split.of} inner folds"
    _check_classes(labels, split.of, purpose, split.subset, groups)
    if groups is not None:
        return _in_part(split.index, labels, groups, [1] * split.of, split.seed, purpose)
    # The splits of StratifiedKFold depend only on labels and seed. A test pins them, because records refer to them.
    folds = StratifiedKFold(n_splits=split.of, shuffle=True, random_state=split.seed)
    mask = np.zeros(len(labels), dtype=bool)
    for index, (_, validation) in enumerate(folds.split(np.zeros(len(labels)), labels)):
        if index == split.index:
            mask[validation] = True
    return mask


def _draw(labels: npt.NDArray[np.int64], total: int, seed: int, spare: int = 0) -> npt.NDArray[np.bool_]:
    """Return a mask of a stratified random draw of ``total`` images, see :func:`allot`."""
    import numpy as np

    random = np.random.RandomState(seed)
    classes, counts = np.unique(labels, return_counts=True)
    mask = np.zeros(len(labels), dtype=bool)
    for label, n_places in zip(classes, allot(counts, total, spare), strict=True):
        mask[random.permutation(np.flatnonzero(labels == label))[:n_places]] = True
    return mask


def _in_part(
    part: int,
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    shares: list[int],
    seed: int,
    purpose: str,
) -> npt.NDArray[np.bool_]:
    """Return a mask of the images in one of several parts.

    Raises:
        DataError: if a class is absent from a part.
    """
    import numpy as np

    from convstudy.data.grouping.parts import parts_of_groups

    parts = parts_of_groups(labels, groups, shares, seed)
    classes, numbers = np.unique(labels, return_inverse=True)
    counts = np.bincount(numbers.reshape(-1) * len(shares) + parts, minlength=len(classes) * len(shares))
    absent = np.argwhere(counts.reshape(len(classes), -1) == 0)
    if len(absent):
        raise DataError(
            Problem(
                f"no way was found to put images of class {int(classes[absent[0, 0]])} into each part of {purpose}",
                got=f"{len(np.unique(groups)):,} groups, some of them with images of several classes",
                hint="use fewer folds, or more groups",
            )
        )
    mask: npt.NDArray[np.bool_] = parts == part
    return mask


def _check_classes(
    labels: npt.NDArray[np.int64],
    n_required: int,
    purpose: str,
    subset: int | None,
    groups: npt.NDArray[np.int64] | None,
) -> int:
    """Return the number of classes; raise :class:`DataError` if one has fewer than ``n_required`` images or groups."""
    import numpy as np

    if len(labels) == 0:
        raise DataError(Problem("there are no images to split"))
    short = _shortage(labels, n_required, groups)
    if short is not None:
        what = "groups" if short.are_groups else "images"
        raise DataError(
            Problem(
                f"class {short.label} has too few {what} for {purpose}",
                got=f"{short.count}" + ("" if subset is None else f" in a subset of {subset:,}"),
                expected=f"at least {n_required}",
                hint=f"use more {what}" if n_required == 2 else f"use more {what} or fewer folds",
            )
        )
    return len(np.unique(labels))


def _shortage(
    labels: npt.NDArray[np.int64], n_required: int, groups: npt.NDArray[np.int64] | None
) -> Shortage | None:
    """Return the rarest class if it has fewer than ``n_required`` images or groups, or ``None``."""
    import numpy as np

    if groups is not None:  # count each group once per class
        labels = np.unique(np.column_stack((labels, groups)), axis=0)[:, 0]
    classes, counts = np.unique(labels, return_counts=True)
    rarest = int(counts.argmin())
    if counts[rarest] >= n_required:
        return None
    return Shortage(int(classes[rarest]), int(counts[rarest]), n_required, groups is not None)


def _check_subset(labels: npt.NDArray[np.int64], subset: int) -> None:
    import numpy as np

    n_classes = len(np.unique(labels))
    if not n_classes <= subset <= len(labels):
        expected = f"from {n_classes:,} (the number of classes) to {len(labels):,} (all images)"
        raise out_of_range("the subset", expected, subset)
