from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from convstudy.stats import paired_difference

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=12)


def test_by_hand() -> None:
    # Differences 1, 2, 3: mean 2, sd 1; t(0.975, 2) = 4.302653, divided by √3 is 2.484138.
    difference = paired_difference([2, 4, 6], [1, 2, 3])
    assert difference.pairs == (1, 2, 3)
    assert difference.mean == 2
    assert difference.low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert difference.high == pytest.approx(2 + 2.484138, abs=1e-6)


@given(PAIRS, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_agrees_with_scipy(pairs: list[tuple[float, float]], confidence: float) -> None:
    first, second = zip(*pairs, strict=True)
    difference = paired_difference(first, second, confidence)
    assume(difference.summary.sd is not None and difference.summary.sd > 1e-6)
    expected = ttest_rel(first, second).confidence_interval(confidence)
    assert difference.low == pytest.approx(expected.low, abs=1e-9)
    assert difference.high == pytest.approx(expected.high, abs=1e-9)


@given(PAIRS)
def test_turning_it_round_turns_the_sign(pairs: list[tuple[float, float]]) -> None:
    first, second = zip(*pairs, strict=True)
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert there.mean == pytest.approx(-(back.mean or 0), abs=1e-12)
    if there.low is not None and back.high is not None:
        assert there.low == pytest.approx(-back.high, abs=1e-12)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_pairs_have_no_interval(n: int) -> None:
    difference = paired_difference([0.9] * n, [0.8] * n)
    assert (difference.n, difference.low, difference.high) == (n, None, None)


def test_equal_differences_have_no_interval() -> None:
    difference = paired_difference([0.9, 0.8, 0.7], [0.8, 0.7, 0.6])
    assert difference.mean == pytest.approx(0.1)
    assert (difference.low, difference.high) == (None, None)


def test_unpaired_sequences_are_rejected() -> None:
    with pytest.raises(ValueError, match="got 2 and 1"):
        paired_difference([1, 2], [1])
    with pytest.raises(ValueError, match="confidence"):
        paired_difference([1, 2], [1, 2], confidence=95)
