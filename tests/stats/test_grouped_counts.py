"""The calculator for images in groups, and McNemar's test on groups."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from convstudy.errors import UsageError
from convstudy.report import groups_answer
from convstudy.stats import verdict_on_counts
from convstudy.stats.grouped_counts import GroupCounts, verdict_on_groups
from convstudy.stats.mcnemar import discordance, grouped_p


@pytest.mark.parametrize("seed", range(5))
def test_p_value_on_groups_counts_all_exchanges(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(20, 60))
    first, second = random.random(n) < 0.7, random.random(n) < 0.6
    groups = np.unique(random.integers(0, 9, n), return_inverse=True)[1]
    totals = np.bincount(groups, first.astype(float) - second)
    sums = [abs(np.dot(signs, totals)) for signs in product((1, -1), repeat=len(totals))]
    expected = np.mean([each >= abs(totals.sum()) - 1e-9 for each in sums])
    assert grouped_p(first, second, groups) == pytest.approx(float(expected))
    # With one image per group it is McNemar's exact test.
    assert grouped_p(first, second, np.arange(n)) == pytest.approx(discordance(first, second).exact_p)


def test_one_patient_is_no_evidence() -> None:
    first, second = np.ones(500, bool), np.ones(500, bool)
    second[:25] = False  # all images of one of 20 patients
    found = discordance(first, second, np.arange(500) // 25)
    assert found.exact_p < 1e-6 and found.by_group == 1


def test_groups_of_one_image_give_the_verdict_on_counts() -> None:
    counts = [GroupCounts(1, 1, 1, 1)] * 900 + [GroupCounts(1, 1, 0, 0)] * 70 + [GroupCounts(1, 0, 1, 0)] * 30
    found = verdict_on_groups(counts)
    plain = verdict_on_counts(970, 930, 1000, both_right=900)
    assert found.kind == plain.kind == "better" and found.difference is not None
    # Student's t takes the place of the normal distribution.
    assert found.difference.low == pytest.approx(plain.difference.low, abs=1e-4)
    assert found.p == pytest.approx(plain.pairs.exact_p if plain.pairs else 0)


def test_unknown_pairing_gives_no_narrower_interval() -> None:
    random = np.random.default_rng(0)
    counts = []
    for _ in range(40):
        first, second = random.random((2, 30)) < random.beta(9, 1)
        counts.append(GroupCounts(30, int(first.sum()), int(second.sum()), int((first & second).sum())))
    known = verdict_on_groups(counts).difference
    unknown = verdict_on_groups([GroupCounts(c.n, c.first, c.second) for c in counts]).difference
    assert known is not None and unknown is not None
    assert unknown.low <= known.low and unknown.high >= known.high


def test_nine_groups_have_no_verdict_and_nineteen_are_named() -> None:
    few = verdict_on_groups([GroupCounts(100, 95, 60, 58)] * 9)
    assert few.kind == "too few to say" and few.difference is None
    assert groups_answer(few)[0].startswith("There is no verdict: 900 images of 9 groups are too few")
    some = groups_answer(verdict_on_groups([GroupCounts(100, 95, 60, 58)] * 19))
    assert ", only 19 groups; 1,900 images of 19 groups" in some[0]
    assert "only" not in groups_answer(verdict_on_groups([GroupCounts(100, 95, 60, 58)] * 20))[0]


def test_equivalence_needs_enough_effective_images() -> None:
    """3,000 images without a difference are equivalent within 0.1 points, but not if they are of 30 patients."""
    assert verdict_on_groups([GroupCounts(1, 1, 1, 1)] * 3000).kind == "equivalent"
    assert verdict_on_groups([GroupCounts(100, 100, 100, 100)] * 30).kind == "inconclusive"


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([], "at least one group"),
        ([GroupCounts(10, 11, 3)], r'group "1": first must be in \[0, 10\]; got 11'),
        ([GroupCounts(0, 0, 0, name="p")], 'group "p": a group must have images'),
        ([GroupCounts(10, 9, 8, 9)], r"both must be in \[7, 8\]; got 9"),
        ([GroupCounts(10, 9, 8, 8), GroupCounts(10, 9, 8)], "either all groups or none"),
        ([GroupCounts(30_000_000, 9, 8, 8)], "at most 20,000,000 images"),
    ],
)
def test_impossible_counts_are_refused(counts: list[GroupCounts], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        verdict_on_groups(counts)
