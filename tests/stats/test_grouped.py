"""Intervals for images in groups: hand-worked tables, limits, invariances and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from benchmarks.statistics import group_simulation
from convstudy.stats.classes import class_accuracies
from convstudy.stats.grouped import grouped_mean
from convstudy.stats.image_groups import ImageGroups, group_indices
from convstudy.stats.skewed import mean_interval
from convstudy.stats.two_way import accuracy_interval, two_way_difference


def drawn(seed: int, n_seeds: int = 3, n_groups: int = 25) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values of two candidates and the groups of the images, of unequal sizes."""
    random = np.random.default_rng(seed)
    sizes = group_simulation.sizes_of("very unequal", n_groups)
    first, second = (
        group_simulation.draw(random, 1, n_seeds, sizes, 0.5, error)[0].astype(float) for error in (0.1, 0.2)
    )
    return first, second, np.repeat(np.arange(n_groups), sizes)


def test_equal_groups_have_the_variance_of_their_means() -> None:
    """With groups of equal size and one seed, the interval is Student's t for the means of the groups."""
    random = np.random.default_rng(1)
    means = random.normal(size=12)
    values = np.repeat(means, 4)[None]
    found = grouped_mean(values, np.repeat(np.arange(12), 4))
    (images,) = found.sources()
    # Each deviation is divided by the root of 1 − 1/12.
    assert images.variance == pytest.approx(means.var(ddof=1) / 12 / (1 - 1 / 12))
    assert images.degrees == 11 and found.mean == pytest.approx(means.mean())
    assert found.groups.n_effective == pytest.approx(12)


def test_ratio_of_unequal_groups_has_its_linearised_variance() -> None:
    values, groups = np.array([[1.0, 1, 1, 1, 0, 1, 0, 0, 0]]), np.array([0, 0, 0, 0, 1, 1, 2, 2, 2])
    found = grouped_mean(values, groups)
    mean, sizes, totals = 5 / 9, np.array([4, 2, 3]), np.array([4, 1, 0])
    residuals = (totals - sizes * mean) / np.sqrt(1 - sizes / 9)
    assert found.mean == pytest.approx(mean)
    assert found.images == pytest.approx(3 / 2 * ((residuals - residuals.mean()) ** 2).sum() / 81)


def test_seeds_contribute_as_without_groups() -> None:
    first, second, groups = drawn(2)
    grouped = two_way_difference(first, second, groups=groups)
    plain = two_way_difference(first, second)
    seeds = grouped.sources[0]
    assert seeds.name == "seeds" and seeds.degrees == 2
    spread = (first - second).mean(axis=1).var(ddof=1) / 3
    n = grouped.groups.n_effective if grouped.groups else 0
    assert seeds.variance == pytest.approx(spread * (n / (n + 2)) ** 2)
    assert grouped.pairs == plain.pairs and grouped.mean == plain.mean


def test_groups_of_one_image_are_independent_images() -> None:
    first, second, _ = drawn(3)
    names = np.random.default_rng(0).permutation(first.shape[1])
    assert two_way_difference(first, second, groups=names) == two_way_difference(first, second)
    assert accuracy_interval(first, groups=names) == accuracy_interval(first)
    assert group_indices(names, len(names)) is None


def test_order_of_images_and_names_of_groups_do_not_matter() -> None:
    first, second, groups = drawn(4)
    order = np.random.default_rng(1).permutation(len(groups))
    plain = two_way_difference(first, second, groups=groups)
    other = two_way_difference(first[:, order], second[:, order], groups=1000 - 7 * groups[order])
    assert other.low == pytest.approx(plain.low, abs=1e-12)
    assert other.high == pytest.approx(plain.high, abs=1e-12)


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_swapped_candidates_have_the_negative_interval(n_seeds: int) -> None:
    first, second, groups = drawn(5, n_seeds)
    one, other = (two_way_difference(*pair, groups=groups) for pair in ((first, second), (second, first)))
    assert one.low == pytest.approx(-(other.high or 0)) and one.high == pytest.approx(-(other.low or 0))


def test_effective_number_is_between_the_groups_and_the_images() -> None:
    random = np.random.default_rng(6)
    groups = np.repeat(np.arange(100), 20)
    alike = np.repeat((random.random(100) < 0.8).astype(float), 20)[None]
    assert grouped_mean(alike, groups).groups.n_effective == pytest.approx(100, rel=0.02)
    apart = (random.random((1, 2000)) < 0.8).astype(float)
    assert 1500 < grouped_mean(apart, groups).groups.n_effective <= 2000
    # Without an error, nothing shows that errors do not come in groups.
    assert grouped_mean(np.ones((1, 2000)), groups).groups.n_effective == pytest.approx(100)
    assert not ImageGroups(2000, 100, 1990).matters and ImageGroups(2000, 100, 150).matters


def test_copies_of_images_add_nothing() -> None:
    """Ten copies of each image, in the group of the image, leave the interval of an accuracy about the same."""
    right = (np.random.default_rng(7).random((1, 60)) < 0.9).astype(float)
    groups = np.repeat(np.arange(60), 10)
    copies = accuracy_interval(np.repeat(right, 10, axis=1), groups=groups)
    once = accuracy_interval(right)
    assert copies.low == pytest.approx(once.low, abs=0.02) and copies.high == pytest.approx(
        once.high, abs=0.02
    )
    careless = accuracy_interval(np.repeat(right, 10, axis=1))
    assert careless.high - careless.low < 0.5 * (copies.high - copies.low)


