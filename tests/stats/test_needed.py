from __future__ import annotations

import numpy as np
import pytest

from convstudy.stats.crossed import Components, crossed_difference
from convstudy.stats.needed import CHANCE, Needed, needed_images, needed_seeds
from convstudy.stats.resampled import fold_difference
from tests.stats.test_crossed import SIMULATION


def test_seeds_alone_are_students_and_cohens() -> None:
    # A sample size of the books: sd 1, difference 1 · sd, 5 %, 80 %: 10 pairs by the t distribution (and 8 by z).
    assert needed_seeds(Components(1.0, 0.0, 0.0, 3, 10**6), 1.0, 0.05, "better") == Needed(
        "better", seeds=10
    )


def test_a_test_set_that_is_too_small_is_said_to_be() -> None:
    # (1.96 + 0.8416)² · 0.01 / 0.001²
    found = needed_seeds(Components(1e-8, 0.01, 0.0, 3, 10_000), 0.001, 0.05, "tie")
    assert found == Needed("tie", images=78_489)


@pytest.mark.parametrize("distance", [0.0, 1e-9])
def test_at_the_border_no_number_would_do(distance: float) -> None:
    assert needed_seeds(Components(1e-6, 0.01, 0.01, 3, 1000), distance, 0.05, "tie") == Needed("tie")


def test_one_seed_cannot_tell_how_many() -> None:
    assert needed_seeds(Components(None, 0.01, 0.0, 1, 1000), 0.01, 0.05, "better") == Needed("better")


def test_it_is_the_fewest_that_tell() -> None:
    found = Components(1e-6, 0.001, 0.004, 5, 10_000)
    numbers = [needed_seeds(found, distance, 0.05, "better").seeds for distance in (0.004, 0.002, 0.0015)]
    assert numbers == sorted(numbers, key=lambda n: n or 0) and len(set(numbers)) == 3


def test_so_many_seeds_tell_in_about_four_of_five_studies() -> None:
    """The promise itself, simulated: 0.3 points true, the border of the region 0.1 away from zero."""
    region, n_images = 0.001, 10_000
    world = SIMULATION.World("", seed=0.15, shared=0.5, ratio=1.6)
    random = np.random.default_rng(5)
    wrong, _ = SIMULATION.wrong_answers(random, world, 300, 2, 10, n_images)
    table = wrong[:, 1].astype(int) - wrong[:, 0].astype(int)
    large = SIMULATION.mean_squares(table, n_images)  # the variances, all 300 studies together
    found = Components(
        float(np.maximum(large.seeds - large.rest, 0).mean() / n_images),
        float((large.images - large.rest).mean() / 10),
        float(large.rest.mean()),
        10,
        n_images,
    )
    n_seeds = needed_seeds(found, 0.003 - region, 0.05, "better").seeds
    assert n_seeds and 5 < n_seeds < 15
    told = []
    for start in range(4):
        wrong, _ = SIMULATION.wrong_answers(np.random.default_rng(start), world, 250, 2, n_seeds, n_images)
        squares = SIMULATION.mean_squares(
            wrong[:, 1].astype(int) - wrong[:, 0].astype(int), n_images, 2 / n_seeds
        )
        told.append(squares.mean - squares.half_width() > region)
    assert np.concatenate(told).mean() == pytest.approx(CHANCE, abs=0.08)


def test_images_grow_with_the_square_of_the_width() -> None:
    difference = fold_difference([0.95, 0.96, 0.97], [0.94, 0.93, 0.96], 0.5)
    near, far = (
        needed_images(difference, 1000, distance, 0.05, "better").images for distance in (0.01, 0.005)
    )
    assert near and far and far == pytest.approx(4 * near, rel=0.001)


def test_an_unclear_difference_never_needs_fewer_seeds_than_it_had() -> None:
    random = np.random.RandomState(0)
    for _ in range(50):
        first, second = (random.uniform(size=(3, 400)) < 0.95 for _ in range(2))
        difference = crossed_difference(first.astype(float), second.astype(float))
        centre = difference.centre or 0.0
        if abs(centre) > 0.001 and difference.error_of(abs(centre) - 0.001) > 0.05:
            from convstudy.stats.crossed import components

            found = components(first.astype(float) - second.astype(float))
            seeds = needed_seeds(found, abs(centre) - 0.001, 0.05, "better").seeds
            assert seeds is None or seeds >= 3
