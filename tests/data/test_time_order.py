"""Splits in order of time: training images are earlier than validation images, and these earlier than test images."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from convstudy.data import Dataset, Fold, Holdout, Images, split_indices, validation_counts
from convstudy.data.from_python.memory import MemorySource
from convstudy.data.grouping.assignment import Assigned, Assignment
from convstudy.data.grouping.latest import assign_latest
from convstudy.data.sources.npy import NpySource
from convstudy.data.time_order import blocks_of
from convstudy.data.times import ranked
from convstudy.errors import DataError, Location, StudyError
from convstudy.studyfile import check_classes
from tests.data.sources.conformance import ARRAYS
from tests.run.studies import small_study

Integers = npt.NDArray[np.int64]


@settings(deadline=None)
@given(st.lists(st.integers(0, 20), min_size=8, max_size=60), st.integers(2, 5), st.floats(0.05, 0.95))
def test_training_images_are_earlier_than_validation_images(
    times: list[int], of: int, fraction: float
) -> None:
    ranks, labels = np.array(times), np.zeros(len(times), dtype=np.int64)
    assume(len(set(times)) > of)
    splits = [Holdout(fraction, 3), *(Fold(index, of, 0) for index in range(of))]
    trains, validations = [], []
    for split in splits:
        train, validation = split_indices(labels, split, times=ranks)
        assert len(train) and len(validation)
        assert ranks[train].max() < ranks[validation].min()
        trains.append(set(train.tolist()))
        validations.append(set(validation.tolist()))
    # Each fold trains on all images before its validation images, as a larger fold does on those of the smaller ones.
    for smaller, larger, validated in zip(trains[1:], trains[2:], validations[1:], strict=False):
        assert smaller | validated == larger
    assert trains[0] | validations[0] == set(range(len(times))) == trains[-1] | validations[-1]


def test_folds_of_different_times_are_those_of_time_series_split() -> None:
    order = np.random.RandomState(0).permutation(24)
    labels = np.zeros(24, dtype=np.int64)
    for index, (train, validation) in enumerate(TimeSeriesSplit(5).split(np.zeros(24))):
        found = split_indices(labels, Fold(index, 5, 7), times=order)
        assert [sorted(order[rows].tolist()) for rows in found] == [train.tolist(), validation.tolist()]


def test_images_of_one_time_stay_together_and_blocks_are_about_equal() -> None:
    times = np.repeat(np.arange(6), (10, 1, 1, 10, 9, 9))
    blocks = blocks_of(times, [0.25, 0.5, 0.75])
    assert [sorted(set(times[blocks == block].tolist())) for block in range(4)] == [[0], [1, 2, 3], [4], [5]]
    assert blocks_of(np.array([0, 0, 0, 0, 1, 2]), [1 / 3, 2 / 3]).tolist() == [0, 0, 0, 0, 1, 2]
    with pytest.raises(DataError, match="need 3 different times"):
        blocks_of(np.array([4, 4, 9]), [1 / 3, 2 / 3])


def test_inner_folds_use_images_before_their_outer_validation_images_only() -> None:
    times, labels = np.arange(40), np.arange(40) % 2
    for index in range(3):
        train, validation = split_indices(labels, Fold(index, 3, 0), times=times)
        for fold in Fold(index, 3, 0).inner(2):
            rows = np.concatenate(split_indices(labels, fold, times=times))
            assert set(rows.tolist()) <= set(train.tolist()) and rows.max() < validation.min()


def test_holdout_is_the_same_for_every_seed_and_a_subset_keeps_the_order() -> None:
    times, labels = np.random.RandomState(1).permutation(100), np.arange(100) % 2
    first = split_indices(labels, Holdout(0.2, 0), times=times)
    assert np.array_equal(first[1], split_indices(labels, Holdout(0.2, 9), times=times)[1])
    assert sorted(times[first[1]].tolist()) == list(range(80, 100))
    train, validation = split_indices(labels, Holdout(0.2, 0, subset=50), times=times)
    assert (len(train), len(validation)) == (40, 10) and times[train].max() < times[validation].min()
    counts = validation_counts(labels, None, [Holdout(0.2, 0)], 2, times)
    assert sum(counts[0].n_images) == 20


def test_class_that_appears_late_is_refused_with_the_part_that_lacks_it() -> None:
    times, labels = np.arange(300), np.repeat([0, 1], 150)
    labels[:140:2] = 1
    with pytest.raises(
        DataError, match="class 0 has no validation images, because splits are in order of time"
    ):
        split_indices(labels, Fold(2, 4, 0), times=times)
    study = small_study(subset=None, validation=0.6)
    study = study.model_copy(update={"search": {"k": study.search["kernel"].model_copy(update={"folds": 4})}})
    with pytest.raises(StudyError) as caught:
        check_classes(study, labels, times=times)
    problem = caught.value.problems[0]
    assert str(problem.where) == "search.k.folds"
    assert problem.what == "splits are in order of time, and each part needs images of each class"
    assert problem.got == 'no validation images of class "0"'


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["3", "1e1", "-2", "3.0"], [1, 2, 0, 1]),
        (["2026-03-01", "2026-03-01T00:00", "2025-12-31", "2026-03-01T12:30:05"], [1, 1, 0, 2]),
        (["2026-03-01T10:00+02:00", "2026-03-01T09:00+00:00"], [0, 1]),
    ],
)
def test_times_become_ranks(times: list[str], expected: list[int]) -> None:
    assert ranked(times, times, Location()).tolist() == expected


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (["2026-01-01", "1"], "all times must be of one kind"),
        (["2026-01-01", "2026-01-01T10:00+01:00"], "all of them with a time zone or all without"),
        (["1", ""], "n1: there is no time"),
        (["1", "nan"], 'n1: the times must be numbers, or dates in ISO form .*; got "nan"'),
        (["1/2/2026", "1"], 'n0: the times must be numbers.*; got "1/2/2026"'),
    ],
)
def test_times_that_cannot_be_ordered_are_refused(times: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ranked(times, [f"n{row}" for row in range(len(times))], Location(subject="times"))


def dataset_of(times: Any, **changes: Any) -> Dataset:
    names = ("x_train", "y_train", "x_test", "y_test")
    return Dataset.from_arrays(**{**dict(zip(names, ARRAYS, strict=True)), "times": times, **changes})


def test_times_of_arrays_are_written_and_read_again(tmp_path: Path) -> None:
    days = [date(2026, 1, day) for day in (5, 3, 3, 9, 1, 2, 8, 7, 6)]
    dataset = dataset_of(days)
    expected = [3, 2, 2, 7, 0, 1, 6, 5, 4]
    assert dataset.has_times and dataset.load().train.times.tolist() == expected  # type: ignore[union-attr]
    same = (np.array(days, dtype="datetime64"), [str(day) for day in days], np.array(expected) * 1.5)
    assert {dataset_of(each).digest for each in same} == {dataset.digest}
    plain = Dataset.from_arrays(*ARRAYS)
    assert dataset.digest != plain.digest and not plain.has_times
    assert isinstance(dataset.source, MemorySource)
    written = dataset.source.write(tmp_path)
    read = NpySource.from_json(written.as_json(tmp_path), tmp_path)
    assert read == written and read.has_times
    assert read.read_times("train").tolist() == expected  # type: ignore[union-attr]
    assert read.read("train").take(np.array([3, 0])).times.tolist() == [7, 3]  # type: ignore[union-attr]
    assert "has_times" not in plain.source.write(tmp_path / "plain").as_json()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times": range(8)}, "8 times for 9 images"),
        ({"times": np.array([1.0] * 8 + [np.nan])}, "each image must have a time; got none for image 8"),
        ({"times": [datetime(2026, 1, 1)] * 8 + [None]}, "image 8: there is no time"),
        ({"times": "123456789"}, "times must be a sequence"),
        ({"times": range(9), "groups": range(9)}, "must not have both groups and times"),
    ],
)
def test_wrong_times_of_arrays_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataset_of(**changes)


def test_test_part_of_arrays_is_the_latest() -> None:
    random = np.random.RandomState(0)
    images, labels = random.randint(0, 256, (50, 8, 8)).astype(np.uint8), np.arange(50) % 2
    times = random.permutation(50)
    dataset = Dataset.from_arrays(images, labels, times=times, test=0.2)
    train, test = dataset.load().train, dataset.load().test.open(lambda: None)
    assert np.array_equal(test.pixels[..., 0], images[times >= 40]) and test.times is None
    assert isinstance(train, Images) and len(train) == 40


def latest(
    names: list[str], times: list[int], previous: Assignment | None = None, labels: Any = None
) -> Assigned:
    numbers = np.arange(len(names)) % 2 if labels is None else np.array(labels)
    return assign_latest(names, np.array(times), numbers, ("cat", "dog"), 0.2, previous)


def test_latest_images_are_set_aside_and_stay() -> None:
    names = [f"{number:02d}.png" for number in range(20)]
    first = latest(names, list(range(20)))
    assert np.flatnonzero(first.is_test).tolist() == [16, 17, 18, 19]
    assert first.notes == (
        "The latest 4 images of 20 are set aside as the test part.",
        "Splits are in order of time, so that all verdicts are descriptive only.",
    )
    # Known images stay; new ones are assigned by time, whatever the fraction is.
    # The first test image is at 32.
    added, times = ["early", "late", "same", "before"], [3, 99, 32, 31]
    grown = latest([*names, *added], [*range(0, 40, 2), *times], first.assignment)
    assert np.flatnonzero(grown.is_test).tolist() == [16, 17, 18, 19, 21, 22]
    assert grown.notes[1] == "4 images are new and assigned by time: before, early, late and same."
    fewer = latest(names[1:], list(range(19)), grown.assignment)
    assert "5 images are no longer there: 00.png, before, early, late and same." in fewer.notes
    with pytest.raises(DataError, match="each class needs training images; got none of class dog"):
        latest(names, list(range(20)), labels=[0] * 16 + [1, 0, 1, 0])


def test_one_time_for_all_images_is_an_error_of_the_key() -> None:
    with pytest.raises(DataError) as caught:
        assign_latest(
            ["a", "b", "c"], np.zeros(3, dtype=np.int64), np.array([0, 1, 0]), ("cat", "dog"), 0.2, None
        )
    assert caught.value.problems[0].where.key == ("dataset", "time")
