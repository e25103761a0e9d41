"""The best of n trials, and the interval of a winner's corrected score."""

from __future__ import annotations

from itertools import combinations, permutations
from statistics import fmean

import numpy as np
import pytest

from benchmarks.statistics import search_scores as simulation
from convstudy.stats.expected_best import best_of, median_bounds
from convstudy.stats.selected_score import corrected_interval

FOUR_STANDARD_ERRORS = 4
SCORES = [0.9, 0.97, 0.92, 0.92, 0.85, 0.96]


@pytest.mark.parametrize("n", [1, 2, 4, 6])
@pytest.mark.parametrize("better", [max, min])
def test_expected_best_is_the_mean_over_all_subsets(n: int, better: object) -> None:
    assert callable(better)
    found = best_of(SCORES, n, higher_is_better=better is max)
    assert found.expected == pytest.approx(fmean(better(each) for each in combinations(SCORES, n)))


def test_range_contains_95_percent_of_all_orders() -> None:
    for n in range(1, 7):
        found = best_of(SCORES, n)
        bests = [max(order[:n]) for order in permutations(SCORES)]
        inside = fmean(found.worst <= best <= found.best for best in bests)
        assert inside >= 0.95
        assert {found.worst, found.best} <= set(bests)


def test_best_of_all_trials_is_certain() -> None:
    found = best_of(SCORES, 6)
    assert (found.expected, found.worst, found.best) == (pytest.approx(0.97), 0.97, 0.97)


def test_best_of_a_thousand_trials_is_finite() -> None:
    found = best_of(np.linspace(0, 1, 1001).tolist(), 500)
    assert 0.99 < found.worst <= found.expected <= found.best <= 1


@pytest.mark.parametrize("n", [0, 7])
def test_impossible_number_of_trials_is_refused(n: int) -> None:
    with pytest.raises(ValueError, match=r"n must be in \[1, 6\]"):
        best_of(SCORES, n)


def test_median_bounds_worked_by_hand() -> None:
    # One trial: the median of 9 scores. P(Bin(9, ½) ≤ 1) = 10 / 512 < 2.5 %, so it is between the 2nd and the 8th.
    scores = [k / 10 for k in range(1, 10)]
    assert median_bounds(scores, 1, (0.0, 1.0)) == (0.2, 0.8)
    # With 5 scores, P(Bin(5, ½) = 0) = 1 / 32 > 2.5 %: nothing bounds it.
    assert median_bounds(scores[:5], 1, (0.0, 1.0)) == (0.0, 1.0)
    # The more trials, the closer is the median of their best to the best score; 9 scores do not bound it above.
    assert median_bounds(scores, 9, (0.0, 1.0)) == (0.7, 1.0)


def test_median_bounds_need_a_score() -> None:
    with pytest.raises(ValueError, match="at least one score"):
        median_bounds([], 1, (0.0, 1.0))


def test_corrected_interval_stays_in_the_possible_range() -> None:
    random = np.random.default_rng(0)
    for score, bias in ((1.0, 0.0), (1.0, -0.01), (0.999, 0.002), (0.001, 0.01)):
        draws = np.clip(score - bias + 0.05 * random.standard_normal(500), 0, 1)
        found = corrected_interval(score, bias, draws, 0.37, 100)
        assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_corrected_interval_without_an_error_is_uncertain() -> None:
    found = corrected_interval(1.0, 0.0, np.ones(100), 0.37, 360)
    assert found.low == pytest.approx(0.9894, abs=1e-4)  # Wilson's of 360 correct of 360
    assert found.high == 1


def test_corrected_interval_covers_and_plain_percentiles_do_not() -> None:
    random, n = np.random.default_rng(0), 200
    least = 0.95 - FOUR_STANDARD_ERRORS * (0.05 * 0.95 / n) ** 0.5
    near = simulation.Candidates(4.6, 5)
    (plain, _, corrected), _, _ = simulation.winner_rates(random, 100, near, n)
    assert plain < 0.8
    assert corrected > least
    (_, uncorrected, corrected), widths, _ = simulation.winner_rates(
        random, 300, simulation.Candidates(2.2, 20), n
    )
    assert uncorrected < 0.8
    assert corrected > least
    assert widths[2] < 0.9 * widths[0]


def test_expected_best_is_unbiased_for_random_search() -> None:
    random, n = np.random.default_rng(0), 600
    ours, dodge, order, new = simulation.trials_rates(random, "normal", 27, 10, n)
    assert abs(ours) < FOUR_STANDARD_ERRORS * 0.02 / n**0.5
    assert dodge < -0.001
    assert min(order, new) > 0.95 - FOUR_STANDARD_ERRORS * (0.05 * 0.95 / n) ** 0.5
