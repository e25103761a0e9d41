"""Groups stay whole, classes are balanced as well as the best assignment allows, and seeds decide."""

from __future__ import annotations

import hashlib
import itertools
import warnings

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from convstudy.data.grouping import local_search
from convstudy.data.grouping.greedy import greedy
from convstudy.data.grouping.kinds import Kinds
from convstudy.data.grouping.parts import parts_of_groups

Integers = npt.NDArray[np.int64]
Tables = npt.NDArray[np.int64]

seeds = st.integers(0, 2**32 - 1)


@st.composite
def tables(draw: st.DrawFn, most_groups: int, most_images: int = 9) -> Tables:
    """Draw the number of images of each class in each group, shape (groups, classes)."""
    n_classes = draw(st.integers(1, 4))
    rows = st.lists(st.integers(0, most_images), min_size=n_classes, max_size=n_classes).filter(any)
    table = np.array(draw(st.lists(rows, min_size=2, max_size=most_groups)), dtype=np.int64)
    assume(table.any(axis=0).all())
    return table


def images_of(table: Tables) -> tuple[Integers, Integers]:
    """Return labels and groups, in the order of groups."""
    groups, labels = np.divmod(np.repeat(np.arange(table.size), table.reshape(-1)), table.shape[1])
    return labels.astype(np.int64), groups.astype(np.int64)


def counts_of(labels: Integers, parts: Integers, n_parts: int) -> Tables:
    """Return the number of images of each class in each part, shape (parts, classes)."""
    counts = np.zeros((n_parts, int(labels.max()) + 1), dtype=np.int64)
    np.add.at(counts, (parts, labels), 1)
    return counts


def largest_deviation(counts: Tables) -> float:
    """Return the largest difference between the images of a class in a part and its share of the class."""
    return float(abs(counts - counts.sum(axis=0) / len(counts)).max())


def best_deviation(table: Tables, n_parts: int) -> float | None:
    """Return the smallest largest deviation of all assignments with each class in each part, if there is one."""
    found = []
    # The first group is in part 0 without loss of generality.
    for parts in itertools.product(range(n_parts), repeat=len(table) - 1):
        counts = np.zeros((n_parts, table.shape[1]), dtype=np.int64)
        np.add.at(counts, np.array((0, *parts)), table)
        if counts.all():
            found.append(largest_deviation(counts))
    return min(found, default=None)


@settings(deadline=None)
@given(tables(most_groups=30), st.integers(2, 6), seeds)
def test_groups_stay_whole_and_every_part_has_images(table: Tables, n_parts: int, seed: int) -> None:
    assume(len(table) >= n_parts)
    labels, groups = images_of(table)
    parts = parts_of_groups(labels, groups, [1] * n_parts, seed)
    assert parts.dtype == np.int64 and len(parts) == len(labels)
    assert set(parts.tolist()) <= set(range(n_parts))
    assert all(len(set(parts[groups == group].tolist())) == 1 for group in range(len(table)))
    if ((table > 0).sum(axis=0) >= n_parts).all() and (np.count_nonzero(table, axis=1) == 1).all():
        assert counts_of(labels, parts, n_parts).all()


@settings(deadline=None, max_examples=60)
@given(tables(most_groups=8), st.integers(2, 3), seeds)
def test_balance_is_within_one_group_of_the_best_assignment(table: Tables, n_parts: int, seed: int) -> None:
    assume(n_parts == 2 or len(table) < 8)
    best = best_deviation(table, n_parts)
    assume(best is not None)
    assert best is not None
    labels, groups = images_of(table)
    counts = counts_of(labels, parts_of_groups(labels, groups, [1] * n_parts, seed), n_parts)
    assert counts.all()
    assert largest_deviation(counts) <= best + table.max()


def test_most_small_problems_are_solved_as_well_as_possible() -> None:
    random, n_best = np.random.RandomState(0), 0
    for seed in range(40):
        table = 1 + random.poisson(random.lognormal(0, 0.7, (8, 1)) * [3, 1, 2])
        labels, groups = images_of(table)
        counts = counts_of(labels, parts_of_groups(labels, groups, [1, 1], seed), 2)
        n_best += largest_deviation(counts) == best_deviation(table, 2)
    assert n_best >= 30


