from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.stats.holm import holm

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8)


def test_by_hand() -> None:
    # 3 · 0.01; 2 · 0.02; 0.025 is no less than the one before.
    assert holm([0.02, 0.025, 0.01]) == pytest.approx((0.04, 0.04, 0.03))


@given(P_VALUES)
def test_between_the_plain_value_and_bonferronis(p_values: list[float]) -> None:
    for plain, adjusted in zip(p_values, holm(p_values), strict=True):
        assert plain <= adjusted <= min(1.0, len(p_values) * plain) + 1e-12


@given(P_VALUES, st.integers(0, 8))
def test_comparisons_that_are_not_at_hand_cost_as_much_as_they_can(p_values: list[float], more: int) -> None:
    """Whatever the missing p-values are, those at hand come to no more than this."""
    n_all = len(p_values) + more
    at_most = holm(p_values, n_all)
    for other in (0.0, 0.5, 1.0):
        full = holm([*p_values, *[max([*p_values, other])] * more])
        assert all(a <= b + 1e-12 for a, b in zip(full, at_most, strict=False))


def test_more_p_values_than_comparisons_are_refused() -> None:
    with pytest.raises(ValueError, match="3 p-values of 2"):
        holm([0.1, 0.2, 0.3], 2)
