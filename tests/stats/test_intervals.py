from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from convstudy.stats.intervals import bonett_price, newcombe, proportion_interval, wilson


def test_wilson_by_hand() -> None:
    # z² = 3.8415: (0.9 + 3.8415 / 20) / 1.38415 = 0.78900, ± √(3.8415 · (0.009 + 0.0096037)) / 1.38415 = 0.19315.
    found = wilson(0.9, 10)
    assert (found.low, found.high) == pytest.approx((0.59585, 0.98212), abs=1e-4)


@given(st.integers(0, 500), st.integers(1, 500))
def test_wilson_interval_is_within_zero_and_one(count: int, more: int) -> None:
    found = wilson(count / (count + more), count + more)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.low < found.high


def test_wilson_lower_end_is_below_one_without_any_error() -> None:
    assert wilson(1.0, 10_000).low == pytest.approx(10_000 / 10_003.84, abs=1e-6)


def test_bonett_price_equals_published_example() -> None:
    # 21 children before and after a transplant, 1 and 7 discordant (Bentur et al. 2009, in Fagerland, Lydersen and
    # Laake 2014): −0.2857; (2 − 8) / 23 ± 1.95996 · √((10 / 23 − (6 / 23)²) / 23).
    found = bonett_price(1, 7, 21)
    half = 1.959964 * math.sqrt((10 / 23 - (6 / 23) ** 2) / 23)
    assert found.estimate == pytest.approx(-0.285714, abs=1e-6)
    assert (found.low, found.high) == pytest.approx((-6 / 23 - half, -6 / 23 + half), abs=1e-6)
    assert (round(found.low, 3), round(found.high, 3)) == (-0.508, -0.013)


def test_newcombe_of_equal_proportions_is_symmetric() -> None:
    found = newcombe(95, 95, 100)
    assert found.low == pytest.approx(-found.high)


@pytest.mark.parametrize("counts", [(-1, 2, 10), (6, 5, 10), (0, 0, 0)])
def test_bonett_price_rejects_impossible_counts(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be >= 0 with a sum"):
        bonett_price(*counts)


def test_wilson_rejects_a_proportion_outside_zero_and_one() -> None:
    with pytest.raises(ValueError, match="proportion must be in"):
        wilson(1.1, 10)


def test_proportion_interval_covers_wilsons_and_exact_limits_by_hand() -> None:
    found, plain = proportion_interval(0.99, 100), wilson(0.99, 100)
    assert found.high == pytest.approx(0.95 ** (1 / 100))  # with 1 error or more in 5 % of all samples
    assert found.high > plain.high and found.low == pytest.approx(plain.low, abs=0.001)
    assert proportion_interval(1.0, 100) == wilson(1.0, 100)
    many = proportion_interval(0.8, 10_000)
    assert (many.low, many.high) == pytest.approx(
        (wilson(0.8, 10_000).low, wilson(0.8, 10_000).high), abs=1e-4
    )


@pytest.mark.parametrize("n", [36, 100, 1000])
def test_proportion_interval_covers_93_percent_for_every_true_accuracy(n: int) -> None:
    """Wilson's interval covers 84 % if 0.2 errors are expected."""
    errors = np.arange(n + 1)
    ends = np.array([[f.low, f.high] for f in (proportion_interval(1 - k / n, n) for k in range(n + 1))])
    plain = np.array([[f.low, f.high] for f in (wilson(1 - k / n, n) for k in range(n + 1))])
    truths = np.geomspace(0.01 / n, 0.5, 150)
    weights = binom.pmf(errors, n, truths[:, None])

    def least(found: np.ndarray) -> float:
        inside = (found[:, 0] <= 1 - truths[:, None]) & (1 - truths[:, None] <= found[:, 1])
        return float((weights * inside).sum(axis=1).min())

    assert least(ends) > 0.93
    assert least(plain) < 0.86
