"""Training sets as a third source of uncertainty."""

from __future__ import annotations

from statistics import fmean, variance

import numpy as np
import pytest

from benchmarks.statistics import training_sets as simulation
from convstudy.analysis.training_sets import difference_over_seeds
from convstudy.stats.training_sets import TrainingSets
from convstudy.stats.two_way import two_way_difference

SETS = TrainingSets((0, 0, 1, 1, 2, 2))


def _tables() -> tuple[simulation.Array, simulation.Array]:
    random = np.random.default_rng(0)
    quality = np.repeat([0.02, 0.06, 0.10], 2)[:, None]
    first, second = random.random((2, 6, 400))
    return (first > 0.05).astype(float), (second > quality).astype(float)


def test_variance_is_that_of_nadeau_and_bengio_with_a_ratio_of_one() -> None:
    first, second = _tables()
    found = difference_over_seeds(first, second, SETS)
    means = SETS.means((first - second).mean(axis=1).tolist())
    assert found.pairs == pytest.approx(means)
    sets, seeds, images = found.sources
    assert (sets.name, seeds.name, images.name) == ("training sets", "seeds", "images")
    assert sets.degrees == seeds.degrees == 2
    assert sets.variance + seeds.variance == pytest.approx((1 / 3 + 1) * variance(means))
    of_seeds = [variance(pair) / 2 for pair in ((first - second).mean(axis=1)).reshape(3, 2).tolist()]
    assert seeds.variance == pytest.approx(fmean(of_seeds) / 3)


def test_without_training_sets_the_difference_is_that_over_seeds() -> None:
    first, second = _tables()
    assert difference_over_seeds(first, second, None) == two_way_difference(first, second)


def test_images_contribute_as_much_as_without_training_sets() -> None:
    first, second = _tables()
    by_set = [np.stack([each[i : i + 2].mean(axis=0) for i in (0, 2, 4)]) for each in (first, second)]
    plain = two_way_difference(*by_set, pseudo_observations=1.0)
    found = difference_over_seeds(first, second, SETS, pseudo_observations=1.0)
    assert found.half_width_of("images") == pytest.approx(plain.half_width_of("images"), rel=1e-3)
    assert found.centre == pytest.approx(plain.centre)


def test_a_training_set_can_have_lost_a_seed() -> None:
    first, second = _tables()
    found = difference_over_seeds(first[:5], second[:5], TrainingSets((0, 0, 1, 1, 2)))
    assert found.n == 3 and found.low is not None
    one = difference_over_seeds(first[:2], second[:2], TrainingSets((4, 4)))
    assert one.n == 1 and one.half_width_of("training sets") is None


def test_interval_covers_the_accuracy_of_other_training_sets() -> None:
    world = simulation.WORLDS[0]
    truth = simulation.true_difference(world, simulation.POOL // 2, n_truths=4000)
    whole = simulation.true_difference(world, simulation.POOL, n_truths=4000)
    halves, _ = simulation.coverage(world, 10, True, 150, truth)
    only_seeds, _ = simulation.coverage(world, 10, False, 150, whole)
    # Four Monte-Carlo standard errors of 150 studies are 7 percentage points at 95 %.
    assert halves > 0.93 - 0.07
    assert only_seeds < 0.93 - 0.07  # seeds do not show how much another training set would change


def test_interval_is_never_narrower_than_over_seeds_alone() -> None:
    """Both sets have the same mean by chance, although their seeds differ by 20 percentage points."""
    random = np.random.default_rng(0)
    first = (random.random((4, 400)) < np.array([0.9, 0.7, 0.9, 0.7])[:, None]).astype(float)
    second = (random.random((4, 400)) < 0.75).astype(float)
    over_seeds = two_way_difference(first, second)
    found = difference_over_seeds(first, second, TrainingSets((0, 0, 1, 1)), pseudo_observations=1.0)
    wide, narrow = over_seeds.half_width_of("seeds"), found.half_width_of("seeds")
    assert wide is not None and narrow is not None and narrow >= wide * (1 - 1e-9)
    assert found.high is not None and over_seeds.high is not None and found.high >= over_seeds.high - 0.001
