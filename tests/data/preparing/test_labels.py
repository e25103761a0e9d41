from __future__ import annotations

from typing import Any

import pytest

from convstudy.data.listing import Listing
from convstudy.data.preparing.labels import labels_of
from convstudy.errors import NOWHERE, DataError


def listing(labels: list[str | None], class_names: tuple[str, ...] | None = None) -> Listing:
    reader: Any = None
    return Listing(reader, [f"{number}.png" for number in range(len(labels))], labels, class_names)


def test_classes_are_sorted_and_images_get_their_numbers() -> None:
    labels = labels_of(listing(["dog", "cat", "dog"]), None, NOWHERE)
    assert labels.class_names == ("cat", "dog")
    assert labels.numbers.tolist() == [1, 0, 1]
    assert not labels.failures


def test_numeric_labels_sort_as_numbers() -> None:
    labels = labels_of(listing(["10", "9", "2"]), None, NOWHERE)
    assert labels.class_names == ("2", "9", "10")
    assert labels.numbers.tolist() == [2, 1, 0]


def test_class_list_of_the_source_keeps_its_order_and_its_classes_without_images() -> None:
    labels = labels_of(listing(["b", "a"], ("b", "a", "c")), None, NOWHERE)
    assert labels.class_names == ("b", "a", "c")
    assert labels.numbers.tolist() == [0, 1]


def test_given_classes_reorder_labels_or_name_numbers() -> None:
    assert labels_of(listing(["a", "b"]), ("b", "a"), NOWHERE).numbers.tolist() == [1, 0]
    named = labels_of(listing(["1", "0", "2"]), ("cat", "dog", "cow"), NOWHERE)
    assert named.class_names == ("cat", "dog", "cow")
    assert named.numbers.tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("classes", "got"),
    [
        (("cat", "dgo"), 'no "dog" and "dgo" without images'),
        (("cat",), 'no "dog"'),
        (("cat", "dog", "cow"), '"cow" without images'),
    ],
)
def test_given_classes_that_are_not_the_labels_raise(classes: tuple[str, ...], got: str) -> None:
    with pytest.raises(DataError) as caught:
        labels_of(listing(["cat", "dog"]), classes, NOWHERE)
    (problem,) = caught.value.problems
    assert problem.where.key == ("dataset", "classes")
    assert problem.got == got


def test_empty_and_unknown_labels_are_failures_of_their_images() -> None:
    labels = labels_of(listing(["a", None, " ", "b", "z"], ("a", "b")), None, NOWHERE)
    assert labels.numbers.tolist() == [0, -1, -1, 1, -1]
    assert list(labels.failures) == [1, 2, 4]
    assert "empty" in labels.failures[1] and '"z"' in labels.failures[4]


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (["a", "a"], "two classes"),
        ([None, None], "two classes"),
        (["a", "b\nc"], "more than one line"),
        (["a", "a "], "look the same"),
        (["1", "01"], "look the same"),
    ],
)
def test_class_names_that_cannot_be_used_raise(labels: list[str | None], what: str) -> None:
    with pytest.raises(DataError, match=what):
        labels_of(listing(labels), None, NOWHERE)


def test_single_class_next_to_images_without_a_label_says_both() -> None:
    with pytest.raises(DataError, match="at least two classes") as caught:
        labels_of(listing(["1", None, None]), None, NOWHERE)
    assert caught.value.problems[0].got == 'only "1"; 2 images have no label'


def test_class_of_several_lines_is_printed_on_one() -> None:
    with pytest.raises(DataError) as caught:
        labels_of(listing(["a", "b"]), ("a\nb", "c"), NOWHERE)
    assert "\n" not in caught.value.problems[0].got


def test_classes_of_the_source_without_images_can_be_left_out() -> None:
    labels = labels_of(listing(["b", "a"], ("b", "a", "c")), ("a", "b"), NOWHERE)
    assert labels.class_names == ("a", "b")
    assert labels.numbers.tolist() == [1, 0]
    with pytest.raises(DataError):
        labels_of(listing(["b", "a", "c"], ("b", "a", "c")), ("a", "b"), NOWHERE)
