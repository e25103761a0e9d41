from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from benchmarks.statistics import statistics_simulation as simulation
from benchmarks.statistics import verdict_simulation
from convstudy.stats import Measure
from convstudy.stats.intervals import bonett_price, proportion_interval, wilson
from convstudy.stats.mcnemar import discordance
from convstudy.stats.two_way import (
    PSEUDO_OBSERVATIONS,
    accuracy_interval,
    components,
    seeds_only_difference,
    two_way_difference,
)
from convstudy.stats.verdicts import make_verdict


def test_components_by_hand() -> None:
    # Means per seed 2 and 4, per image 1, 3, 5, overall 3; the rest is 0: each cell is 3 + seed + image.
    found = components(np.array([[0.0, 2.0, 4.0], [2.0, 4.0, 6.0]]))
    assert (found.seed, found.image, found.rest) == pytest.approx((2.0, 4.0, 0.0))


def test_one_seed_has_no_seed_variance() -> None:
    found = components(np.array([[0.0, 1.0, 1.0, 0.0]]))
    assert found.seed is None
    assert found.image == pytest.approx(1 / 3)


def test_half_widths_are_added_as_squares() -> None:
    random = np.random.RandomState(0)
    first = random.normal(size=(4, 1)) + random.normal(size=50) + random.normal(size=(4, 50))
    difference = two_way_difference(first, np.zeros((4, 50)))
    seeds, images = difference.half_width_of("seeds"), difference.half_width_of("images")
    assert seeds and images and difference.low is not None and difference.high is not None
    assert (difference.high - difference.low) / 2 == pytest.approx(math.hypot(seeds, images))
    # The variance between the means of seeds, computed directly.
    assert seeds == pytest.approx(stdtrit(3, 0.975) * first.mean(axis=1).std(ddof=1) / 2)


def test_one_seed_gives_bonett_and_prices_interval() -> None:
    first, second = np.ones((1, 400)), np.ones((1, 400))
    second[0, :12] = 0
    first[0, 12:17] = 0
    found, expected = two_way_difference(first, second), bonett_price(12, 5, 400)
    # They divide by n instead of n − 1, and use z instead of t.
    half = (expected.high - expected.low) / 2
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.01 * half)
    assert found.mean == pytest.approx(7 / 400)
    assert found.half_width_of("seeds") is None


@pytest.mark.parametrize("n_differ", [0, 1, 5, 20])
def test_equal_errors_of_all_seeds_count_once(n_differ: int) -> None:
    """Ten seeds that differ on the same images are no more evidence about new images than one seed."""
    one = np.ones((1, 1000))
    one[0, :n_differ] = 0
    many = np.repeat(one, 10, axis=0)
    alone = two_way_difference(np.ones((1, 1000)), one)
    together = two_way_difference(np.ones((10, 1000)), many)
    assert together.half_width_of("seeds") == pytest.approx(0, abs=1e-9)
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high), rel=1e-6)


def test_five_images_with_equal_predictions_of_all_seeds_are_inconclusive() -> None:
    """If candidates truly differ on 10 of 10,000 images, one study of fifteen sees five or fewer."""
    first, second = np.ones((2, 10_000)), np.ones((2, 10_000))
    second[:, :5] = 0
    found = two_way_difference(first, second)
    # By hand: 5 and two pseudo-observations of 10,002, 5 ± 1.96 · √7 = −0.19 to 10.19.
    assert (found.low, found.high) == pytest.approx((-0.19e-4, 10.19e-4), abs=0.01e-4)
    assert make_verdict("a", "b", Measure("test", "accuracy"), found, 0.001).kind == "inconclusive"
    assert make_verdict("a", "b", Measure("test", "accuracy"), found, 0.0).kind == "inconclusive"
    assert discordance(first[0] > 0, second[0] > 0).exact_p == pytest.approx(1 / 16)


