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
def test_adjusted_p_is_between_plain_and_bonferroni(p_values: list[float]) -> None:
    for plain, adjusted in zip(p_values, holm(p_values), strict=True):
        assert plain <= adjusted <= min(1.0, len(p_values) * plain) + 1e-12


@given(P_VALUES, st.integers(0, 8))
def test_missing_p_values_are_assumed_to_be_the_worst(p_values: list[float], more: int) -> None:
    """For any missing p-values, the adjusted present ones are at most this large."""
    n_all = len(p_values) + more
    at_most = holm(p_values, n_all)
    for other in (0.0, 0.5, 1.0):
        full = holm([*p_values, *[max([*p_values, other])] * more])
        assert all(a <= b + 1e-12 for a, b in zip(full, at_most, strict=False))


def test_more_p_values_than_comparisons_are_rejected() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        holm([0.1, 0.2, 0.3], 2)
