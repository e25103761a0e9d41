from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.stats import paired_difference
from convstudy.stats.resampled import five_by_two, fold_difference, probabilities

FOLDS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=10)


def test_with_five_folds_the_plain_t_is_one_and_a_half_times_too_large() -> None:
    first, second = [0.91, 0.93, 0.92, 0.95, 0.90], [0.90, 0.91, 0.93, 0.92, 0.90]
    plain, corrected = paired_difference(first, second), fold_difference(first, second, 1 / 4)
    assert plain.high is not None and plain.mean is not None and corrected.high is not None
    # √((1/5 + 1/4) / (1/5)) = √2.25
    assert (corrected.high - plain.mean) / (plain.high - plain.mean) == pytest.approx(1.5)


def test_by_hand() -> None:
    # Differences 1, 2, 3: sd 1; variance of the mean (1/3 + 1/2) · 1; t(0.975, 2) = 4.302653.
    found = fold_difference([2, 4, 6], [1, 2, 3], 1 / 2)
    assert found.high == pytest.approx(2 + 4.302653 * (5 / 6) ** 0.5, abs=1e-5)


@given(FOLDS, st.floats(0, 0.1))
def test_probabilities_sum_to_one_and_turn_round(folds: list[tuple[float, float]], region: float) -> None:
    first, second = zip(*folds, strict=True)
    there = probabilities(fold_difference(first, second, 0.25), region)
    back = probabilities(fold_difference(second, first, 0.25), region)
    assert (there is None) == (back is None)
    if there and back:
        assert there.better + there.same + there.worse == pytest.approx(1)
        assert there.better == pytest.approx(back.worse, abs=1e-9)


def test_folds_that_all_differ_alike_have_no_interval() -> None:
    found = fold_difference([0.9, 0.8], [0.8, 0.7], 1.0)
    assert found.low is None and probabilities(found, 0.001) is None


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="got 2 and 1"):
        fold_difference([1, 2], [1], 0.5)
    with pytest.raises(ValueError, match="five pairs"):
        five_by_two([(0.1, 0.2)])
