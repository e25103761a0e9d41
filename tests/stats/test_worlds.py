"""The simulated worlds have the true values that the tables of docs/statistics.md compare intervals with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.statistics import truths
from benchmarks.statistics.worlds import (
    FOLD_WORLDS,
    LOSS_WORLDS,
    WORLDS,
    World,
    batches,
    draw,
    draw_folds,
    draw_losses,
    group_sizes,
    labels_of,
    predicted,
)

N_STUDIES = 3000
# Four standard errors of a variance of normal means: 4 · √(2 / N_STUDIES), and some more for means that are skewed.
WITHIN = 0.16


def _means(world: World, n_seeds: int, n_images: int, groups: np.ndarray | None = None) -> np.ndarray:
    random = np.random.default_rng(7)
    found = [
        draw(random, world, size, n_seeds, n_images, groups).right.mean(axis=(2, 3))
        for size in batches(N_STUDIES, 2 * n_seeds * n_images)
    ]
    return np.concatenate(found)


@pytest.mark.parametrize(
    "name", ["95 %", "99 %", "99.5 and 99 %", "shared hard images", "one in 20 of the second collapses"]
)
def test_true_accuracies_and_variances_equal_those_of_draws(name: str) -> None:
    world = WORLDS[name]
    means = _means(world, 3, 200)
    expected = truths.true_accuracies(world)
    error = np.sqrt(means.var(axis=0) / N_STUDIES)
    assert (np.abs(means.mean(axis=0) - expected) < 4 * error).all()
    assert means[:, 0].var() == pytest.approx(truths.variance_of_accuracy(world, 3, 200), rel=WITHIN)
    difference = means[:, 0] - means[:, 1]
    assert difference.var() == pytest.approx(truths.variance_of_difference(world, 3, 200), rel=WITHIN)


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_images_of_a_group_increase_the_variance_as_computed(spread: float) -> None:
    world = World((0.95, 0.93), image_sd=4.0, shared=0.3, icc=0.6)
    groups = group_sizes(200, 20, spread)
    means = _means(world, 3, 200, groups)
    grouped = truths.variance_of_accuracy(world, 3, 200, groups=groups)
    assert grouped > 2 * truths.variance_of_accuracy(world, 3, 200)
    assert means[:, 0].var() == pytest.approx(grouped, rel=WITHIN)
    difference = (means[:, 0] - means[:, 1]).var()
    assert difference == pytest.approx(truths.variance_of_difference(world, 3, 200, groups), rel=WITHIN)


@pytest.mark.parametrize("name", ["cross-entropy 0.2", "brier 0.1"])
def test_true_losses_and_variances_equal_those_of_draws(name: str) -> None:
    world = LOSS_WORLDS[name]
    losses, models = draw_losses(np.random.default_rng(3), world, N_STUDIES, 2, 100)
    means = losses.mean(axis=(2, 3))
    assert np.abs(means.mean(axis=0) - world.means).max() < 4 * means.std() / N_STUDIES**0.5
    assert np.abs(models.mean(axis=(0, 2)) - world.means).max() < 4 * models.std() / N_STUDIES**0.5
    assert means[:, 0].var() == pytest.approx(truths.variance_of_loss(world, 2, 100), rel=WITHIN)
    difference = (means[:, 0] - means[:, 1]).var()
    assert difference == pytest.approx(truths.variance_of_loss_difference(world, 2, 100), rel=WITHIN)


def test_a_lognormal_loss_has_the_variance_of_the_formula() -> None:
    world = replace(LOSS_WORLDS["heavy tail"], seed_sd=0.0, rest_sd=0.0, image_sd=1.5)
    exact = world.means[0] ** 2 * np.expm1(1.5**2) / 50
    assert truths.variance_of_loss(world, 4, 50) == pytest.approx(exact, rel=1e-4)


def test_true_accuracy_of_a_model_predicts_its_images() -> None:
    world = replace(WORLDS["seeds differ"], hard=0.02, accuracies=(0.95, 0.9), collapse=0.1)
    found = draw(np.random.default_rng(5), world, 40, 3, 20_000)
    spread = (found.models * (1 - found.models) / 20_000) ** 0.5
    assert np.abs((found.right.mean(axis=3) - found.models) / spread).max() < 5
    assert found.collapsed.mean() == pytest.approx(0.1, abs=0.08)
    assert (found.models[found.collapsed] == 0.1 * 0.98).all()


def test_folds_differ_by_at_most_one_image_and_have_the_true_accuracy() -> None:
    right, folds, truth = draw_folds(np.random.default_rng(2), FOLD_WORLDS["98 and 96 %"], 1000, 1437, 5)
    assert np.bincount(folds).tolist() == [288, 288, 287, 287, 287]
    assert right.shape == (1000, 2, 1437)
    assert right.mean(axis=(0, 2)) == pytest.approx([0.98, 0.96], abs=0.001)
    assert truth.mean(axis=0) == pytest.approx([0.98, 0.96], abs=0.001)
    # The folds of a study scatter about the accuracy for its training set less than about that over all training sets.
    off = right.mean(axis=2) - truth
    assert 0 < off.var() < (right.mean(axis=2) - np.array([0.98, 0.96])).var()


def test_groups_classes_and_wrong_predictions_have_the_given_sizes() -> None:
    assert np.bincount(group_sizes(103, 10)).tolist() == [10, 11, 10, 10, 10, 11, 10, 10, 11, 10]
    unequal = np.bincount(group_sizes(100, 10, spread=1.0))
    assert unequal.sum() == 100 and unequal.min() >= 1 and unequal.max() > 20
    labels = labels_of(1000, (0.899, 0.1, 0.001))
    assert np.bincount(labels).tolist() == [897, 101, 2]
    right = np.arange(1000) % 3 > 0
    guesses = predicted(np.random.default_rng(0), right, labels, 3)
    assert ((guesses == labels) == right).all() and set(guesses) == {0, 1, 2}


def test_batches_have_all_studies() -> None:
    assert sum(batches(2001, 10**6)) == 2001 and max(batches(2001, 10**6)) == 4
    assert list(batches(3, 10**9)) == [1, 1, 1]
