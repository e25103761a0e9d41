"""Classes with too few images for folds or a holdout are found from the labels, before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data import BUILT_IN_DATASETS, split_indices
from convstudy.errors import DataError, StudyError
from convstudy.plan import make_plan
from convstudy.studyfile import Study, check_classes, check_study, check_test_classes, load_study, places
from convstudy.studyfile.nesting import fewer_folds
from tests.run.studies import small_study

Labels = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def labels() -> Labels:
    return BUILT_IN_DATASETS["digits"].load_labels("train")


def searched(folds: int, **values: Any) -> dict[str, Any]:
    """Return the sections of a study with a search over two kernels and these keys."""
    return {"kernel": small_study().search["kernel"].model_copy(update={"folds": folds, **values})}


def refused(study: Study, labels: Labels) -> StudyError | None:
    """Return the error that these labels give, or None."""
    try:
        check_classes(study, labels)
    except StudyError as error:
        return error
    return None


def fails(study: Study, labels: Labels) -> bool:
    """Return whether a fit of the plan cannot make its split."""
    for fit in make_plan(study).fits:
        try:
            split_indices(labels, fit.split)
        except DataError:
            return True
    return False


def uneven(labels: Labels, n_of_class_3: int) -> Labels:
    """Return labels with this number of images of class 3."""
    return np.delete(labels, np.flatnonzero(labels == 3)[n_of_class_3:])


def test_check_classes_refuses_exactly_the_studies_with_impossible_splits(labels: Labels) -> None:
    found = []
    for n_rare in (1, 4, 7, 130):
        some = uneven(labels, n_rare)
        for subset in (20, 103, 400, None):
            for folds, nested in ((2, {}), (5, {}), (10, {}), (4, {"nested": True}), (3, {"nested": True})):
                for outer in (None, 5) if nested else (None,):
                    search = searched(folds, **nested, outer_folds=outer)
                    study = small_study(subset=subset, search=search, seeds=2, validation=0.5)
                    found.append(refused(study, some) is not None)
                    assert found[-1] == fails(study, some), (n_rare, subset, folds, nested, outer)
    assert len(found) == 112 and 30 < sum(found) < 90


def test_subset_of_a_search_is_checked(labels: Labels) -> None:
    study = small_study(subset=None, search=searched(5, subset=40))
    error = refused(study, labels)
    assert error is not None and fails(study, labels)
    assert "in the subset of 40" in error.problems[0].got


def test_each_key_that_needs_more_images_is_reported_with_class_and_count(labels: Labels) -> None:
    some = uneven(labels, 1)
    study = small_study(subset=None, search=searched(5) | {"two": searched(3)["kernel"]})
    error = refused(study, some)
    assert error is not None
    assert [str(problem.where) for problem in error.problems] == [
        "search.kernel.folds",
        "search.two.folds",
        "study.validation",
    ]
    first, _, last = error.problems
    assert first.what == "5 folds need 5 images of each class"
    assert first.got == last.got == '1 image of class "3" in the training images'
    assert first.hint == "use more images"


@pytest.mark.parametrize(
    ("outer_folds", "n_rare", "key", "got"),
    [
        (None, 3, "folds", '3 images of class "3" in the training images'),
        (None, 5, "folds", '3 images of class "3" in the training images outside one outer fold'),
        (6, 5, "outer_folds", '5 images of class "3" in the training images'),
    ],
)
def test_nested_search_with_too_few_images_of_a_class_is_refused(
    labels: Labels, outer_folds: int | None, n_rare: int, key: str, got: str
) -> None:
    search = searched(4, nested=True, outer_folds=outer_folds)
    study = small_study(subset=None, search=search)
    error = refused(study, uneven(labels, n_rare))
    assert error is not None
    (problem,) = error.problems
    assert (str(problem.where), problem.got) == (f"search.kernel.{key}", got)


def test_too_many_folds_for_one_class_pass_check_study_but_not_check_classes(labels: Labels) -> None:
    study = small_study(subset=1000, search=searched(100))
    check_study(study)
    error = refused(study, labels)
    assert error is not None
    (problem,) = error.problems
    assert problem.what == "100 folds need 100 images of each class"
    assert problem.got == '97 images of class "8" in the subset of 1,000'
    assert problem.hint == "use at most 97 folds, or more images"


def test_halving_is_checked_with_the_folds_of_its_search(labels: Labels) -> None:
    search = searched(10, method="halving", budget=0.5, recipe={"epochs": 4})
    study, some = small_study(subset=103, search=search), uneven(labels, 100)
    assert refused(study, some) is not None and fails(study, some)


def test_errors_are_located_at_lines_and_changes(tmp_path: Path, labels: Labels) -> None:
    path = tmp_path / "study.toml"
    path.write_text(
        '[study]\nname = "s"\ndataset = "digits"\nsubset = 1000\n'
        '[network.n]\nkernel = 3\nlayers = ["conv 4 {kernel} stride=4", "flatten"]\n'
        '[search.k]\nnetwork = "n"\nparameters = { kernel = [3, 5] }\nfolds = 100\n',
        encoding="utf-8",
    )
    with pytest.raises(StudyError) as caught:
        check_classes(load_study(path), labels, places(path))
    assert str(caught.value.problems[0].where) == f"{path}:11: search.k.folds"
    changes = {"search.k.folds": 99}
    with pytest.raises(StudyError) as caught:
        check_classes(load_study(path, changes), labels, places(path, changes))
    assert str(caught.value.problems[0].where) == "--set search.k.folds"


@pytest.mark.parametrize(
    ("most", "hint"),
    [(2, "use at most 2 folds, or more images"), (1, "use more images"), (0, "use more images")],
)
def test_hint_never_offers_fewer_than_two_folds(most: int, hint: str) -> None:
    assert fewer_folds(most) == hint


EACH_CLASS = "needs test images of each class"
TWO_CLASSES = "needs test images of two or more classes"


@pytest.mark.parametrize(
    ("metric", "there", "what", "got"),
    [
        ("balanced-accuracy", range(9), EACH_CLASS, 'no test image of class "9"'),
        ("macro-f1", range(2, 10), EACH_CLASS, 'no test image of class "0" and of 1 more'),
        ("roc-auc", range(9), EACH_CLASS, 'no test image of class "9"'),
        ("roc-auc", [4], EACH_CLASS, 'no test image of class "0" and of 8 more'),
        ("kappa", [4], TWO_CLASSES, '40 test images, all of class "4"'),
        ("mcc", [4], TWO_CLASSES, '40 test images, all of class "4"'),
        ("kappa", [4, 5], "", ""),
        ("balanced-accuracy", range(10), "", ""),
        ("accuracy", [4], "", ""),
        ("log-loss", [4], "", ""),
        ("brier", [4], "", ""),
        ("top-5-accuracy", [4], "", ""),
    ],
)
def test_metric_without_test_images_of_a_class_is_refused(
    metric: str, there: Any, what: str, got: str
) -> None:
    study = small_study(metric=metric)
    labels = np.resize(np.asarray(there, dtype=np.int64), 40)
    if not what:
        check_test_classes(study, labels)
        return
    with pytest.raises(StudyError) as caught:
        check_test_classes(study, labels)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert (problem.got, problem.where.key) == (got, ("study", "metric"))


def grouped(labels: Labels, groups_of_class_3: int) -> Labels:
    """Return groups of about ten images of one class, and this number of groups of class 3."""
    rank = np.concatenate([np.arange(int((labels == each).sum())) for each in range(10)])
    order = np.argsort(labels, kind="stable")
    groups = np.empty_like(labels)
    groups[order] = labels[order] * 1000 + rank % np.where(labels[order] == 3, groups_of_class_3, 14)
    return groups


def problem_of(study: Study, labels: Labels, groups: Labels) -> tuple[str, str, str, str]:
    with pytest.raises(StudyError) as caught:
        check_classes(study, labels, groups=groups)
    problem = caught.value.problems[0]
    return str(problem.where), problem.what, problem.got, problem.hint


def test_fewer_groups_of_a_class_than_folds_are_refused(labels: Labels) -> None:
    study, groups = small_study(subset=None, search=searched(5)), grouped(labels, 4)
    check_classes(study, labels)
    check_classes(small_study(subset=None, search=searched(4)), labels, groups=groups)
    assert problem_of(study, labels, groups) == (
        "search.kernel.folds",
        "5 folds need 5 groups with images of each class",
        '4 groups with images of class "3" in the training images',
        "use at most 4 folds, or more groups",
    )


def test_class_in_one_group_cannot_be_in_training_and_validation(labels: Labels) -> None:
    study = small_study(subset=None, search={})
    assert problem_of(study, labels, grouped(labels, 1)) == (
        "study.validation",
        "each class needs 2 groups, one to train on and one to validate on",
        'one group with all images of class "3" in the training images',
        "leave the class out, or give images of different origin different groups",
    )


def test_groups_of_an_outer_fold_are_missing_in_the_inner_folds(labels: Labels) -> None:
    study = small_study(subset=None, search=searched(4, nested=True))
    where, _, got, _ = problem_of(study, labels, grouped(labels, 5))
    assert where == "search.kernel.folds"
    assert got == '3 groups with images of class "3" in the training images outside one outer fold'


def test_groups_of_several_classes_that_cannot_be_divided_are_refused(labels: Labels) -> None:
    # Each of three groups has most classes, and each class is in two of the groups.
    groups = (labels % 3 + np.arange(len(labels)) // 7 % 2) % 3
    study = small_study(subset=None, search=searched(2))
    where, what, got, _ = problem_of(study, labels, groups)
    assert where == "search.kernel.folds"
    assert what == "no way was found to divide the groups so that each part has images of each class"
    assert got == "3 groups, some of them with images of several classes"
