from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import nct, t

from convstudy.stats.power import FoldStudy, Goal, SeedStudy

MANY = 10**9
"""A number of images so large that only seeds or folds matter."""
BETTER = Goal("better", 0.02, 0.01, 0.05)
EQUIVALENT = Goal("equivalent", 0.0, 0.01, 0.05)


@pytest.mark.parametrize("n", [4, 5, 10, 30])
@pytest.mark.parametrize("error", [0.05, 0.005])
def test_power_of_seeds_alone_is_that_of_a_t_test(n: int, error: float) -> None:
    """The interval excludes the margin with the probability of a noncentral t distribution."""
    study, goal = SeedStudy(0.015**2, 0.0, 0.0, 2.0), replace(BETTER, error=error)
    exact = nct.sf(t.ppf(1 - error / 2, n - 1), n - 1, 0.01 / (0.015 / math.sqrt(n)))
    assert study.power(goal, n, MANY) == pytest.approx(exact, abs=0.003)


@pytest.mark.parametrize("k", [5, 10, 20])
def test_power_of_folds_is_that_of_the_corrected_t_test(k: int) -> None:
    study, factor = FoldStudy(0.015**2, 0.0, 2.0), 1 / k + 1 / (k - 1)
    # Two models that differ by 0.02 differ on 2 % of the images, which matter little if there are many.
    exact = nct.sf(t.ppf(0.975, k - 1), k - 1, 0.01 / (0.015 * math.sqrt(factor)))
    assert study.power(BETTER, k, MANY) == pytest.approx(exact, abs=0.003)


def test_power_of_equivalence_equals_that_of_simulated_studies() -> None:
    study, random = SeedStudy(0.006**2, 0.002, 0.03, 2.0), np.random.default_rng(0)
    n_seeds, n_images, size = 10, 1000, 100_000
    by_seed = math.sqrt(0.006**2 + 0.03 / n_images) * random.normal(size=(size, n_seeds))
    mean = by_seed.mean(axis=1) + math.sqrt(0.002 / n_images) * random.normal(size=size)
    seeds = by_seed.var(axis=1, ddof=1) / n_seeds
    half = np.sqrt(
        t.ppf(0.975, 9) ** 2 * seeds + t.ppf(0.975, 999) ** 2 * (0.002 / n_images + 2 / n_images**2)
    )
    expected = (np.abs(mean) + half <= 0.01).mean()
    assert 0.5 < expected < 0.95
    assert study.power(EQUIVALENT, n_seeds, n_images) == pytest.approx(expected, abs=0.007)


def test_no_verdict_is_likely_for_a_difference_equal_to_the_margin() -> None:
    """Why plans are for twice the margin: at the margin, no size gives a power above 2.5 %."""
    study = SeedStudy(0.001**2, 0.001, 0.01, 2.0)
    for n_seeds in (10, 100, 10_000):
        assert study.power(Goal("better", 0.01, 0.01, 0.05), n_seeds, 10_000) < 0.026


def test_a_difference_needs_images_on_which_the_models_differ() -> None:
    """Models that never differed on images cannot have a difference of 2 points without differing on 2 % of them."""
    study = SeedStudy(0.0, 0.0, 0.0, 2.0)
    assert study.with_difference(0.02).image == pytest.approx(0.02 * 0.98)
    split = SeedStudy(0.0, 0.001, 0.003, 2.0).with_difference(0.02)
    assert (split.image, split.rest) == pytest.approx((0.0049, 0.0147))
    assert SeedStudy(0.01, 0.01, 0.0, 2.0).with_difference(0.02) == SeedStudy(0.01, 0.01, 0.0, 2.0)
    assert study.power(BETTER, math.inf, 500) < study.power(EQUIVALENT, math.inf, 500) == 1.0


def test_equivalence_needs_three_images_per_margin() -> None:
    study = SeedStudy(0.0, 0.0, 0.0, 0.0)
    assert [study.power(EQUIVALENT, 10, n) for n in (299, 300)] == [0.0, 1.0]


@pytest.mark.parametrize("study", [SeedStudy(1e-5, 1e-3, 0.02, 2.0), FoldStudy(1e-5, 0.02, 2.0)])
@pytest.mark.parametrize("goal", [BETTER, EQUIVALENT])
def test_power_grows_with_both_sizes(study: SeedStudy | FoldStudy, goal: Goal) -> None:
    by_pairs = [study.power(goal, n, 3000) for n in range(3, 60)]
    by_images = [study.power(goal, 10, n) for n in range(300, 20_000, 300)]
    assert by_pairs == sorted(by_pairs) and by_images == sorted(by_images)
    assert by_images[-1] - by_images[0] > 0.3
