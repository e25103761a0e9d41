from __future__ import annotations

import numpy as np
import pytest

from benchmarks.statistics import statistics_simulation as simulation
from convstudy.stats.differences import Difference
from convstudy.stats.resampled import fold_difference
from convstudy.stats.sample_size import (
    MAX_EXTRAPOLATION,
    POWER,
    RequiredSampleSize,
    required_images,
    required_seeds,
    upper_factor,
)
from convstudy.stats.two_way import PSEUDO_OBSERVATIONS, Components, components, images_of, two_way_difference

MANY = 10**9
"""A number of images so large that only seeds matter."""


def test_required_seeds_without_image_variance_equal_textbook() -> None:
    # Textbook: sd 1, difference 1 · sd, 5 %, 80 %: 10 pairs with the t distribution (8 with z).
    for n_seeds in (3, 9):
        found = required_seeds(Components(1.0, 0.0, 0.0, n_seeds, MANY), 1.0, 0.05)
        assert found and (found.unit, found.n_present, found.fewest) == ("seeds", n_seeds, 10)


def test_large_enough_study_requires_nothing() -> None:
    assert required_seeds(Components(1.0, 0.0, 0.0, 10, MANY), 1.0, 0.05) is None


def test_too_small_test_set_is_reported() -> None:
    # (1.96 + 0.8416)² · 0.01 / 0.001², and a little more for the two pseudo-observations.
    found = required_seeds(Components(1e-8, 0.01, 0.0, 3, 10_000), 0.001, 0.05)
    assert found and found.unit == "test images" and found.fewest
    assert 78_489 < found.fewest == pytest.approx(78_489, rel=0.003)


def test_images_are_required_if_no_number_of_seeds_is_enough() -> None:
    """1.96 · √(0.0002 / 3600 + 2 / 3600²) + 0.84 · √(0.0002 / 3600) = 0.110; 0.066 without pseudo-observations."""
    found = Components(1e-8, 0.0002, 0.0, 5, 3600)
    required = required_seeds(found, 0.001, 0.05)
    assert required and required.unit == "test images" and required.fewest and 3600 < required.fewest < 4500
    then = required_seeds(Components(1e-7, 0.0002, 0.0, 5, required.fewest), 0.001, 0.05)
    assert then and then.unit == "seeds"


def test_images_below_rule_of_three_are_too_few_for_identical_models() -> None:
    assert required_seeds(Components(0.0, 0.0, 0.0, 5, 360), 0.001, 0.05) == RequiredSampleSize(
        0.001, "test images", 360, 3000
    )
    assert required_seeds(Components(0.0, 0.0, 0.0, 5, 360), 0.01, 0.05) is None


def test_beyond_ten_times_the_data_the_smallest_visible_difference_is_given() -> None:
    seeds = required_seeds(Components(1e-3, 0.0, 0.0, 3, MANY), 0.001, 0.05)
    # (4.303 + 0.8416) · √(0.001 / 3) = 9.4 points
    assert seeds and (seeds.fewest, seeds.most) == (None, None)
    assert seeds.shows == pytest.approx(5.1442 * (0.001 / 3) ** 0.5, rel=0.001)
    images = required_seeds(Components(1e-8, 0.01, 0.0, 3, 1000), 0.001, 0.05)
    assert images and (images.unit, images.fewest) == ("test images", None)
    assert images.shows == pytest.approx(2.8016 * (0.01 / 1000) ** 0.5, rel=0.1)


def test_upper_end_uses_upper_limit_of_variance() -> None:
    # 2 / 0.44629 and 9 / 5.38005: the fifths of chi-squared with 2 and 9 degrees, from tables.
    assert [upper_factor(n) for n in (2, 9)] == pytest.approx([4.4814, 1.6728], rel=1e-3)
    few, many = (required_seeds(Components(1.0, 0.0, 0.0, n, MANY), 1.0, 0.05) for n in (3, 9))
    assert few and many and few.fewest == many.fewest == 10
    assert few.most and many.most
    at_limit = required_seeds(Components(4.4814, 0.0, 0.0, 9, MANY), 1.0, 0.05)
    assert at_limit and few.most == at_limit.fewest
    assert many.most < few.most


def test_margin_zero_has_no_required_sample_size() -> None:
    assert required_seeds(Components(1e-6, 0.01, 0.01, 3, 1000), 0.0, 0.05) is None
    assert required_images(over_folds([0.01, 0.03], 0.5, 1000, 20), 0.0, 0.05) is None


def test_one_seed_has_no_required_seeds() -> None:
    assert required_seeds(Components(None, 0.01, 0.0, 1, 1000), 0.01, 0.05) is None


def test_required_seeds_is_the_smallest_sufficient_number() -> None:
    found = Components(1e-6, 0.001, 0.004, 5, 10_000)
    seeds = [required_seeds(found, difference, 0.05) for difference in (0.0017, 0.0015, 0.0012)]
    numbers = [each.fewest if each and each.unit == "seeds" else None for each in seeds]
    assert numbers == sorted(numbers, key=lambda n: n or 0) and len(set(numbers)) == 3
    assert min(n for n in numbers if n) > 5


