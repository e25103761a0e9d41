from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from convstudy.stats.pilot import fold_pilot, limit_factor, model_pilot, seed_pilot, seed_pilot_of, upper_sum
from convstudy.stats.power import Goal
from convstudy.stats.sample_size import (
    MAX_EXTRAPOLATION,
    POWER,
    RUN_FIRST,
    RequiredSampleSize,
    fewest,
    required_folds,
    required_images,
    required_seeds,
)
from convstudy.stats.two_way import Components

MANY = 10**9
"""A number of images so large that only seeds matter."""


def of_seeds(seed: float, n_seeds: int, margin: float = 1.0, error: float = 0.05) -> RequiredSampleSize:
    """Return the plan of a study in which only seeds matter."""
    pilot = seed_pilot_of(Components(seed, 0.0, 0.0, n_seeds, MANY), 0.0, 0.0)
    found = required_seeds(pilot, margin, error)
    assert found is not None
    return found


def test_numbers_without_image_variance_are_those_of_textbooks() -> None:
    """Paired t-test with sd 1 and distance 1: 10 pairs; two one-sided tests at 2.5 % within 1 sd: 13 pairs."""
    for n_seeds in (4, 9):
        found = of_seeds(1.0, n_seeds)
        assert found.better and found.equivalent
        assert (found.better.unit, found.better.fewest) == ("seeds", 10)
        assert (found.equivalent.unit, found.equivalent.fewest) == ("seeds", 13)
        assert (found.better.difference, found.equivalent.difference) == (2.0, 0.0)


def test_more_comparisons_require_more_seeds() -> None:
    alone, family = of_seeds(1.0, 10), of_seeds(1.0, 10, error=0.05 / 10)
    for one, other in zip(alone.requirements, family.requirements, strict=True):
        assert one.fewest and other.fewest and one.most and other.most
        assert one.fewest < other.fewest and one.most < other.most


def test_three_seeds_or_folds_or_fewer_are_not_planned_with() -> None:
    for n_seeds in (2, 3):
        found = of_seeds(1.0, n_seeds)
        assert found.requirements == () and found.run_first == RUN_FIRST and found.images_first is None
    folds = required_folds(fold_pilot(1e-5, 0.01, 3, 1437), 0.001, 0.05)
    assert folds == RequiredSampleSize(0.001, "folds", 3, 1437, run_first=RUN_FIRST, images_first=3000)
    assert of_seeds(1.0, 4).run_first is None


def test_large_enough_study_requires_no_more_than_it_has() -> None:
    found = of_seeds(0.01, 10)
    assert [(each.fewest, each.most) for each in found.requirements] == [(10, 10), (10, 10)]
    assert found.shows is None


def test_upper_end_uses_the_upper_limit_of_the_variance() -> None:
    # 9 / 5.38005: the fifth of chi-squared with 9 degrees, from tables.
    assert limit_factor(9) == pytest.approx(9 / chi2.ppf(0.2, 9)) == pytest.approx(1.6728, rel=1e-3)
    few, many = of_seeds(1.0, 5).better, of_seeds(1.0, 10).better
    at_limit = of_seeds(limit_factor(9), 10).better
    assert few and many and at_limit and few.most and many.most
    assert many.most == at_limit.fewest
    assert many.most < few.most


def test_upper_limit_of_images_is_that_of_a_poisson_count() -> None:
    for n in (1, 3, 10, 50):
        assert upper_sum(n, n, 1.0) == pytest.approx(chi2.ppf(0.8, 2 * n + 2) / 2)
    table = np.zeros((5, 1000))
    table[:, :3] = 1
    assert seed_pilot(table).uppers[1].image == pytest.approx(0.0055, rel=0.01)
    assert seed_pilot(np.zeros((5, 1000))).uppers[1].image == pytest.approx(1.609 / 1000, rel=0.001)


def test_images_are_required_if_no_number_of_seeds_is_enough() -> None:
    """(1.96 + 0.84)² · 0.01 / 0.001² are 78,000 images, more than the 10,000 that exist."""
    pilot = seed_pilot_of(Components(1e-8, 0.01, 0.0, 5, 10_000), 100.0, 100.0)
    found = required_seeds(pilot, 0.001, 0.05)
    assert found and found.better and found.better.unit == "images" and found.better.n_pairs
    assert found.better.fewest == pytest.approx(80_000, rel=0.05)
    assert found.better.most == pytest.approx(80_000 * upper_sum(100, 100, 1) / 100, rel=0.03)
    # With that number of images and seeds, the power is that of the plan.
    power = pilot.estimate.power(
        Goal("better", 0.002, 0.001, 0.05), found.better.n_pairs, found.better.fewest
    )
    assert POWER <= power < POWER + 0.01
    # Equivalence needs 105,000: more than ten times the present images.
    assert found.equivalent and found.equivalent.fewest is None and found.shows


def test_beyond_ten_times_the_data_the_difference_that_they_show_is_given() -> None:
    found = of_seeds(1e-3, 4, margin=0.001)
    assert [each.fewest for each in found.requirements] == [None, None]
    assert found.shows
    limit = limit_factor(3)
    study = seed_pilot_of(Components(limit * 1e-3, 0.0, 0.0, 4, MANY), 0.0, 0.0).estimate
    assert study.power(Goal("better", found.shows, 0.001, 0.05), 4, MANY) == pytest.approx(POWER, abs=0.005)
    nothing = required_images(model_pilot(0.0, 2), 0.001, 0.05)
    assert nothing and nothing.shows == 1.0


