"""Splits are disjoint, complete and stratified, and depend only on the labels and the split."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convstudy.data import (
    BUILT_IN_DATASETS,
    Fold,
    Holdout,
    Outer,
    Shortage,
    Split,
    shortage,
    split_indices,
    split_sizes,
)
from convstudy.data.splits import allot
from convstudy.errors import DataError

Labels = npt.NDArray[np.int64]

seeds = st.integers(0, 2**32 - 1)


@st.composite
def labelled(draw: st.DrawFn, least: int = 2) -> Labels:
    """Draw shuffled labels of 1 to 6 classes, each with ``least`` to 40 images."""
    counts = draw(st.lists(st.integers(least, 40), min_size=1, max_size=6))
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    return np.random.default_rng(draw(st.integers(0, 99))).permutation(labels)


def _check(labels: Labels, split: Split) -> None:
    train, validation = split_indices(labels, split)
    n_used = len(labels) if split.subset is None else split.subset
    for indices in (train, validation):
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()  # sorted, without repeats
        assert set(labels[indices]) == set(labels)
    assert not set(train) & set(validation)
    assert (len(train), len(validation)) == split_sizes(len(labels), split)
    assert len(train) + len(validation) == n_used


@settings(deadline=None)
@given(labelled(), st.floats(0.01, 0.99), seeds)
def test_holdout_is_disjoint_and_complete(labels: Labels, fraction: float, seed: int) -> None:
    split = Holdout(fraction, seed)
    assume(min(split_sizes(len(labels), split)) >= len(set(labels)))
    _check(labels, split)


@settings(deadline=None)
@given(labelled(), st.floats(0.1, 0.9), seeds)
def test_holdouts_are_stratified(labels: Labels, fraction: float, seed: int) -> None:
    split = Holdout(fraction, seed)
    sizes = Counter(labels.tolist())
    assume(all(1 <= fraction * size <= size - 1 for size in sizes.values()))
    assume(min(split_sizes(len(labels), split)) >= len(sizes))
    _, validation = split_indices(labels, split)
    proportion = len(validation) / len(labels)
    for label, n_validation in Counter(labels[validation].tolist()).items():
        assert abs(n_validation - proportion * sizes[label]) < 1 + 1e-9


@settings(deadline=None)
@given(labelled(least=5), st.integers(2, 5), seeds)
def test_folds_are_disjoint_complete_and_stratified(labels: Labels, of: int, seed: int) -> None:
    for index in range(of):
        _check(labels, Fold(index, of, seed))
    parts = [split_indices(labels, Fold(index, of, seed))[1] for index in range(of)]
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    for label, size in Counter(labels.tolist()).items():
        counts = [int((labels[part] == label).sum()) for part in parts]
        assert sum(counts) == size
        assert max(counts) - min(counts) <= 1


@settings(deadline=None)
@given(labelled(least=12), st.integers(2, 4), st.integers(2, 4), seeds, st.booleans())
def test_inner_folds_do_not_contain_images_of_the_outer_fold(
    labels: Labels, of: int, of_outer: int, seed: int, in_subset: bool
) -> None:
    n_used = 10 * len(labels) // 11 if in_subset else len(labels)
    for index in range(of_outer):
        outer = Fold(index, of_outer, seed, n_used if in_subset else None)
        trains, left_out = split_indices(labels, outer)
        parts = []
        for fold in outer.inner(of):
            assert fold.outer == outer
            train, validation = split_indices(labels, fold)
            assert not (set(train) | set(validation)) & set(left_out)
            assert sorted([*train, *validation]) == list(trains)
            assert (len(train), len(validation)) == split_sizes(len(labels), fold)
            assert set(labels[train]) == set(labels[validation]) == set(labels)
            parts.append(validation)
        assert len(parts) == of
        assert sorted(np.concatenate(parts)) == list(trains)


@settings(deadline=None)
@given(labelled(least=8), st.data())
def test_all_splits_of_a_subset_size_use_the_same_images(labels: Labels, data: st.DataObject) -> None:
    subset = data.draw(st.integers(len(set(labels)), len(labels)))
    splits: list[Split] = [
        Holdout(0.3, data.draw(seeds), subset),
        Holdout(0.5, data.draw(seeds), subset),
        Fold(1, 3, data.draw(seeds), subset),
    ]
    used = []
    for split in splits:
        try:
            _check(labels, split)
        except DataError:  # the subset is too small for this split
            continue
        used.append(sorted(np.concatenate(split_indices(labels, split))))
    assert all(images == used[0] for images in used)


def test_subset_is_stratified() -> None:
    labels = np.repeat(np.arange(3), (100, 300, 600)).astype(np.int64)
    train, validation = split_indices(labels, Holdout(0.2, 3, subset=100))
    assert np.bincount(labels[np.concatenate([train, validation])]).tolist() == [10, 30, 60]
    assert np.bincount(labels[validation]).tolist() == [2, 6, 12]


def test_rare_class_is_in_both_parts() -> None:
    labels = np.repeat(np.arange(2), (98, 2)).astype(np.int64)
    for fraction in (0.03, 0.5, 0.97):
        train, validation = split_indices(labels, Holdout(fraction, 0))
        assert set(labels[train]) == set(labels[validation]) == {0, 1}


@pytest.mark.parametrize("make", [lambda seed: Holdout(0.2, seed), lambda seed: Fold(0, 5, seed)])
def test_split_depends_on_its_seed_and_not_on_the_global_state(make: Any) -> None:
    labels = np.tile(np.arange(10), 30).astype(np.int64)
    first = split_indices(labels, make(1))[1].tolist()
    np.random.seed(123)  # NumPy's global state must not matter
    assert split_indices(labels, make(1))[1].tolist() == first
    assert split_indices(labels, make(2))[1].tolist() != first
    assert first != list(range(len(first)))  # shuffled


def test_splits_of_the_digits_do_not_change() -> None:
    """Records refer to a split by its fields, so a split must select the same images in all versions."""
    labels = BUILT_IN_DATASETS["digits"].load().train.labels
    splits: list[Split] = [
        Holdout(0.2, 0),
        Fold(2, 5, 7),
        Holdout(0.1, 1, subset=400),
        Fold(0, 3, 0, subset=99),
    ]
    digests = []
    for split in splits:
        _, validation = split_indices(labels, split)
        digests.append(hashlib.sha256(validation.astype("<i8").tobytes()).hexdigest()[:16])
    assert digests == ["df3ba580ba71d0c1", "ff2e70a46b5dc8bf", "1f2bc840e19d8102", "6ce538801b28aeba"]


TEN = np.tile(np.arange(2), 5).astype(np.int64)
SCARCE = np.array([0] * 10 + [1], dtype=np.int64)


@pytest.mark.parametrize(
    ("labels", "split", "what", "got", "expected"),
    [
        (SCARCE, Holdout(0.2, 0), "class 1 has too few images for a holdout", "1", "at least 2"),
        (TEN, Fold(0, 6, 0), "class 0 has too few images for 6 folds", "5", "at least 6"),
        (
            TEN,
            Fold(0, 4, 0, subset=6),
            "class 0 has too few images for 4 folds",
            "3 in a subset of 6",
            "at least 4",
        ),
        (TEN, Holdout(0.1, 0), "a validation image of each of 2 classes", "9 training and 1 validation", ""),
        (TEN, Holdout(0.9, 0), "a validation image of each of 2 classes", "1 training and 9 validation", ""),
        (TEN, Holdout(0.5, 0, subset=11), "to 10 (all images)", "11", ""),
        (TEN, Holdout(0.5, 0, subset=1), "the subset must be from 2 (the number of classes)", "1", ""),
        (TEN, Fold(0, 5, 0, within=Outer(0, 2)), "for 5 inner folds", "2", "at least 5"),
        (TEN[:0], Holdout(0.5, 0), "no images to split", "", ""),
        (TEN[:0], Fold(0, 2, 0), "no images to split", "", ""),
    ],
)
def test_impossible_split_raises_with_its_reason(
    labels: Labels, split: Split, what: str, got: str, expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        split_indices(labels, split)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert got in problem.got
    assert expected in problem.expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: Holdout(0.0, 0),
        lambda: Holdout(1.0, 0),
        lambda: Holdout(float("nan"), 0),
        lambda: Holdout("0.1", 0),  # type: ignore[arg-type]
        lambda: Holdout(0.1, -1),
        lambda: Holdout(0.1, 2**32),
        lambda: Holdout(0.1, 1.0),  # type: ignore[arg-type]
        lambda: Holdout(0.1, True),
        lambda: Holdout(0.1, 0, subset=0),
        lambda: Fold(0, 1, 0),
        lambda: Fold(5, 5, 0),
        lambda: Fold(-1, 5, 0),
        lambda: Fold(0, 5, -1),
        lambda: Fold(0, 5, 0, subset=-3),
        lambda: Outer(0, 1),
        lambda: Outer(5, 5),
    ],
)
def test_split_with_an_argument_out_of_range_raises(make: Any) -> None:
    with pytest.raises(DataError, match="must be"):
        make()


def test_split_sizes_depend_on_the_number_of_images() -> None:
    assert split_sizes(60_000, Holdout(0.1, 0)) == (54_000, 6_000)
    assert [split_sizes(11, Fold(index, 3, 0))[1] for index in range(3)] == [4, 4, 3]
    assert split_sizes(60_000, Fold(0, 5, 0, subset=3_000)) == (2_400, 600)
    assert [split_sizes(11, fold) for fold in Fold(0, 3, 0).inner(2)] == [(3, 4), (4, 3)]
    with pytest.raises(DataError, match="the subset must be at most 10"):
        split_sizes(10, Holdout(0.5, 0, subset=11))


@settings(deadline=None)
@given(st.lists(st.integers(2, 50), min_size=1, max_size=8), st.integers(0, 1), st.data())
def test_allot_gives_all_places_and_at_least_one_per_class(
    counts: list[int], spare: int, data: st.DataObject
) -> None:
    total = data.draw(st.integers(len(counts), sum(counts) - spare * len(counts)))
    places = allot(counts, total, spare)
    assert sum(places) == total
    assert all(1 <= n <= size - spare for n, size in zip(places, counts, strict=True))


def test_allot_equals_values_computed_by_hand() -> None:
    assert allot([10, 20, 30], 6) == [1, 2, 3]
    assert allot([5, 5, 5], 4) == [2, 1, 1]  # a tie: the first class
    assert allot([1, 1, 98], 10) == [1, 1, 8]  # two classes are raised to one place


@settings(deadline=None, max_examples=10)
@given(labelled(least=30), st.integers(2, 3), st.integers(2, 3), seeds, st.booleans())
def test_splits_with_groups_have_no_group_in_two_parts(
    labels: Labels, of: int, of_outer: int, seed: int, in_subset: bool
) -> None:
    # Each group has one class and one to four images.
    groups = labels * 1000 + np.arange(len(labels)) % 10 * (np.arange(len(labels)) % 3)
    subset = len(labels) - 5 if in_subset else None
    splits: list[Split] = [Holdout(0.3, seed, subset)]
    for index in range(of_outer):
        outer = Fold(index, of_outer, seed, subset)
        splits += [outer, *outer.inner(of)]
    used: dict[Any, list[int]] = {}
    for split in splits:
        assume(shortage(labels, split, groups) is None)
        train, validation = split_indices(labels, split, groups)
        assert not set(groups[train]) & set(groups[validation])
        assert set(labels[train]) == set(labels[validation]) == set(labels)
        assert not set(train) & set(validation)
        if isinstance(split, Fold):
            used.setdefault(split.within, []).extend(validation)
            if split.outer is not None:
                _, left_out = split_indices(labels, split.outer, groups)
                assert not set(groups[left_out]) & set(groups[np.concatenate((train, validation))])
            else:
                assert len(train) + len(validation) == (len(labels) if subset is None else subset)
    assert all(len(rows) == len(set(rows)) for rows in used.values())  # each image validates once


def test_holdout_of_groups_has_nearly_its_fraction() -> None:
    random = np.random.RandomState(0)
    groups = random.randint(200, size=2000)
    labels = groups % 4
    for fraction in (0.1, 0.25, 0.8):
        train, validation = split_indices(labels, Holdout(fraction, 1), groups)
        assert len(train) + len(validation) == 2000
        assert abs(len(validation) - fraction * 2000) <= 4
        assert (abs(np.bincount(labels[validation]) - fraction * np.bincount(labels)) <= 3).all()


def test_class_in_too_few_groups_is_found_and_refused() -> None:
    labels = np.repeat(np.arange(2), 30)
    groups = np.concatenate((np.arange(30) % 10, 100 + np.arange(30) % 2))
    assert shortage(labels, Fold(0, 2, 0), groups) is None
    assert shortage(labels, Fold(0, 3, 0), groups) == Shortage(1, 2, 3, are_groups=True)
    assert shortage(labels, Fold(0, 3, 0)) is None
    with pytest.raises(DataError, match="class 1 has too few groups for 3 folds") as caught:
        split_indices(labels, Fold(0, 3, 0), groups)
    assert caught.value.problems[0].hint == "use more groups or fewer folds"
    alone = np.where(labels == 1, 100, groups)
    with pytest.raises(DataError, match="class 1 has too few groups for a holdout"):
        split_indices(labels, Holdout(0.3, 0), alone)


def test_groups_of_several_classes_that_no_split_can_divide_are_refused() -> None:
    labels, groups = np.array([0, 1, 1, 2, 2, 0]), np.array([0, 0, 1, 1, 2, 2])
    assert shortage(labels, Fold(0, 2, 0), groups) is None
    with pytest.raises(
        DataError, match=r"no way was found to put images of class . into each part of 2 folds"
    ):
        split_indices(labels, Fold(0, 2, 0), groups)