def test_equal_predictions_do_not_exclude_a_difference() -> None:
    found = two_way_difference(np.ones((3, 360)), np.ones((3, 360)))
    assert found.low is not None and found.low < -0.001 and found.high is not None and found.high > 0.001


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(2, 30), st.integers(0, 10**6))
def test_turning_it_round_turns_the_sign(n_seeds: int, n_images: int, seed: int) -> None:
    random = np.random.RandomState(seed)
    first, second = (random.randint(0, 2, (n_seeds, n_images)).astype(float) for _ in range(2))
    there, back = two_way_difference(first, second), two_way_difference(second, first)
    assert there.low is not None and back.high is not None
    assert there.low == pytest.approx(-back.high)


def test_equal_seed_means_by_chance_keep_their_variance() -> None:
    first, second = np.ones((2, 40)), np.ones((2, 40))
    second[0, :4], second[1, 10:14] = 0, 0  # on four images each, but on different ones
    found = two_way_difference(first, second)
    assert found.half_width_of("seeds") == pytest.approx(0)
    # At least the standard error of 8 of 80 independent predictions: √(0.1 · 0.9 / 80) = 0.0335.
    assert found.half_width_of("images") == pytest.approx(1.96 * 0.0335, rel=0.1)


def test_missing_predictions_use_the_largest_images_part() -> None:
    random = np.random.RandomState(1)
    first, second = (random.uniform(size=(3, 500)) < share for share in (0.97, 0.95))
    full = two_way_difference(first.astype(float), second.astype(float))
    lost = seeds_only_difference(tuple(first.mean(axis=1)), tuple(second.mean(axis=1)), 500)
    assert lost.mean == pytest.approx(full.mean)
    at_most, seen = lost.half_width_of("images"), full.half_width_of("images")
    assert at_most and seen and at_most > seen


def test_accuracy_interval_of_one_model_is_that_of_a_proportion() -> None:
    right = np.ones((1, 1000))
    right[0, :7] = 0
    assert accuracy_interval(right) == proportion_interval(0.993, 1000)


def test_seeds_with_equal_predictions_count_as_one() -> None:
    right = np.ones((1, 1000))
    right[0, :30] = 0
    one, many = accuracy_interval(right), accuracy_interval(np.repeat(right, 5, axis=0))
    assert (many.low, many.high) == pytest.approx((one.low, one.high), abs=2e-4)
    assert many.low <= one.low and many.high >= one.high


def test_error_free_models_have_seen_n_images() -> None:
    found, one = accuracy_interval(np.ones((5, 360))), wilson(1.0, 360)
    assert found.high == 1.0
    assert found.low == pytest.approx(one.low, abs=0.001) and found.low <= one.low


def test_one_wrong_prediction_does_not_narrow_the_interval() -> None:
    """Ten seeds, 100 images: once 96.30 to 100 % without errors, but 99.31 to 99.99 % with one error."""
    right = np.ones((10, 100))
    none = accuracy_interval(right)
    right[0, 0] = 0
    one = accuracy_interval(right)
    assert one.low < none.low < 0.965
    assert one.high > 0.999


@st.composite
def right_tables(draw: st.DrawFn) -> np.ndarray:
    """Return predictions, more than half correct: images that are hard for all seeds, and errors of single seeds."""
    n_seeds, n_images = draw(st.integers(1, 10)), draw(st.sampled_from([2, 3, 10, 36, 100, 400]))
    random = np.random.RandomState(draw(st.integers(0, 10**6)))
    hard = random.uniform(size=n_images) < draw(st.sampled_from([0.0, 0.01, 0.1, 0.3]))
    own = draw(st.sampled_from([0.0, 0.002, 0.02, 0.2])) * (
        random.uniform(size=(n_seeds, 1)) * 2 if draw(st.booleans()) else 1
    )
    right = 1.0 - (hard | (random.uniform(size=(n_seeds, n_images)) < own))
    assume(right.mean() > 0.6)
    return right


