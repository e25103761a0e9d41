"""Which images train and which validate: a holdout, or one of k folds, of all images, a subset, or an outer fold.

Splits are stratified (each class keeps its share) and shuffled by a seed. They depend on the labels and the
split, on nothing else; NumPy promises never to change the stream of ``RandomState``, which is why it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.errors import DataError, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUBSET_SEED = 0
"""Fixed, so that all fits of a study that ask for a subset of one size share the same images."""

_LARGEST_SEED = 2**32 - 1  # what NumPy's RandomState takes


@dataclass(frozen=True)
class Holdout:
    """A share of the images validates, the others train.

    Args:
        fraction: the share that validates, more than 0 and less than 1.
        seed: decides which; 0 to 2**32 - 1.
        subset: if given, only a stratified subset of that many images is used; the seed has no part in its
            choice.

    Raises:
        DataError: if a value lies outside.
    """

    fraction: float
    seed: int
    subset: int | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.fraction, (int, float)) and 0 < self.fraction < 1):
            raise _bad("holdout fraction", self.fraction, "more than 0 and less than 1")
        _check_seed_and_subset(self.seed, self.subset)


@dataclass(frozen=True)
class Outer:
    """The fold that lies outside: its images take no part, neither to train nor to validate.

    Args:
        index: which part is left out, 0 to ``of - 1``.
        of: how many parts there are, at least 2.

    Raises:
        DataError: if a value lies outside.
    """

    index: int
    of: int

    def __post_init__(self) -> None:
        _check_fold(self.index, self.of)


@dataclass(frozen=True)
class Fold:
    """One of k equal parts validates, the others train.

    Args:
        index: which part, 0 to ``of - 1``.
        of: how many parts there are, at least 2.
        seed: decides which image is in which part; 0 to 2**32 - 1.
        subset: as for :class:`Holdout`.
        within: if given, what is divided is the training part of this outer fold, drawn by the same seed.

    Raises:
        DataError: if a value lies outside.
    """

    index: int
    of: int
    seed: int
    subset: int | None = None
    within: Outer | None = None

    def __post_init__(self) -> None:
        _check_fold(self.index, self.of)
        _check_seed_and_subset(self.seed, self.subset)

    @property
    def outer(self) -> Fold | None:
        """The outer fold as a split of its own: what this fold never sees validates there."""
        if self.within is None:
            return None
        return Fold(self.within.index, self.within.of, self.seed, self.subset)

    def inner(self, of: int) -> tuple[Fold, ...]:
        """Return the ``of`` folds of this fold's training part."""
        within = Outer(self.index, self.of)
        return tuple(Fold(index, of, self.seed, self.subset, within) for index in range(of))


Split = Holdout | Fold
"""Which images train and which validate."""