def test_weights_of_one_change_nothing_and_others_are_part_of_the_ratio() -> None:
    first, _, groups = drawn(8, n_seeds=1)
    n = first.shape[1]
    assert grouped_mean(first, groups, np.ones(n)) == grouped_mean(first, groups)
    # A constant value has no variance, however the weights differ.
    weights = np.random.default_rng(9).uniform(0.2, 2, n)
    weights /= weights.mean()
    assert grouped_mean(0.7 * weights[None], groups, weights).images == pytest.approx(0, abs=1e-30)


def test_pseudo_observations_are_two_effective_images() -> None:
    """For two models without errors, the interval is that of two pseudo-observations in n effective images."""
    right, groups = np.ones((1, 300)), np.repeat(np.arange(30), 10)
    found = two_way_difference(right, right, groups=groups)
    assert found.n_images == 30 and found.mean == 0
    assert found.high == pytest.approx(float(stdtrit(29, 0.975)) * math.sqrt(2) / 32)


def test_accuracy_without_errors_is_certain_to_the_number_of_groups() -> None:
    found = accuracy_interval(np.ones((3, 400)), groups=np.repeat(np.arange(40), 10))
    t2 = float(stdtrit(39, 0.975)) ** 2
    assert found.high == 1 and found.low < 40 / (40 + t2) + 1e-9
    assert found.groups == ImageGroups(400, 40, pytest.approx(40))


def test_losses_and_means_use_groups() -> None:
    _, _, groups = drawn(10)
    random = np.random.default_rng(11)
    losses = random.exponential(size=(2, len(groups))) * np.exp(random.normal(size=25))[groups]
    for grouped, plain in (
        (mean_interval(losses, groups=groups), mean_interval(losses)),
        (mean_interval(losses, 0, 100, groups=groups), mean_interval(losses, 0, 100)),
    ):
        assert grouped.estimate == pytest.approx(plain.estimate)
        assert grouped.high - grouped.low > 1.15 * (plain.high - plain.low)
        assert grouped.groups is not None and plain.groups is None


def test_class_with_few_groups_has_no_interval() -> None:
    labels, groups = np.repeat([0, 1], 60), np.concatenate([np.arange(60) // 5, 100 + np.arange(60) // 10])
    many, few = class_accuracies(labels, labels[None], 2, groups)
    assert (many.n_groups, few.n_groups) == (12, 6)
    assert many.accuracy is not None and few.accuracy is None and few.estimate == 1


def test_wrong_groups_are_refused() -> None:
    with pytest.raises(ValueError, match=r"groups must have the shape \(3,\)"):
        group_indices(np.zeros(2, int), 3)
    with pytest.raises(ValueError, match="at least two groups; got 1"):
        two_way_difference(np.ones((1, 3)), np.zeros((1, 3)), groups=np.zeros(3, int))


@pytest.mark.parametrize(
    ("n_seeds", "kind", "n_groups", "correlation"),
    [
        (1, "very unequal", 100, 0.6),
        (5, "equal", 36, 0.6),
        (3, "very unequal", 20, 0.9),
        (1, "equal", 20, 0.0),
    ],
)
def test_simulated_intervals_cover_and_claim_little(
    n_seeds: int, kind: str, n_groups: int, correlation: float
) -> None:
    """Coverage is 93 % or more, less four standard errors. Independent images do not reach it if images are alike."""
    random = np.random.default_rng([n_seeds, n_groups])
    n = 400
    found = group_simulation.line(random, n, kind, n_groups, n_seeds, correlation)
    slack = 4 * math.sqrt(0.05 * 0.95 / n)
    assert found["new covers"] > 0.95 - slack and found["new accuracy"] > 0.95 - slack
    assert found["new apart"] < 0.05 + slack
    if correlation >= 0.6:
        assert found["old covers"] < 0.95 - slack and found["old accuracy"] < 0.95 - slack
        assert found["old apart"] > 0.05 + slack
    else:  # an interval for groups is not much wider if images are independent
        assert found["new width"] < 1.25 * found["old width"]


def test_simulated_intervals_of_losses_cover() -> None:
    """The mean loss of skewed losses, if 50 groups decide it."""
    random, sizes = np.random.default_rng(12), group_simulation.sizes_of("very unequal", 50)
    points, weights = np.polynomial.hermite_e.hermegauss(200)
    truth = float((weights * group_simulation._loss(points)).sum() / weights.sum())
    losses = group_simulation._loss(group_simulation.latent(random, 400, 1, sizes, 0.6).astype(float))
    ends = [group_simulation.means_of(losses, each).loss() for each in (sizes, np.ones(sizes.sum(), int))]
    new, old = (float(((low <= truth) & (truth <= high)).mean()) for low, high in ends)
    assert new > 0.95 - 4 * math.sqrt(0.05 * 0.95 / 400) > old