def test_margin_zero_and_one_seed_have_no_plan() -> None:
    assert required_seeds(seed_pilot_of(Components(1.0, 0.0, 0.0, 5, 100), 0.0, 0.0), 0.0, 0.05) is None
    assert required_folds(fold_pilot(1e-5, 0.01, 5, 1437), 0.0, 0.05) is None
    assert required_images(model_pilot(0.01, 1000), 0.0, 0.05) is None
    with pytest.raises(ValueError, match="two seeds"):
        seed_pilot(np.zeros((1, 100)))


def test_plan_does_not_depend_on_the_measured_mean() -> None:
    """Only variances count: a difference that is large by chance must not promise more."""
    random = np.random.default_rng(3)
    table = random.normal(size=(5, 400))
    one, other = (required_seeds(seed_pilot(table + level), 0.1, 0.05) for level in (0.0, 1e-9))
    assert one == other and one is not None


def test_two_models_without_errors_require_three_images_per_margin() -> None:
    """With 3,000 images equivalent, 2,999 must not require 5,300: pseudo-observations do not grow with n."""
    pilot, goal = model_pilot(0.0, 2999), Goal("equivalent", 0.0, 0.001, 0.05)
    found = required_images(pilot, 0.001, 0.05)
    assert found and found.equivalent and found.equivalent.fewest == 3000
    # At the 80 % limit, 1.6 of 2,999 images differ.
    most = found.equivalent.most
    assert most and pilot.uppers[0].image == pytest.approx(1.609 / 2999, rel=0.001)
    powers = [pilot.uppers[0].power(goal, math.inf, n) for n in (most - 1, most)]
    assert powers[0] < POWER <= powers[1]


def test_plain_paired_calculation_agrees_for_two_models() -> None:
    found = required_images(model_pilot(0.01, 10_000), 0.001, 0.05)
    assert found and found.better and found.better.fewest == pytest.approx(78_490, rel=0.005)


def test_folds_come_before_images() -> None:
    """Training that varies between folds needs more folds: no number of images helps."""
    pilot = fold_pilot(0.005**2, 0.001, 5, 100_000)
    found = required_folds(pilot, 0.005, 0.05)
    assert found and [each.unit for each in found.requirements] == ["folds", "folds"]
    assert all(each.fewest and 5 < each.fewest <= 50 for each in found.requirements)


def test_pooled_images_determine_the_number_of_images_of_a_search() -> None:
    """1,437 images, models that differ on 1 % of them, margin 0.5 points: 3,140 images without Student's t."""
    pilot = fold_pilot(5 * 0.01 / 1437, 0.01, 5, 1437)
    assert pilot.estimate.fold == 0.0
    found = required_folds(pilot, 0.005, 0.05)
    assert found and found.better and found.better.unit == "images"
    assert found.better.n_pairs and found.better.n_pairs >= RUN_FIRST
    # Nadeau and Bengio's interval of many folds has twice the variance of the images.
    assert found.better.fewest and 3140 < found.better.fewest < 2.5 * 3140


def test_scatter_of_few_folds_is_not_taken_for_training() -> None:
    by_images = 5 * 0.01 / 1437
    assert fold_pilot(1.4 * by_images, 0.01, 5, 1437).estimate.fold == 0.0
    assert fold_pilot(10 * by_images, 0.01, 5, 1437).estimate.fold == pytest.approx(9 * by_images)


def test_three_folds_of_1437_images_no_longer_require_millions() -> None:
    """One of 45 comparisons; this once required 1,650,000 images."""
    three, five = (required_folds(fold_pilot(2e-5, 0.01, k, 1437), 0.001, 0.05 / 45) for k in (3, 5))
    assert three and three.run_first == RUN_FIRST and three.images_first == 3000
    assert five and [each.fewest for each in five.requirements] == [None, None]
    # Student's t with 4 degrees is 8.3 at this level, and a difference of 15 points needs 15 % of images that differ.
    assert five.shows and 0.1 < five.shows < 0.2


def test_ranges_are_in_order_and_within_the_limit() -> None:
    random = np.random.default_rng(0)
    for _ in range(60):
        n_seeds = int(random.integers(4, 12))
        parts = 10 ** random.uniform(-7, -3, 3)
        n_images = int(10 ** random.uniform(2, 5))
        pilot = seed_pilot_of(Components(*parts, n_seeds, n_images), parts[1] * n_images, parts[1] * n_images)
        found = required_seeds(pilot, 0.002, 0.05)
        assert found is not None
        for each in found.requirements:
            present = n_images if each.unit == "images" else n_seeds
            assert each.fewest is None or present <= each.fewest <= MAX_EXTRAPOLATION * present
            assert each.most is None or (each.fewest is not None and each.fewest <= each.most)
        assert (found.shows is not None) == any(each.fewest is None for each in found.requirements)


def test_larger_differences_on_unseen_images_require_more() -> None:
    """An interaction has pseudo-observations of ±2."""
    table = np.zeros((5, 3000))
    table[:, :2], table[:, 2:4] = 1, -1
    plain, wide = (required_seeds(seed_pilot(table, size), 0.002, 0.05) for size in (1.0, 2.0))
    assert plain and wide and plain.equivalent and wide.equivalent
    assert (plain.equivalent.fewest or 0) < (wide.equivalent.fewest or 0)
    assert replace(plain, better=None, equivalent=None).requirements == ()


@pytest.mark.parametrize("right", [2, 3, 17, 99, 100])
@pytest.mark.parametrize("start", [1, 2, 16, 17, 18, 100, 500])
def test_smallest_number_is_found_from_every_start(right: int, start: int) -> None:
    assert fewest(lambda n: n >= right, start, 100) == right
    assert fewest(lambda n: False, start, 100) is None
