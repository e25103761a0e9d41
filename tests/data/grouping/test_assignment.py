"""The test part is set aside once, by group; it stays, and new groups are assigned by their names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data.grouping.assignment import (
    Assigned,
    Assignment,
    assign_test,
    hashed_part,
    straddling_notes,
)
from convstudy.data.parts import numbered
from convstudy.errors import DataError, Location

CLASSES = ("cat", "dog", "cow")
PATIENTS = [f"patient {number % 60:02d}" for number in range(300)]
LABELS = np.array([number % 60 % 3 for number in range(300)], dtype=np.int64)


def assign(
    identities: Sequence[str],
    labels: npt.NDArray[np.int64],
    previous: Assignment | None = None,
    fraction: float = 0.2,
    groups: npt.NDArray[np.int64] | None = None,
) -> Assigned:
    if groups is None:
        groups = numbered(np.array(identities))
    where = Location(key=("dataset", "test"))
    return assign_test(identities, "group", groups, labels, CLASSES, fraction, previous, where)


def test_first_assignment_is_stratified_and_keeps_groups_whole() -> None:
    found = assign(PATIENTS, LABELS)
    assert np.bincount(LABELS[found.is_test]).tolist() == [20, 20, 20]
    assert found.assignment.parts == {
        name: "test" if test else "train" for name, test in zip(PATIENTS, found.is_test.tolist(), strict=True)
    }
    assert len(found.assignment.parts) == 60 and (found.assignment.fraction, found.assignment.identity) == (
        0.2,
        "group",
    )
    assert found.notes == (
        "60 images of 300 are set aside as the test part, by group and with balanced classes.",
    )


def test_assignment_stays_when_images_and_groups_are_added_in_any_order() -> None:
    first = assign(PATIENTS, LABELS)
    same = assign(PATIENTS, LABELS, first.assignment)
    assert np.array_equal(same.is_test, first.is_test) and same.assignment == first.assignment
    assert same.notes == ("60 images of 300 are in the test part, which was set aside earlier.",)
    names = [*PATIENTS, *(f"new {number}" for number in range(200)), *PATIENTS[:50]]
    labels = np.concatenate([LABELS, np.arange(200) % 3, LABELS[:50]])
    grown = assign(names, labels, first.assignment)
    assert np.array_equal(grown.is_test[:300], first.is_test)
    order = np.random.RandomState(0).permutation(550)
    other = assign([names[row] for row in order], labels[order], first.assignment)
    assert np.array_equal(other.is_test, grown.is_test[order])
    assert other.assignment.parts == grown.assignment.parts
    assert {name: grown.assignment.parts[name] for name in PATIENTS} == first.assignment.parts
    assert 0.12 < grown.is_test[300:500].mean() < 0.28
    assert grown.assignment.parts["new 0"] == hashed_part("new 0", 0.2)
    assert "200 groups are new and assigned by a hash of the name: new 0, new 1, new 10" in grown.notes[1]


def test_group_that_merges_with_a_test_group_joins_the_test_part() -> None:
    first = assign(PATIENTS, LABELS)
    # The training group comes first in the merged group.
    train = next(name for name, part in first.assignment.parts.items() if part == "train")
    test = next(name for name, part in first.assignment.parts.items() if part == "test" and name > train)
    groups = numbered(np.array([test if name == train else name for name in PATIENTS]))
    merged = assign(PATIENTS, LABELS, first.assignment, groups=groups)
    assert merged.assignment.parts == {**first.assignment.parts, train: "test"}
    assert merged.is_test.sum() == 65
    assert merged.notes[1] == (
        "1 group is moved from the training to the test part, because near-duplicates connect it with test images: "
        f"{train}."
    )
    # A new group that merges with a test group joins it too, whatever its hash is; it was in no part before.
    new = next(f"new {number}" for number in range(99) if hashed_part(f"new {number}", 0.2) == "train")
    names, labels = [*PATIENTS, new], np.append(LABELS, 0)
    groups = numbered(np.array([test if name == new else name for name in names]))
    grown = assign(names, labels, first.assignment, groups=groups)
    assert grown.is_test[-1] and not any("moved" in note for note in grown.notes)
    assert grown.notes[1] == (f"1 group is new and in the part of near-duplicates that were known: {new}.")


def test_new_groups_that_merge_have_one_part_whatever_their_order() -> None:
    first = assign(PATIENTS, LABELS)
    one = next(name for name in "abcdefgh" if hashed_part(name, 0.2) == "train")
    other = next(f"i{number}" for number in range(99) if hashed_part(f"i{number}", 0.2) == "test")
    for names in ([one, other], [other, one]):
        groups = numbered(np.array([*PATIENTS, "one", "one"]))
        found = assign([*PATIENTS, *names], np.append(LABELS, [0, 0]), first.assignment, groups=groups)
        assert found.assignment.parts[one] == found.assignment.parts[other] == "train"


def test_vanished_groups_are_said_and_keep_their_part() -> None:
    first = assign(PATIENTS, LABELS)
    gone = [name for name, part in first.assignment.parts.items() if part == "test"][:2]
    there = np.array([name not in gone for name in PATIENTS])
    found = assign([name for name in PATIENTS if name not in gone], LABELS[there], first.assignment)
    assert found.notes[1] == f"2 groups are no longer there, 2 of the test part: {gone[0]} and {gone[1]}."
    assert found.assignment == first.assignment
    assert np.array_equal(assign(PATIENTS, LABELS, found.assignment).is_test, first.is_test)


def problem_of(*arguments: object, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        assign(*arguments, **options)  # type: ignore[arg-type]
    assert str(caught.value.problems[0].where) == "dataset.test"
    return str(caught.value)


def test_class_with_too_few_groups_is_refused() -> None:
    labels = np.where(np.isin(PATIENTS, ("patient 02", "patient 05")), 2, LABELS % 2)
    text = problem_of(PATIENTS, labels)
    assert "each class needs 3 groups, to train, to validate and to test; got 2 of class cow" in text
    names = [f"{number}.png" for number in range(300)]
    with pytest.raises(DataError, match="each class needs 3 images that are not near-duplicates"):
        labels = np.where(np.arange(300) < 2, 2, LABELS % 2)
        assign_test(names, "image", np.arange(300), labels, CLASSES, 0.2, None)


def test_class_without_test_or_training_images_is_refused() -> None:
    first = assign(PATIENTS, LABELS)
    for part, other in (("test", "train"), ("train", "test")):
        parts = {
            name: other if int(name[-2:]) % 3 == 1 and now == part else now
            for name, now in first.assignment.parts.items()
        }
        edited = Assignment("group", 0.2, parts, "photos.parts.csv")  # type: ignore[arg-type]
        text = problem_of(PATIENTS, LABELS, edited)
        assert (
            f"each class needs {'test' if part == 'test' else 'training'} images; got none of class dog"
            in text
        )
        assert f"write {part} in the line of one of its groups in photos.parts.csv" in text


def test_assignment_of_other_keys_is_refused() -> None:
    first = assign(PATIENTS, LABELS).assignment
    assert "dataset.test must be 0.2, as in the file of the test part; got 0.3" in problem_of(
        PATIENTS, LABELS, first, 0.3
    )
    by_image = Assignment("image", 0.2, {})
    assert "set aside by image, but images now have groups" in problem_of(PATIENTS, LABELS, by_image)


def test_hashed_part_depends_on_the_name_and_fraction_alone() -> None:
    names = [f"image {number}.png" for number in range(4000)]
    parts = [hashed_part(name, 0.25) for name in names]
    assert abs(parts.count("test") / 4000 - 0.25) < 0.03
    assert {hashed_part("a\udcff", 0.5), hashed_part("a\ud800", 0.5)} <= {"train", "test"}
    # A larger fraction keeps the test images.
    assert all(
        hashed_part(name, 0.4) == "test" for name, part in zip(names, parts, strict=True) if part == "test"
    )


def test_groups_in_both_given_parts_are_said() -> None:
    groups, is_test = np.array([0, 1, 2, 1, 0]), np.array([False, False, False, True, False])
    assert straddling_notes(is_test, groups, list("abcbd")) == (
        "1 group is in both the given training part and the given test part, with 1 test image, such as b: test scores "
        "will be too good.",
    )
    assert straddling_notes(is_test, np.arange(5), list("abcde")) == ()
