"""Check that each class has enough images for the folds, the validation set and the metric of a study."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from convstudy.data.splits import Fold, Holdout, Shortage, shortage
from convstudy.errors import NOWHERE, KeyPath, Location, StudyError
from convstudy.metrics import metric_named
from convstudy.studyfile.file_error import FileError
from convstudy.studyfile.nesting import fewer_folds
from convstudy.studyfile.study import Search, Study

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def check_classes(
    study: Study, labels: npt.NDArray[np.int64], place: Callable[[KeyPath], Location] = lambda path: NOWHERE
) -> None:
    """Check that the training images of a dataset have enough images of each class for every split of a study.

    :func:`~convstudy.studyfile.check_study` sees the total number of images only.

    Args:
        study: a study that ``check_study`` accepts.
        labels: the labels of all training images, int64 of shape (n,).
        place: returns the location of a key, as :func:`~convstudy.studyfile.places` does.

    Raises:
        StudyError: with each key that needs more images, and the class with the fewest.
    """
    names = study.dataset.class_names
    errors = [
        error
        for name, search in study.search.items()
        if (error := _of_search(("search", name), search, search.subset_within(study.subset), labels, names))
    ]
    short = shortage(labels, Holdout(study.validation, 0, study.subset))
    if short is not None:
        key = "validation" if study.subset is None else "subset"
        errors.append(
            FileError(
                ("study", key),
                "each class needs 2 images, one to train on and one to validate on",
                _got(short, names, study.subset, ""),
            )
        )
    if errors:
        raise StudyError(*(error.problem(place) for error in errors))


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
        got = f'{len(labels):,} test images, all of class "{names[int(labels[0])]}"'
    else:
        return
    error = FileError(("study", "metric"), what, got)
    raise StudyError(error.problem(place))


def _of_search(
    path: KeyPath, search: Search, subset: int | None, labels: npt.NDArray[np.int64], names: tuple[str, ...]
) -> FileError | None:
    """Return the first key of a search that needs more images than a class has, if any."""
    short = shortage(labels, Fold(0, search.folds, 0, subset))
    if short is not None:
        return _too_many((*path, "folds"), search.folds, short, names, subset, "")
    if not search.nested:
        return None
    n_outer = search.outer_folds or search.folds
    short = shortage(labels, Fold(0, n_outer, 0, subset))
    if short is not None:
        return _too_many((*path, "outer_folds"), n_outer, short, names, subset, "")
    # Inner folds are made of the images outside one outer fold, so each outer fold is checked.
    outside = [
        shortage(labels, Fold(index, n_outer, 0, subset).inner(search.folds)[0]) for index in range(n_outer)
    ]
    short = min(filter(None, outside), key=lambda each: each.count, default=None)
    if short is None:
        return None
    return _too_many((*path, "folds"), search.folds, short, names, subset, " outside one outer fold")


def _too_many(
    path: KeyPath, n_folds: int, short: Shortage, names: tuple[str, ...], subset: int | None, without: str
) -> FileError:
    """Return the error of a number of folds above the number of images of a class."""
    return FileError(
        path,
        f"{n_folds} folds need {n_folds} images of each class",
        _got(short, names, subset, without),
        hint=fewer_folds(short.count),
    )


def _got(short: Shortage, names: tuple[str, ...], subset: int | None, without: str) -> str:
    """Return the class with the fewest images, and their number."""
    images = "1 image" if short.count == 1 else f"{short.count} images"
    among = "the training images" if subset is None else f"the subset of {subset:,}"
    return f'{images} of class "{names[short.label]}" in {among}{without}'
