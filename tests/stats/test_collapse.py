"""The rule that finds collapsed seeds, the rate of collapse, and who wins over pairs of seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from benchmarks.statistics import collapse as simulation
from convstudy.stats.collapse import ValidationScore, collapse_rate, collapsed, fisher_exact, is_near_chance
from convstudy.stats.superiority import effective_seeds, win_probability

FOUR_STANDARD_ERRORS = 4


def found(values: list[float], chance: float = 0.1, n_images: float = 5000) -> tuple[bool, ...]:
    return collapsed([ValidationScore(value, chance, 1.0, n_images) for value in values])


def test_seed_at_60_percent_among_seeds_at_99_has_collapsed() -> None:
    assert found([0.991, 0.99, 0.992, 0.989, 0.6]) == (False, False, False, False, True)
    assert found([0.99, 0.6]) == (False, True)


@pytest.mark.parametrize("n_seeds", [1, 2, 3, 5, 10, 30])
def test_all_seeds_at_chance_have_collapsed(n_seeds: int) -> None:
    assert found([0.1] * n_seeds) == (True,) * n_seeds


@pytest.mark.parametrize(("n_fallen", "n_seeds"), [(1, 2), (2, 3), (4, 5), (8, 10), (24, 30)])
def test_rule_holds_if_four_of_five_seeds_collapse(n_fallen: int, n_seeds: int) -> None:
    assert found([0.6] * n_fallen + [0.99] * (n_seeds - n_fallen)) == (
        (True,) * n_fallen + (False,) * (n_seeds - n_fallen)
    )


def test_weak_candidate_has_not_collapsed() -> None:
    """A candidate is compared with its own seeds only; 60 % in every seed is a weak network."""
    assert not any(found([0.6, 0.61, 0.59]))


def test_limit_worked_by_hand() -> None:
    # Learned fractions with chance 0: 0.99 and the score. Unlearned 0.01, with one more error 0.0101 of 10,000 images:
    # standard error √(0.0101 · 0.9899 / 10,000) = 0.001. Limit: 0.99 − (0.05 + 2 · 0.01 + 5 · 0.001) = 0.915.
    assert found([0.99, 0.916], 0.0, 10_000) == (False, False)
    assert found([0.99, 0.914], 0.0, 10_000) == (False, True)


def test_one_wrong_image_of_few_is_no_collapse() -> None:
    assert not any(found([1.0, 1.0, 0.9], n_images=20))


def test_loss_has_the_same_rule_with_the_opposite_direction() -> None:
    scores = [ValidationScore(value, 2.3, 0.0, 5000) for value in (0.05, 0.06, 2.3)]
    assert collapsed(scores) == (False, False, True)


def test_rule_of_metric_without_span_finds_nothing() -> None:
    assert collapsed([ValidationScore(1.0, 1.0, 1.0, 10)] * 2) == (False, False)
    assert collapsed([]) == ()


@pytest.mark.parametrize(("k", "n"), [(0, 3), (1, 5), (2, 5), (10, 10), (3, 30)])
def test_rate_has_the_interval_of_scipy(k: int, n: int) -> None:
    rate, exact = collapse_rate(k, n), binomtest(k, n).proportion_ci(method="exact")
    assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert rate.estimate == k / n


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(k: int, n: int) -> None:
    with pytest.raises(ValueError, match="n_collapsed must be in"):
        collapse_rate(k, n)


def test_fisher_worked_by_hand() -> None:
    # 2 of 2 against 0 of 2: of the C(4, 2) = 6 ways to place the two collapses, two are this extreme.
    assert fisher_exact((2, 2), (0, 2)) == pytest.approx(1 / 3)
    assert fisher_exact((1, 5), (1, 5)) == 1


def test_win_probability_worked_by_hand() -> None:
    wins = win_probability([3.0, 2.0], [2.0, 1.0])  # 3 > 2, 3 > 1, 2 = 2, 2 > 1
    assert wins is not None and wins.estimate == 3.5 / 4
    assert win_probability([1.0], [0.0, 2.0]) is None
    # −inf of two diverged seeds is a tie.
    tie = win_probability([-np.inf, -np.inf], [-np.inf, -np.inf])
    assert tie is not None and tie.estimate == 0.5


def test_win_probability_of_separated_seeds_is_uncertain() -> None:
    wins = win_probability([0.99, 0.98, 0.97], [0.9, 0.91, 0.92])
    assert wins is not None
    assert (wins.estimate, wins.high) == (1.0, 1.0)
    assert wins.low == pytest.approx(0.025 ** (1 / 3))


def test_win_probability_of_swapped_candidates_is_mirrored() -> None:
    random = np.random.default_rng(0)
    first, second = random.normal(0.5, 1, 7).tolist(), random.normal(0, 2, 4).tolist()
    wins, losses = win_probability(first, second), win_probability(second, first)
    assert wins is not None and losses is not None
    assert (losses.low, losses.high) == pytest.approx((1 - wins.high, 1 - wins.low))


def test_effective_seeds_are_between_the_smaller_sample_and_all_pairs() -> None:
    assert effective_seeds(np.eye(3), 1 / 3) >= 3
    assert effective_seeds(np.full((4, 6), 0.5), 0.5) <= 24


@pytest.mark.parametrize(("name", "n_seeds"), [("equal", 3), ("5 sd apart, the better collapses in 5 %", 3)])
def test_interval_of_win_probability_covers(name: str, n_seeds: int) -> None:
    random, scores = np.random.default_rng(0), simulation.SCORES[name]
    truth = simulation.true_wins(random, scores)
    covers, _ = simulation.wins_rates(random, scores, truth, n_seeds, 1000)
    assert covers > 0.95 - FOUR_STANDARD_ERRORS * (0.05 * 0.95 / 1000) ** 0.5


def test_false_alarms_are_rare_and_collapses_are_found() -> None:
    random = np.random.default_rng(0)
    for world in simulation.NORMAL:
        for n_seeds in (2, 5, 10):
            rate = simulation.false_alarms(random, world, 400, n_seeds, 1000)
            assert rate < 0.01 + FOUR_STANDARD_ERRORS * (0.01 * 0.99 / 400) ** 0.5, (world, n_seeds)
    world = simulation.Normal(0.1, 0.01, 0.15)
    for error in (0.9, 0.4, 0.2):
        assert simulation.found_share(random, world, error, 200, 4, 5, 1000) > 0.99


def test_statements_on_seeds_that_train_cover_and_keep_their_power() -> None:
    """Over all seeds, the interval misses the mean in most studies, and a better candidate is found less often."""
    random = np.random.default_rng(0)
    n = 120
    found = simulation.coverage_rates(random, 0.1, 5, n)
    least = 0.95 - FOUR_STANDARD_ERRORS * (0.05 * 0.95 / n) ** 0.5
    assert found.every < 0.7
    assert min(found.stated, found.trained) > least
    better, new, *_ = simulation.verdict_rates(random, (0.99, 0.98), 0.1, 10, 60)
    assert new > better + 0.5


def test_equal_candidates_near_chance_have_no_test_of_rates() -> None:
    """Near chance, all seeds cross the limit of the rule together, so that Fisher's test rejects far too often."""
    random = np.random.default_rng(0)
    weak, varied = simulation.Normal(0.1, 0.88, 0.02), simulation.Normal(0.1, 0.2, 0.5)
    found = simulation.equal_candidates(random, weak, 500, 5, 360)
    assert found.unequal > 0.3 and found.shown <= 0.05
    assert simulation.equal_candidates(random, varied, 500, 5, 1000).shown <= 0.05


def test_seeds_of_99_percent_are_not_near_chance_and_those_of_12_percent_are() -> None:
    def near(values: list[float]) -> bool:
        return is_near_chance([ValidationScore(value, 0.1, 1.0, 360) for value in values])

    assert near([0.12, 0.13, 0.1]) and near([0.1, 0.1])
    assert not near([0.99, 0.1, 0.1]) and not near([0.6, 0.61]) and not near([])