def split_indices(
    labels: npt.NDArray[np.int64], split: Split
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return which images train and which validate.

    Args:
        labels: int64, shape (n,).
        split: how to divide them.

    Returns:
        Two sorted int64 arrays of indices into ``labels``. They share no image, together they hold all images
        (or all of the subset; of a fold within an outer one, all that train there), every class is in both, and
        their lengths are those of :func:`split_sizes`.

    Raises:
        DataError: if that cannot be: too few images of a class, a subset larger than the data.
    """
    at_hand = _at_hand(labels, split)
    chosen = labels[at_hand]
    validates = _fold_mask(chosen, split) if isinstance(split, Fold) else _holdout_mask(chosen, split)
    return at_hand[~validates], at_hand[validates]


@dataclass(frozen=True)
class Shortage:
    """A class with too few images for a split: ``count`` of its images are divided, ``required`` must be."""

    label: int
    count: int
    required: int


def shortage(labels: npt.NDArray[np.int64], split: Split) -> Shortage | None:
    """Return the class that keeps :func:`split_indices` from making this split, or ``None`` where each has enough.

    The seed of a split and the index of a fold that is not within an outer one make no difference.

    Args:
        labels: int64, shape (n,).
        split: how to divide them.

    Raises:
        DataError: if the subset is larger than the data, or the outer fold cannot be made.
    """
    return _shortage(labels[_at_hand(labels, split)], split.of if isinstance(split, Fold) else 2)


def _at_hand(labels: npt.NDArray[np.int64], split: Split) -> npt.NDArray[np.int64]:
    """Return the indices of the images that a split divides: of the subset, without those of the outer fold."""
    import numpy as np

    at_hand = np.arange(len(labels), dtype=np.int64)
    if split.subset is not None:
        _check_subset(labels, split.subset)
        at_hand = np.flatnonzero(_draw(labels, split.subset, SUBSET_SEED)).astype(np.int64)
    if isinstance(split, Fold) and split.outer is not None:
        at_hand = at_hand[~_fold_mask(labels[at_hand], split.outer)]
    return at_hand


def split_sizes(n_images: int, split: Split) -> tuple[int, int]:
    """Return how many images train and how many validate, without looking at any label.

    Args:
        n_images: how many there are in all, before a subset is taken.
        split: how they will be divided.

    Raises:
        DataError: if the subset is larger than ``n_images``.
    """
    if split.subset is not None and split.subset > n_images:
        raise _bad("subset", split.subset, f"at most {n_images:,}, the number of images")
    n_used = n_images if split.subset is None else split.subset
    if isinstance(split, Fold):
        if split.outer is not None:
            n_used, _ = split_sizes(n_images, split.outer)
        n_validation = (n_used + split.of - 1 - split.index) // split.of
    else:
        n_validation = int(n_used * split.fraction + 0.5)
    return n_used - n_validation, n_validation


def allot(counts: Sequence[int] | npt.NDArray[np.int64], total: int, spare: int = 0) -> list[int]:
    """Divide ``total`` places among classes in proportion to their sizes, by largest remainder.

    Every class gets at least one place and keeps at least ``spare`` images out.

    Args:
        counts: the size of each class, each at least ``1 + spare``.
        total: how many places, from ``len(counts)`` to ``sum(counts) - spare * len(counts)``.
        spare: how many images of each class must be left over.
    """
    sizes = [int(count) for count in counts]
    n_images = sum(sizes)
    places = [min(max(size * total // n_images, 1), size - spare) for size in sizes]
    # Whole numbers only: the class that is furthest below its share gets the next place, the first one on a
    # tie; where classes that were lifted to one place took too many, the one furthest above gives one back.
    while sum(places) < total:
        open_ = [i for i, size in enumerate(sizes) if places[i] < size - spare]
        places[max(open_, key=lambda i: (sizes[i] * total - places[i] * n_images, -i))] += 1
    while sum(places) > total:
        open_ = [i for i in range(len(sizes)) if places[i] > 1]
        places[min(open_, key=lambda i: (sizes[i] * total - places[i] * n_images, i))] -= 1
    return places


def _holdout_mask(labels: npt.NDArray[np.int64], split: Holdout) -> npt.NDArray[np.bool_]:
    n_classes = _check_classes(labels, 2, "a holdout", split.subset)
    n_train, n_validation = split_sizes(len(labels), Holdout(split.fraction, split.seed))
    if min(n_train, n_validation) < n_classes:
        raise DataError(
            Problem(
                "the holdout leaves a class out",
                got=f"{n_train:,} training and {n_validation:,} validation images for {n_classes} classes",
                expected=f"at least {n_classes} of each",
                hint="use a fraction nearer to 0.5, or more images",
            )
        )
    return _draw(labels, n_validation, split.seed, spare=1)


def _fold_mask(labels: npt.NDArray[np.int64], split: Fold) -> npt.NDArray[np.bool_]:
    import numpy as np
    from sklearn.model_selection import StratifiedKFold

    whom = f"{split.of} folds" if split.within is None else f"{split.of} folds within an outer one"
    _check_classes(labels, split.of, whom, split.subset)
    folds = StratifiedKFold(n_splits=split.of, shuffle=True, random_state=split.seed)
    mask = np.zeros(len(labels), dtype=bool)
    for index, (_, validation) in enumerate(folds.split(np.zeros(len(labels)), labels)):
        if index == split.index:
            mask[validation] = True
    return mask


def _draw(labels: npt.NDArray[np.int64], total: int, seed: int, spare: int = 0) -> npt.NDArray[np.bool_]:
    """Return a mask of ``total`` images, stratified, chosen by the seed."""
    import numpy as np

    random = np.random.RandomState(seed)
    classes, counts = np.unique(labels, return_counts=True)
    mask = np.zeros(len(labels), dtype=bool)
    for label, n_places in zip(classes, allot(counts, total, spare), strict=True):
        mask[random.permutation(np.flatnonzero(labels == label))[:n_places]] = True
    return mask


def _check_classes(labels: npt.NDArray[np.int64], n_required: int, whom: str, subset: int | None) -> int:
    """Return the number of classes; each must have ``n_required`` images."""
    import numpy as np

    if len(labels) == 0:
        raise DataError(
            Problem("there are no images to split", got="0 labels", expected="at least 2 of each class")
        )
    short = _shortage(labels, n_required)
    if short is not None:
        raise DataError(
            Problem(
                f"too few images of class {short.label} for {whom}",
                got=f"{short.count}" + ("" if subset is None else f" in a subset of {subset:,}"),
                expected=f"at least {n_required} of each class",
                hint="use more images" if n_required == 2 else "use more images, or fewer folds",
            )
        )
    return len(np.unique(labels))


def _shortage(labels: npt.NDArray[np.int64], n_required: int) -> Shortage | None:
    """Return the rarest class where it has fewer than ``n_required`` images."""
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    rarest = int(counts.argmin())
    if counts[rarest] >= n_required:
        return None
    return Shortage(int(classes[rarest]), int(counts[rarest]), n_required)


def _check_subset(labels: npt.NDArray[np.int64], subset: int) -> None:
    import numpy as np

    n_classes = len(np.unique(labels))
    if not n_classes <= subset <= len(labels):
        raise _bad("subset", subset, f"{n_classes:,} (the number of classes) to {len(labels):,} (all images)")


def _check_fold(index: int, of: int) -> None:
    if not _is_int(of) or of < 2:
        raise _bad("number of folds", of, "a whole number, at least 2")
    if not _is_int(index) or not 0 <= index < of:
        raise _bad("fold", index, f"0 to {of - 1}")


def _check_seed_and_subset(seed: int, subset: int | None) -> None:
    if not _is_int(seed) or not 0 <= seed <= _LARGEST_SEED:
        raise _bad("seed", seed, f"a whole number, 0 to {_LARGEST_SEED}")
    if subset is not None and (not _is_int(subset) or subset < 1):
        raise _bad("subset", subset, "a whole number, at least 1")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bad(what: str, got: object, expected: str) -> DataError:
    return DataError(Problem(f"the {what} lies outside", got=str(got), expected=expected))
