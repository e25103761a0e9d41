"""The values that name a split: a holdout, or one of k folds, of all images, a subset or an outer fold.

A value names a split completely together with the labels and groups of the images, so that a fit's id can contain it.
:mod:`convstudy.data.splits` finds its images.
"""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.errors import DataError, Problem

LARGEST_SEED = 2**32 - 1
"""The largest seed of NumPy's RandomState."""


@dataclass(frozen=True)
class Holdout:
    """A split that validates on a fraction of the images and trains on the others.

    Args:
        fraction: the fraction of validation images, in (0, 1).
        seed: the seed of the shuffle, in [0, 2**32 - 1].
        subset: the number of images to use, a stratified subset that does not depend on ``seed``; ``None`` uses all.
        half: train on a stratified random half of the training images, drawn with this seed after the validation images
            are held out; ``None`` trains on all of them.

    Raises:
        DataError: if an argument is out of range.
    """

    fraction: float
    seed: int
    subset: int | None = None
    half: int | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.fraction, (int, float)) and 0 < self.fraction < 1):
            raise out_of_range("the holdout fraction", "a number in (0, 1)", self.fraction)
        _check_seed_and_subset(self.seed, self.subset)
        if self.half is not None:
            _check_seed_and_subset(self.half, self.subset)


@dataclass(frozen=True)
class Outer:
    """An outer fold of nested cross-validation, whose images are neither trained nor validated on.

    Args:
        index: the index of the fold, in [0, ``of``).
        of: the number of outer folds, at least 2.

    Raises:
        DataError: if an argument is out of range.
    """

    index: int
    of: int

    def __post_init__(self) -> None:
        _check_fold(self.index, self.of)


@dataclass(frozen=True)
class Fold:
    """One fold of k-fold cross-validation: it validates on one part and trains on the others.

    Args:
        index: the index of the fold that is used for validation, in [0, ``of``).
        of: the number of folds, at least 2.
        seed: the seed of the shuffle, in [0, 2**32 - 1].
        subset: see :class:`Holdout`.
        within: the outer fold whose training images this fold divides, shuffled with the same seed; ``None`` divides
            all images.

    Raises:
        DataError: if an argument is out of range.
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
        """The outer fold as a split: it validates on the images that this fold does not use."""
        if self.within is None:
            return None
        return Fold(self.within.index, self.within.of, self.seed, self.subset)

    def inner(self, of: int) -> tuple[Fold, ...]:
        """Return the ``of`` inner folds of this fold's training images."""
        within = Outer(self.index, self.of)
        return tuple(Fold(index, of, self.seed, self.subset, within) for index in range(of))


Split = Holdout | Fold
"""A split into training and validation images."""


def _check_fold(index: int, of: int) -> None:
    if not _is_int(of) or of < 2:
        raise out_of_range("the number of folds", "an integer >= 2", of)
    if not _is_int(index) or not 0 <= index < of:
        raise out_of_range("the index of a fold", f"an integer in [0, {of - 1}]", index)


def _check_seed_and_subset(seed: int, subset: int | None) -> None:
    if not _is_int(seed) or not 0 <= seed <= LARGEST_SEED:
        raise out_of_range("the seed", f"an integer in [0, {LARGEST_SEED}]", seed)
    if subset is not None and (not _is_int(subset) or subset < 1):
        raise out_of_range("the subset", "an integer >= 1", subset)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def out_of_range(subject: str, expected: str, got: object) -> DataError:
    """Return the error of a value out of its range."""
    return DataError(Problem(f"{subject} must be {expected}", got=str(got)))
