"""Check that each class has enough images, or groups, for the folds, the validation set and the metric of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.data.split import Fold, Holdout, Split
from convstudy.data.splits import Shortage, absent_class, shortage, split_indices
from convstudy.errors import NOWHERE, DataError, KeyPath, Location, StudyError
from convstudy.metrics import metric_named
from convstudy.numbers import counted
from convstudy.studyfile.file_error import FileError
from convstudy.studyfile.nesting import fewer_folds
from convstudy.studyfile.study import Search, Study

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Integers = npt.NDArray[np.int64]


def check_classes(
    study: Study,
    labels: Integers,
    place: Callable[[KeyPath], Location] = lambda path: NOWHERE,
    groups: Integers | None = None,
    times: Integers | None = None,
) -> None:
    """Check that the training images of a dataset have enough images of each class for every split of a study.

    With groups, each class also needs enough groups, because no group is divided.

    :func:`~convstudy.studyfile.check_study` sees the total number of images only.

    Args:
        study: a study that ``check_study`` accepts.
        labels: the labels of all training images, int64 of shape (n,).
        place: returns the location of a key, as :func:`~convstudy.studyfile.places` does.
        groups: the group of each training image, int64 of shape (n,); ``None`` if there are no groups.
        times: the rank of each training image in time, int64 of shape (n,); ``None`` if there are no times.

    Raises:
        StudyError: with each key that needs more images or groups, and the class with the fewest.
    """
    images = _Images(labels, groups, study.dataset.class_names, times)
    found = [
        _of_search(("search", name), search, search.subset_within(study.subset), images)
        for name, search in study.search.items()
    ]
    found.append(_of_holdouts(study, images))
    errors = [error for error in found if error is not None]
    if errors:
        raise StudyError(*(error.problem(place) for error in errors))


@dataclass(frozen=True, eq=False)
class _Images:
    """The training images: labels, groups and times, int64 of shape (n,), and the names of all classes."""

    labels: Integers
    groups: Integers | None
    names: tuple[str, ...]
    times: Integers | None

    def shortage(self, split: Split) -> Shortage | None:
        return None if self.times is not None else shortage(self.labels, split, self.groups)

    def impossible(self, splits: Iterable[Split], path: KeyPath) -> FileError | None:
        """Return the error of the first split that groups or times make impossible although no class is rare."""
        import numpy as np

        if self.times is not None:
            return self._out_of_order(splits, self.times, path)
        if self.groups is None:
            return None
        for split in splits:
            try:
                split_indices(self.labels, split, self.groups)
            except DataError:
                what = "no way was found to divide the groups so that each part has images of each class"
                n_groups = len(np.unique(self.groups))
                got = f"{n_groups:,} groups, some of them with images of several classes"
                hint = "use more groups" if isinstance(split, Holdout) else "use fewer folds, or more groups"
                return FileError(path, what, got, hint=hint)
        return None

    def _out_of_order(self, splits: Iterable[Split], times: Integers, path: KeyPath) -> FileError | None:
        """Return the error of the first split in order of time in which a part lacks a class."""
        for split in splits:
            try:
                absent = absent_class(self.labels, split, times)
            except DataError as error:  # there are fewer different times than parts
                problem = error.problems[0]
                return FileError(path, problem.what, problem.got, hint=problem.hint)
            if absent is not None:
                what = "splits are in order of time, and each part needs images of each class"
                got = f'no {absent.part} images of class "{self.names[absent.label]}"'
                hint = (
                    "leave the class out"
                    if isinstance(split, Holdout)
                    else "use fewer folds, or leave the class out"
                )
                return FileError(path, what, got, hint=hint)
        return None


def _of_holdouts(study: Study, images: _Images) -> FileError | None:
    """Return the error of the validation images of comparisons and ablations, if a class has too few images."""
    short = images.shortage(study.holdout(0))
    if short is None:
        n_seeds = study.max_seeds or study.seeds
        splits = dict.fromkeys(study.holdout(seed) for seed in range(n_seeds))
        return images.impossible(splits, ("study", "validation"))
    path = ("study", "validation" if study.subset is None else "subset")
    got = _got(short, images.names, study.subset, "")
    if not short.are_groups:
        return FileError(path, "each class needs 2 images, one to train on and one to validate on", got)
    what = f"each class needs {short.required} groups, one to train on and one to validate on"
    if study.resample is not None:
        what = f"each class needs {short.required} groups, one in each half and one to validate on"
    return FileError(path, what, got, hint=SPLIT_IT)


SPLIT_IT = "leave the class out, or give images of different origin different groups"


def check_test_classes(
    study: Study, labels: npt.NDArray[np.int64], place: Callable[[KeyPath], Location] = lambda path: NOWHERE
) -> None:
    """Check that the metric of a study is defined on its test images.

    Training and validation sets have images of each class (:func:`check_classes`). The test set can lack a class.

    Args:
        study: a study that ``check_study`` accepts.
        labels: the labels of all test images, int64 of shape (n,).
        place: see :func:`check_classes`.

    Raises:
        StudyError: if the metric needs test images of a class that has none.
    """
    import numpy as np

    metric, names = metric_named(study.metric), study.dataset.class_names
    absent = np.flatnonzero(np.bincount(labels, minlength=len(names)) == 0).tolist()
    if metric.classes == "all" and absent:
        what = f"{metric.title} needs test images of each class"
        more = f" and of {len(absent) - 1} more" if len(absent) > 1 else ""
        got = f'no test image of class "{names[absent[0]]}"{more}'
    elif metric.classes == "two" and len(names) - len(absent) < 2:
        what = f"{metric.title} needs test images of two or more classes"
        got = f'{counted(len(labels), "test image")}, all of class "{names[int(labels[0])]}"'
    else:
        return
    error = FileError(("study", "metric"), what, got)
    raise StudyError(error.problem(place))


def _of_search(path: KeyPath, search: Search, subset: int | None, images: _Images) -> FileError | None:
    """Return the first key of a search that needs more images or groups than a class has, if any."""
    names = images.names
    short = images.shortage(Fold(0, search.folds, 0, subset))
    if short is not None:
        return _too_many((*path, "folds"), search.folds, short, names, subset, "")
    every = [Fold(index, search.folds, 0, subset) for index in range(search.folds)]
    impossible = images.impossible(every if images.times is not None else every[:1], (*path, "folds"))
    if impossible is not None or not search.nested:
        return impossible
    n_outer = search.outer_folds or search.folds
    outer = [Fold(index, n_outer, 0, subset) for index in range(n_outer)]
    short = images.shortage(outer[0])
    if short is not None:
        return _too_many((*path, "outer_folds"), n_outer, short, names, subset, "")
    impossible = images.impossible(outer if images.times is not None else outer[:1], (*path, "outer_folds"))
    if impossible is not None:
        return impossible
    # Inner folds are made of the images outside one outer fold, so each outer fold is checked.
    n_inner = search.folds if images.times is not None else 1  # without times, inner folds succeed together
    inner = [inner for fold in outer for inner in fold.inner(search.folds)[:n_inner]]
    short = min(filter(None, map(images.shortage, inner)), key=lambda each: each.count, default=None)
    if short is None:
        return images.impossible(inner, (*path, "folds"))
    return _too_many((*path, "folds"), search.folds, short, names, subset, " outside one outer fold")


def _too_many(
    path: KeyPath, n_folds: int, short: Shortage, names: tuple[str, ...], subset: int | None, without: str
) -> FileError:
    """Return the error of a number of folds above the number of images, or groups, of a class."""
    what = "groups with images" if short.are_groups else "images"
    return FileError(
        path,
        f"{n_folds} folds need {n_folds} {what} of each class",
        _got(short, names, subset, without),
        hint=fewer_folds(short.count, more="groups" if short.are_groups else "images"),
    )


def _got(short: Shortage, names: tuple[str, ...], subset: int | None, without: str) -> str:
    """Return the class with the fewest images or groups, and their number."""
    name = names[short.label]
    among = "the training images" if subset is None else f"the subset of {subset:,}"
    if not short.are_groups:
        return f'{counted(short.count, "image")} of class "{name}" in {among}{without}'
    if short.count == 1:
        return f'one group with all images of class "{name}" in {among}{without}'
    return f'{short.count:,} groups with images of class "{name}" in {among}{without}'