@settings(max_examples=300, deadline=None)
@given(right_tables(), st.integers(0, 10**6))
def test_one_more_error_never_raises_the_lower_end(right: np.ndarray, pick: int) -> None:
    """One more error of a seed with at least the mean number of errors, or of all seeds on one image."""
    before = accuracy_interval(right)
    errors = (right == 0).sum(axis=1)
    cells = [cell for cell in np.argwhere(right > 0) if errors[cell[0]] >= errors.mean()]
    tables = []
    if cells:
        table = right.copy()
        table[tuple(cells[pick % len(cells)])] = 0
        tables.append(table)
    images = np.flatnonzero(right.all(axis=0))
    if len(images):
        table = right.copy()
        table[:, images[pick % len(images)]] = 0
        tables.append(table)
    for table in tables:
        if table.mean() >= 0.5:
            assert accuracy_interval(table).low <= before.low + 1e-12


@settings(max_examples=200, deadline=None)
@given(right_tables(), st.integers(0, 10**6))
def test_one_more_correct_image_never_lowers_the_upper_end(right: np.ndarray, pick: int) -> None:
    images = np.flatnonzero(~right.any(axis=0))
    assume(len(images))
    table = right.copy()
    table[:, images[pick % len(images)]] = 1
    assert accuracy_interval(table).high >= accuracy_interval(right).high - 1e-12


@settings(max_examples=100, deadline=None)
@given(right_tables())
def test_accuracy_interval_is_symmetric_under_swapping_right_and_wrong(right: np.ndarray) -> None:
    found, turned = accuracy_interval(right), accuracy_interval(1 - right)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.low < found.high
    assert (1 - turned.high, 1 - turned.low) == (pytest.approx(found.low), pytest.approx(found.high))


def test_accuracy_differences_are_limited_to_one() -> None:
    found = two_way_difference(np.ones((2, 3)), np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]))
    assert found.half_width(0.95) > 1
    assert (found.low, found.high) == (-1.0, 1.0)
    lost = seeds_only_difference((1.0, 1.0), (0.0, 0.5), 5)
    assert lost.high == 1.0


def test_invalid_shapes_are_rejected() -> None:
    with pytest.raises(ValueError, match="must have the same shape"):
        two_way_difference(np.ones((2, 5)), np.ones((3, 5)))
    with pytest.raises(ValueError, match="two images"):
        components(np.ones((3, 1)))


# The simulation behind the tables of docs/statistics.md


@pytest.mark.parametrize("n_seeds", [1, 2, 5])
def test_simulation_computes_the_same_interval(n_seeds: int) -> None:
    random = np.random.default_rng(3)
    n_images = 800
    wrong, _ = simulation.wrong_answers(random, simulation.WORLDS[3], 6, 2, n_seeds, n_images)
    table = np.zeros((6, 2, n_seeds, n_images))
    table[..., : wrong.shape[-1]] = wrong
    fast = simulation.mean_squares(
        wrong[:, 1].astype(int) - wrong[:, 0].astype(int), n_images, PSEUDO_OBSERVATIONS
    )
    for number, (first, second) in enumerate(1 - table):
        slow = two_way_difference(first, second)
        assert slow.centre == pytest.approx(fast.mean[number])
        assert slow.high == pytest.approx(fast.mean[number] + fast.half_width()[number])


@pytest.mark.parametrize(("expected", "one_way"), [(1, True), (2, True), (5, True), (10, True), (10, False)])
def test_interval_covers_the_truth_with_few_equal_differences(expected: int, one_way: bool) -> None:
    """Single pseudo-predictions, not images, would miss 37, 14, 14 and 7 % in one direction (docs/statistics.md)."""
    table = verdict_simulation.agreeing(np.random.default_rng(1), 4000, 10, expected, one_way)
    squares = simulation.mean_squares(table, 10_000, PSEUDO_OBSERVATIONS)
    missed = np.abs(squares.mean - (expected / 10_000 if one_way else 0)) > squares.half_width()
    assert missed.mean() < 0.06


