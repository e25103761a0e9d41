"""Declared groups and near-duplicates are merged, and what was merged is said."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.data.grouping.merging import merged_groups
from convstudy.data.grouping.near_duplicates import NearDuplicates


def near(
    n: int, *pairs: tuple[int, int], blank: int = 0, n_exact: int = 0, complete: bool = True
) -> NearDuplicates:
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return NearDuplicates(found, np.arange(n) >= n - blank, n_exact, complete)


def notes(n: int, declared: list[str] | None, found: NearDuplicates | None, labels: list[int]) -> str:
    names = [f"image-{row}.png" for row in range(n)]
    grouping = merged_groups(n, declared, found)
    return "\n".join(grouping.notes(names, np.array(labels, dtype=np.int64), ("cat", "dog", "cow")))


def test_without_groups_and_near_duplicates_there_are_no_groups() -> None:
    for found in (None, near(5)):
        grouping = merged_groups(5, None, found)
        assert grouping.numbers is None and grouping.identity == "image"
    assert merged_groups(2, None, None).identities(["a", "b"]) == ["a", "b"]


def numbers(n: int, declared: list[str] | None, *pairs: tuple[int, int]) -> list[int]:
    found: npt.NDArray[np.int64] | None = merged_groups(n, declared, near(n, *pairs)).numbers
    assert found is not None and found.dtype == np.int64
    return found.tolist()


def test_near_duplicates_connect_images_and_declared_groups() -> None:
    assert numbers(6, None, (4, 2), (2, 5)) == [0, 1, 2, 3, 2, 2]
    declared = ["ann", "bob", "ann", "cid", "bob", "dan"]
    assert numbers(6, declared) == [0, 1, 0, 2, 1, 3]
    assert numbers(6, declared, (0, 3)) == [0, 1, 0, 0, 1, 2]
    assert numbers(6, declared, (2, 3), (3, 4)) == [0, 0, 0, 0, 0, 1]
    assert merged_groups(6, declared, None).identities(["x"] * 6) == declared


@given(st.data())
def test_images_have_one_group_exactly_if_a_path_connects_them(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 12))
    declared = data.draw(st.lists(st.sampled_from("abcdef"), min_size=n, max_size=n))
    rows = st.integers(0, n - 1)
    pairs = data.draw(st.lists(st.tuples(rows, rows), max_size=6))
    found = numbers(n, declared, *pairs)
    # Plain union: repeat until nothing changes.
    expected = list(range(n))
    while True:
        before = list(expected)
        for one, other in [
            *pairs,
            *((i, j) for i in range(n) for j in range(n) if declared[i] == declared[j]),
        ]:
            expected[one] = expected[other] = min(expected[one], expected[other])
        if expected == before:
            break
    assert [found.index(number) for number in found] == expected
    assert list(dict.fromkeys(found)) == list(range(len(set(found))))


def test_notes_name_groups_of_several_classes() -> None:
    said = notes(5, ["p1", "p2", "p1", "p2", "p3"], None, [0, 1, 2, 1, 0])
    assert said.splitlines() == [
        "5 images in 3 groups.",
        "1 group has images of several classes (allowed), such as p1: cat and cow.",
    ]


def test_notes_name_the_largest_merged_group_and_other_labels() -> None:
    said = notes(40, None, near(40, (3, 5), (5, 9), (20, 21), n_exact=1), [0] * 6 + [1] * 34)
    assert said.splitlines() == [
        "5 images in 2 sets of near-duplicates (1 with pixels equal to an earlier image): each set is one group, so "
        "that it is not divided.",
        "The largest such group has 3 images: image-3.png, image-5.png and image-9.png.",
        "Near-duplicates have different labels, such as image-5.png (cat) and image-9.png (dog).",
    ]
    said = notes(40, [f"p{row // 2}" for row in range(40)], near(40, (3, 5)), [0] * 40)
    assert (
        "The largest such group has 4 images: image-2.png, image-3.png, image-4.png and image-5.png (groups p1 and p2)"
        in said
    )


def test_chain_that_swallows_many_images_is_reported() -> None:
    chain = [(row, row + 1) for row in range(20)]
    said = notes(100, None, near(100, *chain), [0] * 100)
    assert "The largest such group has 21 images: image-0.png, " in said and "and 16 more" in said
    assert "This group has 21 % of all images" in said and 'duplicates = "separate"' in said
    assert "of all images" not in notes(1000, None, near(1000, *chain), [0] * 1000)


@pytest.mark.parametrize(
    ("found", "note"),
    [
        (
            near(5, blank=1),
            "1 image is blank (all pixels equal); blank images are not merged into one group.",
        ),
        (near(5, blank=3), "3 images are blank"),
        (near(5, complete=False), "the search for near-duplicates ended early"),
    ],
)
def test_blank_images_and_an_incomplete_search_are_said(found: NearDuplicates, note: str) -> None:
    assert note in notes(5, None, found, [0] * 5)
    assert notes(5, None, near(5), [0] * 5) == ""
