from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from convstudy.stats.groups import groups, letters

NAMES = ("a", "b", "c", "d", "e")
PAIRS = st.sets(st.sampled_from(list(combinations(NAMES, 2))))


def test_all_told_apart_stand_alone() -> None:
    assert groups("abc", list(combinations("abc", 2))) == (("a",), ("b",), ("c",))


def test_none_told_apart_are_one_group() -> None:
    assert groups("abc", []) == (("a", "b", "c"),)
    assert groups((), []) == ()


def test_a_group_may_leave_out_one_in_the_middle() -> None:
    found = groups("abc", [("a", "b"), ("b", "c")])
    assert found == (("a", "c"), ("b",))
    assert letters("abc", found) == {"a": "a", "b": "b", "c": "a"}


@given(PAIRS)
def test_letters_say_exactly_who_is_told_apart(apart: set[tuple[str, str]]) -> None:
    found = groups(NAMES, apart)
    by_name = letters(NAMES, found)
    for pair in combinations(NAMES, 2):
        share = bool(set(by_name[pair[0]]) & set(by_name[pair[1]]))
        assert share == (pair not in apart)
    # Each group is as large as it can be.
    assert not any(set(one) < set(other) for one in found for other in found)


def test_there_are_letters_for_many_groups() -> None:
    names = [f"n{number}" for number in range(30)]
    by_name = letters(names, [(name,) for name in names])
    assert len(set(by_name.values())) == 30