def test_required_seeds_do_not_depend_on_the_measured_mean() -> None:
    """Only the variance between pairs counts: a lucky mean must not promise more than an unlucky one."""
    lucky, unlucky = (
        over_folds([level - 0.9, level - 0.88, level - 0.89], 0.5, 1000, 10) for level in (0.95, 0.9)
    )
    assert required_images(lucky, 0.01, 0.05) == required_images(unlucky, 0.01, 0.05)


def test_required_seeds_give_power_of_about_eighty_percent() -> None:
    """The definition, simulated: a true difference of 0.3 points, shown if the interval excludes zero."""
    difference, n_images = 0.003, 10_000
    world = simulation.World("", seed=0.25, shared=0.5, ratios=(1.6,))  # 0.8 % wrong against 0.5 %
    random = np.random.default_rng(5)
    wrong, _ = simulation.wrong_answers(random, world, 300, 2, 4, n_images)
    table = wrong[:, 1].astype(int) - wrong[:, 0].astype(int)
    large = simulation.mean_squares(table, n_images)  # the variances of all 300 studies together
    found = Components(
        float(np.maximum(large.seeds - large.residual, 0).mean() / n_images),
        float((large.images - large.residual).mean() / 4),
        float(large.residual.mean()),
        3,
        n_images,
    )
    required = required_seeds(found, difference, 0.05)
    assert required and required.unit == "seeds" and required.fewest and 4 < required.fewest < 15
    shown = []
    for start in range(4):
        wrong, _ = simulation.wrong_answers(
            np.random.default_rng(start), world, 250, 2, required.fewest, n_images
        )
        squares = simulation.mean_squares(
            wrong[:, 1].astype(int) - wrong[:, 0].astype(int), n_images, PSEUDO_OBSERVATIONS
        )
        shown.append(squares.mean - squares.half_width() > 0)
    assert np.concatenate(shown).mean() == pytest.approx(POWER, abs=0.08)


def over_folds(pairs: list[float], ratio: float, n_images: int, n_differ: int) -> Difference:
    """Return a difference over folds; each candidate alone is correct on ``n_differ`` images."""
    figures = np.zeros(n_images)
    figures[:n_differ], figures[n_differ : 2 * n_differ] = 1, -1
    zeros = [0.0] * len(pairs)
    return fold_difference(pairs, zeros, ratio, images=images_of(figures), n_images=n_images)


def test_range_over_folds_is_from_images_to_fold_variance() -> None:
    found = over_folds([0.002, -0.001, 0.001], 0.5, 10_000, 20)
    required = required_images(found, 0.001, 0.05)
    assert required and (required.unit, required.n_present) == ("images", 10_000)
    # (1.96 · √(42 / 10,000²) + 0.84 · √(40 / 10,000²)) is 0.18 points.
    assert required.fewest == pytest.approx(10_000 * 0.0018**2 / 0.001**2, rel=0.05)
    # (4.303 + 0.8416) · √(5 / 6) · 0.153 points are 0.72 points: 52 times the images.
    assert required.most == pytest.approx(10_000 * 51.5, rel=0.02) or required.most is None
    alike = over_folds([0.0011, -0.0010, 0.0002], 0.5, 60_000, 40)
    enough = required_images(alike, 0.001, 0.05)
    assert enough and enough.fewest == 60_000 and enough.folds_first, "more folds would do"


def test_folds_with_small_variance_require_images_only() -> None:
    for n_images, reached in ((10_000, True), (1_000, False)):
        found = over_folds([0.0002, 0.0001, 0.0001], 0.5, n_images, 20)
        required = required_images(found, 0.001, 0.05)
        assert required and required.n_present == n_images and not required.folds_first
        assert (required.fewest is not None, required.most) == (reached, required.fewest)


def test_required_images_of_three_folds_are_not_noise() -> None:
    """Three folds of 1,437 images, one of 45 comparisons: once this required 1,650,000 images."""
    found = over_folds([0.004, -0.003, 0.006], 0.5, 1437, 7)
    required = required_images(found, 0.001, 0.05 / 45)
    assert required and (required.unit, required.fewest, required.most) == ("images", None, None)
    # (3.26 · √16 + 0.84 · √14) / 1437
    assert required.shows == pytest.approx(0.0113, rel=0.03)


def test_no_required_images_over_folds_without_predictions() -> None:
    assert required_images(fold_difference([0.95, 0.96], [0.94, 0.93], 0.5), 0.001, 0.05) is None


def test_required_seeds_are_at_least_the_present_number() -> None:
    random = np.random.RandomState(0)
    asked = 0
    for _ in range(50):
        first, second = ((random.uniform(size=(3, 400)) < 0.95).astype(float) for _ in range(2))
        required = required_seeds(components(first - second), 0.02, 0.05)
        if required and required.unit == "seeds":
            asked += 1
            assert required.fewest is None or 3 < required.fewest <= 3 * MAX_EXTRAPOLATION
            assert required.fewest is None or required.most is None or required.most >= required.fewest
        elif required is None:
            # Then the interval of the present study is narrow enough.
            found = two_way_difference(first, second)
            assert found.high is not None and found.low is not None
            assert (found.high - found.low) / 2 < 0.02
    assert asked > 20
