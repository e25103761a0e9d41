from __future__ import annotations

import numpy as np
import pytest
import statistics_simulation as simulation

from convstudy.stats.crossed import MADE_UP, Components, components, crossed_difference
from convstudy.stats.needed import CHANCE, Needed, needed_images, needed_seeds
from convstudy.stats.resampled import fold_difference

MANY = 10**9
"""So many images that only seeds matter."""


def test_seeds_alone_are_students_and_cohens() -> None:
    # A sample size of the books: sd 1, difference 1 · sd, 5 %, 80 %: 10 pairs by the t distribution (and 8 by z).
    assert needed_seeds(Components(1.0, 0.0, 0.0, 3, MANY), 1.0, 0.05) == Needed(1.0, seeds=10)
    assert needed_seeds(Components(1.0, 0.0, 0.0, 9, MANY), 1.0, 0.05) == Needed(1.0, seeds=10)


def test_a_study_that_is_fine_enough_needs_nothing() -> None:
    assert needed_seeds(Components(1.0, 0.0, 0.0, 10, MANY), 1.0, 0.05) is None


def test_a_test_set_that_is_too_small_is_said_to_be() -> None:
    # (1.96 + 0.8416)² · 0.01 / 0.001², and for the two made-up images a little more.
    found = needed_seeds(Components(1e-8, 0.01, 0.0, 3, 10_000), 0.001, 0.05)
    assert found and found.seeds is None and found.images
    assert 78_489 < found.images == pytest.approx(78_489, rel=0.003)


def test_images_are_asked_for_where_no_seeds_would_do_though_there_are_3_per_region() -> None:
    """1.96 · √(0.0002 / 3600 + 2 / 3600²) + 0.84 · √(0.0002 / 3600) are 0.110 points; without made-up images 0.066."""
    found = Components(1e-8, 0.0002, 0.0, 5, 3600)
    needed = needed_seeds(found, 0.001, 0.05)
    assert needed and needed.seeds is None and needed.images and 3600 < needed.images < 4500
    then = needed_seeds(Components(1e-8, 0.0002, 0.0, 5, needed.images), 0.001, 0.05)
    assert then and then.seeds


def test_fewer_images_than_the_rule_of_three_asks_for_are_too_few_however_alike_models_are() -> None:
    assert needed_seeds(Components(0.0, 0.0, 0.0, 5, 360), 0.001, 0.05) == Needed(0.001, images=3000)
    assert needed_seeds(Components(0.0, 0.0, 0.0, 5, 360), 0.01, 0.05) is None


def test_no_sensible_number_is_no_number() -> None:
    assert needed_seeds(Components(1e-3, 0.0, 0.0, 3, MANY), 0.001, 0.05) == Needed(0.001)
    assert needed_seeds(Components(1e-6, 0.9, 0.0, 3, 1000), 0.0001, 0.05) == Needed(0.0001)


def test_where_every_difference_matters_no_number_is_enough() -> None:
    assert needed_seeds(Components(1e-6, 0.01, 0.01, 3, 1000), 0.0, 0.05) is None
    assert needed_images(fold_difference([0.95, 0.96], [0.94, 0.93], 0.5), 1000, 0.0, 0.05) is None


def test_one_seed_cannot_tell_how_many() -> None:
    assert needed_seeds(Components(None, 0.01, 0.0, 1, 1000), 0.01, 0.05) is None


def test_it_is_the_fewest_that_tell() -> None:
    found = Components(1e-6, 0.001, 0.004, 5, 10_000)
    seeds = [needed_seeds(found, difference, 0.05) for difference in (0.0017, 0.0015, 0.0012)]
    numbers = [each.seeds if each else None for each in seeds]
    assert numbers == sorted(numbers, key=lambda n: n or 0) and len(set(numbers)) == 3
    assert min(n for n in numbers if n) > 5


def test_what_was_measured_has_no_part_in_it() -> None:
    """Only how much the pairs scatter counts: a lucky mean promises no more than an unlucky one."""
    lucky, unlucky = (
        fold_difference([level, level + 0.02, level + 0.01], [0.9] * 3, 0.5) for level in (0.95, 0.9)
    )
    assert needed_images(lucky, 1000, 0.001, 0.05) == needed_images(unlucky, 1000, 0.001, 0.05)


def test_so_many_seeds_tell_in_about_four_of_five_studies() -> None:
    """The promise itself, simulated: 0.3 points true, told when the interval leaves out zero."""
    difference, n_images = 0.003, 10_000
    world = simulation.World("", seed=0.25, shared=0.5, ratios=(1.6,))  # 0.8 % wrong against 0.5 %
    random = np.random.default_rng(5)
    wrong, _ = simulation.wrong_answers(random, world, 300, 2, 4, n_images)
    table = wrong[:, 1].astype(int) - wrong[:, 0].astype(int)
    large = simulation.mean_squares(table, n_images)  # the variances, all 300 studies together
    found = Components(
        float(np.maximum(large.seeds - large.rest, 0).mean() / n_images),
        float((large.images - large.rest).mean() / 4),
        float(large.rest.mean()),
        3,
        n_images,
    )
    needed = needed_seeds(found, difference, 0.05)
    assert needed and needed.seeds and 4 < needed.seeds < 15
    told = []
    for start in range(4):
        wrong, _ = simulation.wrong_answers(
            np.random.default_rng(start), world, 250, 2, needed.seeds, n_images
        )
        squares = simulation.mean_squares(
            wrong[:, 1].astype(int) - wrong[:, 0].astype(int), n_images, MADE_UP
        )
        told.append(squares.mean - squares.half_width() > 0)
    assert np.concatenate(told).mean() == pytest.approx(CHANCE, abs=0.08)


def test_images_grow_with_the_square_of_the_width() -> None:
    found = fold_difference([0.95, 0.96, 0.97], [0.94, 0.93, 0.96], 0.5)
    near, far = (needed_images(found, 1000, difference, 0.05) for difference in (0.01, 0.005))
    assert near and far and near.images and far.images == pytest.approx(4 * near.images, rel=0.001)
    assert needed_images(found, near.images, 0.2, 0.05) is None


def test_it_never_asks_for_fewer_seeds_than_there_were() -> None:
    random = np.random.RandomState(0)
    asked = 0
    for _ in range(50):
        first, second = ((random.uniform(size=(3, 400)) < 0.95).astype(float) for _ in range(2))
        needed = needed_seeds(components(first - second), 0.02, 0.05)
        if needed and needed.seeds:
            asked += 1
            assert needed.seeds > 3
        elif needed is None:
            # Then the interval of these very studies is narrow enough.
            found = crossed_difference(first, second)
            assert found.high is not None and found.low is not None
            assert (found.high - found.low) / 2 < 0.02
    assert asked > 20
