from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from convstudy.stats.groups import groups, letters

NAMES = ("a", "b", "c", "d", "e")
PAIRS = st.sets(st.sampled_from(list(combinations(NAMES, 2))))


def test_groups_have_one_member_if_all_pairs_differ() -> None:
    assert groups("abc", list(combinations("abc", 2))) == (("a",), ("b",), ("c",))


def test_all_candidates_are_one_group_if_no_pair_differs() -> None:
    assert groups("abc", []) == (("a", "b", "c"),)
    assert groups((), []) == ()


def test_group_can_skip_a_candidate_in_the_middle() -> None:
    found = groups("abc", [("a", "b"), ("b", "c")])
    assert found == (("a", "c"), ("b",))
    assert letters("abc", found) == {"a": "a", "b": "b", "c": "a"}


@given(PAIRS)
def test_letters_are_shared_exactly_by_pairs_without_difference(apart: set[tuple[str, str]]) -> None:
    found = groups(NAMES, apart)
    by_name = letters(NAMES, found)
    for pair in combinations(NAMES, 2):
        share = bool(set(by_name[pair[0]]) & set(by_name[pair[1]]))
        assert share == (pair not in apart)
    # Each group is as large as it can be.
    assert not any(set(one) < set(other) for one in found for other in found)


def test_letters_continue_after_z() -> None:
    names = [f"n{number}" for number in range(30)]
    by_name = letters(names, [(name,) for name in names])
    assert len(set(by_name.values())) == 30
