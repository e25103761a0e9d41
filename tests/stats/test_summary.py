from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.stats import Summary, summarise

FIGURES = st.lists(st.floats(0, 1), min_size=2, max_size=20)


def test_by_hand() -> None:
    # Deviations −2, −1, 0, 1, 2: their squares sum to 10, and 10 / 4 is 2.5.
    assert summarise([1, 2, 3, 4, 5]) == Summary(5, 3.0, 2.5**0.5, 1.0, 5.0)


def test_one_value_has_no_sd() -> None:
    assert summarise([0.5]) == Summary(1, 0.5, None, 0.5, 0.5)


def test_summary_without_values_is_empty() -> None:
    assert summarise([]) == Summary(0, None, None, None, None)


@given(FIGURES)
def test_agrees_with_the_standard_library(figures: list[float]) -> None:
    summary = summarise(figures)
    assert summary.mean == pytest.approx(statistics.fmean(figures))
    assert summary.sd == pytest.approx(statistics.stdev(figures), abs=1e-12)


@given(FIGURES)
def test_order_does_not_matter(figures: list[float]) -> None:
    assert summarise(reversed(figures)) == summarise(figures)


def test_sd_of_equal_values_is_zero_within_rounding() -> None:
    summary = summarise([0.1] * 3)
    assert summary.mean == pytest.approx(0.1)
    assert summary.sd == pytest.approx(0, abs=1e-15)