def coverage(world: str, n_seeds: int, n_images: int, n_studies: int) -> tuple[float, float]:
    """Return the rates at which the interval of equal candidates covers 0, and is above it."""
    chosen = next(each for each in simulation.WORLDS if each.name == world)
    found = [
        simulation._difference(np.random.default_rng([start, n_seeds]), chosen, 250, n_seeds, n_images)
        for start in range(n_studies // 250)
    ]
    covers, better = (np.concatenate([each[i] for each in found]).mean() for i in (0, 1))
    return float(covers), float(better)


@pytest.mark.parametrize("world", [world.name for world in simulation.WORLDS])
def test_intervals_keep_their_coverage(world: str) -> None:
    covers, better = coverage(world, n_seeds=5, n_images=2000, n_studies=1000)
    assert covers > 0.93  # 1,000 studies: 0.95 less three standard errors
    assert better < 0.04


@pytest.mark.slow
@pytest.mark.parametrize("world", [world.name for world in simulation.WORLDS])
@pytest.mark.parametrize("n_images", [1000, 10_000])
@pytest.mark.parametrize("n_seeds", [3, 5, 10])
def test_ten_thousand_null_studies(world: str, n_seeds: int, n_images: int) -> None:
    covers, better = coverage(world, n_seeds, n_images, 10_000)
    assert covers > 0.94
    assert better < 0.03  # 2.5 %, and three standard errors


def _rare(n_common: int, n_rare: int) -> np.ndarray:
    """Return the weights of one common and one rare class in balanced accuracy."""
    n = n_common + n_rare
    return np.r_[np.full(n_common, n / (2 * n_common)), np.full(n_rare, n / (2 * n_rare))]


def test_rare_class_with_equal_predictions_does_not_narrow_a_weighted_interval() -> None:
    """The first is better by 2 points on 1,000 images; with 5 images the other class may hide any difference."""
    weights = _rare(1000, 5)
    first = np.ones((3, 1005)) * weights
    second = first.copy()
    second[:, :20] = 0
    plain = two_way_difference(first, second, pseudo_observations=0.0)
    assert plain.low is not None and plain.low > 0
    found = two_way_difference(first, second, pseudo_observations=float(weights.max()), weights=weights)
    assert found.low is not None and found.low < -0.2
    assert found.mean == pytest.approx(0.01)


def test_equal_weights_change_nothing() -> None:
    luck = np.random.default_rng(3)
    first, second = (luck.random((2, 4, 200)) < 0.9).astype(float)
    ones = np.ones(200)
    plain, weighted = (
        two_way_difference(first, second),
        two_way_difference(first, second, pseudo_observations=1.0, weights=ones),
    )
    assert (weighted.low, weighted.high) == (pytest.approx(plain.low), pytest.approx(plain.high))
    one, other = accuracy_interval(first), accuracy_interval(first, weights=ones)
    assert (other.low, other.high) == (pytest.approx(one.low), pytest.approx(one.high))
    alone, same = accuracy_interval(first[:1]), accuracy_interval(first[:1], weights=ones)
    assert same.low < alone.estimate < same.high
    assert same.high == pytest.approx(alone.high, abs=0.01)


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_balanced_accuracy_with_a_rare_class_is_uncertain(n_seeds: int) -> None:
    weights = _rare(1000, 5)
    right = np.ones((n_seeds, 1005))
    right[:, :50] = 0
    found = accuracy_interval(right * weights, weights=weights)
    assert found.estimate == pytest.approx(0.975)
    # A class of five images with a true accuracy of 75 % has no error in 24 % of studies (0.75⁵).
    assert found.low < (0.95 + 0.75) / 2
    assert found.high > 0.975


def test_variance_of_weights_is_not_part_of_a_difference() -> None:
    """If the difference is the same on all images, only the pseudo-observations remain."""
    weights = _rare(90, 10)
    first = np.ones((2, 100)) * weights
    found = two_way_difference(first, 0.5 * first, pseudo_observations=0.0, weights=weights)
    assert found.mean == pytest.approx(0.5)
    assert not found.known
