"""Figures and names in sentences."""

from __future__ import annotations

from convstudy.figures import counted, listed, moment, percent


def test_shares_have_two_digits_unless_told() -> None:
    assert percent(0.99514) == "99.51 %"
    assert percent(0.99514, 0) == "100 %"


def test_nouns_and_lists() -> None:
    assert [counted(n, "seed") for n in (0, 1, 2000)] == ["0 seeds", "1 seed", "2,000 seeds"]
    assert counted(2, "match", "matches") == "2 matches"
    assert [listed(list(names)) for names in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert listed(["a", "b"], "or") == "a or b"


def test_moments_go_to_the_second() -> None:
    assert moment("2026-11-22T14:16:00.431+00:00") == "2026-11-22 14:16:00"
