from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.stats import Measure, paired_difference
from convstudy.stats.differences import Difference
from convstudy.stats.intervals import bonett_price, proportion_interval
from convstudy.stats.resampled import five_by_two, fold_difference, fold_mean, probabilities
from convstudy.stats.two_way import bound_of_images, images_of
from convstudy.stats.verdicts import corrected, make_verdict

FOLDS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=10)


def test_fold_interval_is_wider_than_student_by_the_published_factor() -> None:
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
def test_probabilities_sum_to_one_and_swap_with_candidates(
    folds: list[tuple[float, float]], margin: float
) -> None:
    first, second = zip(*folds, strict=True)
    there = probabilities(fold_difference(first, second, 0.25), margin)
    back = probabilities(fold_difference(second, first, 0.25), margin)
    assert (there is None) == (back is None)
    if there and back:
        assert there.better + there.same + there.worse == pytest.approx(1)
        assert there.better == pytest.approx(back.worse, abs=1e-9)


def test_equal_fold_differences_have_no_interval() -> None:
    found = fold_difference([0.9, 0.8], [0.8, 0.7], 1.0)
    assert found.low is None and probabilities(found, 0.001) is None


def over_folds(first_only: list[int], second_only: list[int], sizes: list[int]) -> Difference:
    """Return a difference over folds, from the images per fold on which only one candidate is correct."""
    n, one, other = sum(sizes), sum(first_only), sum(second_only)
    figures = np.zeros(n)
    figures[:one], figures[one : one + other] = 1, -1
    scores = [(a - b) / size for a, b, size in zip(first_only, second_only, sizes, strict=True)]
    return fold_difference(
        scores, [0.0] * len(sizes), 1 / (len(sizes) - 1), images=images_of(figures), n_images=n
    )


@pytest.mark.parametrize("sizes", [[288, 288, 287, 287, 287], [480, 479, 479], [479, 479, 479], [719, 718]])
def test_one_more_correct_image_per_fold_is_not_significant(sizes: list[int]) -> None:
    k = len(sizes)
    found = over_folds([1] * k, [0] * k, sizes)
    expected = bonett_price(k, 0, sum(sizes))
    assert found.low is not None and found.high is not None
    assert found.low < 0 < found.high
    assert found.high - found.low >= expected.high - expected.low
    verdict = make_verdict("a", "b", Measure("validation", "accuracy"), found, 0.001)
    assert verdict.kind == "inconclusive" and verdict.p > 0.05
    chance = probabilities(found, 0.001)
    assert chance is not None and chance.better < 0.975


COUNTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=5)


@given(COUNTS, st.integers(20, 3000), st.sampled_from([0.0, 0.001, 0.02]), st.integers(1, 45))
def test_p_and_probabilities_claim_no_more_than_the_interval(
    counts: list[tuple[int, int]], size: int, margin: float, n_comparisons: int
) -> None:
    first, second = (list(side) for side in zip(*counts, strict=True))
    found = over_folds(first, second, [size + (number < 2) for number in range(len(counts))])
    one, other = sum(first), sum(second)
    expected = bonett_price(one, other, found.n_images)
    assert 2 * found.half_width(0.95) >= expected.high - expected.low
    (verdict,) = corrected(
        [make_verdict("a", "b", Measure("validation", "accuracy"), found, margin)], n_comparisons
    )
    assert found.low is not None and found.high is not None
    if verdict.kind == "better":
        assert found.low > margin
    if verdict.kind == "worse":
        assert found.high < -margin
    if verdict.kind == "equivalent":
        assert -margin - 1e-9 <= found.low and found.high <= margin + 1e-9
    chance = probabilities(found, margin)
    assert chance is not None
    if chance.better > 0.976:
        assert found.low > margin - 1e-9
    if chance.worse > 0.976:
        assert found.high < -margin + 1e-9
    assert chance.better + chance.same + chance.worse == pytest.approx(1)


def test_images_do_not_widen_intervals_with_large_fold_variance() -> None:
    found = over_folds([9, 0, 5], [0, 6, 1], [100, 100, 100])
    plain = fold_difference([0.09, -0.06, 0.04], [0.0] * 3, 1 / 2)
    assert (found.low, found.high) == (pytest.approx(plain.low), pytest.approx(plain.high))
    assert probabilities(found, 0.001) == probabilities(plain, 0.001)


def test_error_rates_bound_the_images_part_without_predictions() -> None:
    known, most = images_of(np.array([1.0] * 3 + [0.0] * 997)), bound_of_images(0.003 + 0.0, 1000)
    assert most.variance >= known.variance * 0.999


def test_fold_mean_of_equal_scores_is_as_uncertain_as_its_images() -> None:
    sizes = [288, 288, 287, 287, 287]
    perfect = fold_mean([1.0] * 5, sizes, 1 / 4)
    assert perfect is not None
    assert (perfect.low, perfect.high) == (proportion_interval(1.0, 1437).low, 1.0)
    one_miss = fold_mean([1 - 1 / size for size in sizes], sizes, 1 / 4)
    expected = proportion_interval(1432 / 1437, 1437)
    assert one_miss is not None
    assert (one_miss.low, one_miss.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_invalid_folds_are_rejected() -> None:
    with pytest.raises(ValueError, match="got 2 and 1"):
        fold_difference([1, 2], [1], 0.5)
    with pytest.raises(ValueError, match="five pairs"):
        five_by_two([(0.1, 0.2)])


def test_loss_differences_over_folds_are_not_limited_to_one() -> None:
    images = images_of(np.array([3.0, 2.5, 3.5, 3.0]), pseudo_observations=5.0)
    found = fold_difference([5.0, 5.1], [2.0, 2.1], 1.0, images=images, n_images=4, limit=103.3)
    assert found.low is not None and found.high is not None
    assert found.low < 3.0 < found.high
    assert found.high > 1.0