def test_balance_is_never_worse_than_that_of_scikit_learn_by_more_than_one_group() -> None:
    random = np.random.RandomState(1)
    ours, theirs = [], []
    for seed in range(60):
        n_groups, n_classes, n_parts = random.randint(12, 60), random.randint(2, 6), random.randint(2, 6)
        preference = random.dirichlet(np.full(n_classes, 0.4), n_groups)
        table = random.poisson(6 * preference * random.lognormal(0, 1, (n_groups, 1)))
        table = table[table.any(axis=1)]
        if ((table > 0).sum(axis=0) < n_parts).any():
            continue
        labels, groups = images_of(table)
        reference = np.zeros(len(labels), dtype=np.int64)
        folds = StratifiedGroupKFold(n_parts, shuffle=True, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of rare classes
            for part, (_, rows) in enumerate(folds.split(labels, labels, groups)):
                reference[rows] = part
        counts = counts_of(labels, parts_of_groups(labels, groups, [1] * n_parts, seed), n_parts)
        assert counts.all()
        ours.append(largest_deviation(counts))
        theirs.append(largest_deviation(counts_of(labels, reference, n_parts)))
        assert ours[-1] <= theirs[-1] + table.max()
    assert len(ours) > 40
    assert np.median(ours) < 0.8 * np.median(theirs)


def test_every_image_in_its_own_group_gives_folds_that_differ_by_at_most_one_image() -> None:
    labels = np.random.RandomState(0).permutation(np.repeat(np.arange(3), (100, 53, 7)))
    counts = counts_of(labels, parts_of_groups(labels, np.arange(160), [1] * 5, 0), 5)
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()
    assert counts.sum(axis=1).tolist() == [32] * 5
    assert len(set(np.argmax(counts[:, 1:], axis=0).tolist())) == 2  # not all remainders are in one fold


@pytest.mark.parametrize("n_groups", [10, 40, 300])
def test_different_seeds_give_different_partitions_of_groups_of_different_sizes(n_groups: int) -> None:
    groups = np.repeat(np.arange(n_groups), np.arange(1, n_groups + 1))
    labels = groups % 2
    found = set()
    for seed in range(10):
        parts = parts_of_groups(labels, groups, [1, 1], seed)
        found.add(bytes(parts ^ parts[0]))  # parts without their numbers
    assert len(found) >= (3 if n_groups == 10 else 10)


def test_parts_depend_on_the_partition_and_the_seed_alone() -> None:
    random = np.random.RandomState(2)
    groups, labels = random.randint(50, size=400), random.randint(3, size=400)
    expected = parts_of_groups(labels, groups, [1, 1, 1], 5)
    np.random.seed(123)  # NumPy's global state must not matter
    names = random.permutation(1000)[:50] - 500
    assert np.array_equal(parts_of_groups(labels, names[groups], [1, 1, 1], 5), expected)
    assert not np.array_equal(parts_of_groups(labels, groups, [1, 1, 1], 6), expected)


def test_parts_do_not_change_between_versions() -> None:
    """Records refer to a split by its fields, so a split must select the same images in all versions."""
    random = np.random.RandomState(3)
    groups = np.minimum(random.geometric(0.02, size=3000), 150)
    labels = (random.randint(4, size=3000) * (groups % 3 > 0) + groups) % 5
    found = [
        parts_of_groups(labels, groups, shares, seed).astype("<i8").tobytes()
        for shares, seed in (([1] * 5, 0), ([1] * 3, 7), ([85, 15], 1))
    ]
    assert (
        hashlib.sha256(b"".join(found)).hexdigest()
        == "a086b8196c82367ca9dd536c98552aa58a93239988031ee8f6b91b97b271650f"
    )


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 30), min_size=2, max_size=12), min_size=1, max_size=4),
    st.integers(1, 99),
    seeds,
)
def test_share_of_a_part_is_kept_within_one_group_per_class(
    sizes: list[list[int]], percent: int, seed: int
) -> None:
    # Each list has the sizes of the groups of one class.
    table = np.zeros((sum(map(len, sizes)), len(sizes)), dtype=np.int64)
    classes = np.repeat(np.arange(len(sizes)), [len(each) for each in sizes])
    table[np.arange(len(table)), classes] = np.concatenate(sizes)
    labels, groups = images_of(table)
    parts = parts_of_groups(labels, groups, [100 - percent, percent], seed)
    counts = counts_of(labels, parts, 2)
    assert counts.all()
    expected = table.sum(axis=0) * percent / 100
    assert (abs(counts[1] - expected) <= table.max(axis=0)).all()


def test_classes_that_no_assignment_puts_into_both_parts_are_left_absent() -> None:
    # Two of the three groups must share a part, and the other part lacks the class that both have.
    labels, groups = images_of(np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]]))
    counts = counts_of(labels, parts_of_groups(labels, groups, [1, 1], 0), 2)
    assert (counts == 0).sum() == 1


def test_rare_class_of_mixed_groups_reaches_every_part() -> None:
    """Class 1 is in exactly five groups, which are the largest and the smallest."""
    table = np.column_stack((np.arange(20, 0, -1) * 3, np.isin(np.arange(20), (0, 1, 2, 18, 19))))
    for seed in range(20):
        labels, groups = images_of(table)
        assert counts_of(labels, parts_of_groups(labels, groups, [1] * 5, seed), 5).all()


def test_the_search_for_swaps_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    swap = local_search._swap

    def counting(*arguments: object) -> bool:
        calls.append(arguments)
        return swap(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(local_search, "_swap", counting)
    monkeypatch.setattr("convstudy.data.grouping.parts.MAX_COMPARED", 300_000)
    random = np.random.RandomState(0)
    labels, groups = images_of(random.poisson(2, (300, 5)) + 1)
    parts_of_groups(labels, groups, [1] * 20, 0)
    assert 1 <= len(calls) <= 300_000 // 256**2 + 1


@pytest.mark.parametrize("shares", [[99, 1], [1, 1, 1]])
def test_first_assignment_already_has_each_class_in_each_part(shares: list[int]) -> None:
    """With many classes, the local search would need a step for each absent class."""
    sizes = np.random.RandomState(0).randint(1, 40, 900)
    labels, groups = np.repeat(np.arange(900) % 300, sizes), np.repeat(np.arange(900), sizes)
    kinds = Kinds.of(labels, groups, shares)
    counts = greedy(kinds, np.random.RandomState(1))
    assert (kinds.has.T @ counts > 0).all() and np.array_equal(counts.sum(axis=1), kinds.n_groups)
