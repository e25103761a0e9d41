"""The ratio of two errors, and verdicts with a margin that is a share of the errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.statistics import share_simulation
from convstudy.analysis.error_ratios import errors_over_folds, errors_over_seeds, errors_without_predictions
from convstudy.metrics import metric_named
from convstudy.stats import Share, verdict_on_counts
from convstudy.stats.count_ratio import CountRatio
from convstudy.stats.error_ratio import ratio_interval
from convstudy.stats.intervals import bonett_price
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.measure import Measure
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import corrected, make_verdict

ACCURACY, TEN = metric_named("accuracy"), Share(0.1)


def _right(n: int, *wrong: Any) -> Any:
    """Return correct predictions, one row per seed, with these wrong images."""
    found = np.ones((len(wrong), n))
    for row, images in enumerate(wrong):
        found[row, list(images)] = 0
    return found


def _verdict(first: Any, second: Any, margin: float | Share = TEN, metric: str = "accuracy") -> Any:
    which = metric_named(metric)
    errors = errors_over_seeds((first, second), None, which, margin, 1.0, None)
    difference = two_way_difference(first, second, pseudo_observations=1.0)
    return make_verdict(
        "a",
        "b",
        Measure("test", metric),
        difference,
        errors.margin,
        lower_is_better=not which.higher_is_better,
        errors=errors.ratio,
        by_share=errors.by_share,
    )


def test_ratio_interval_contains_the_ratios_that_the_differences_allow() -> None:
    first, second = _right(2000, range(60), range(55)), _right(2000, range(30, 130), range(20, 125))
    found = errors_over_seeds((first, second), None, ACCURACY, 0.001, 1.0, None).ratio
    assert found is not None and found.high is not None and found.ratio is not None
    assert (found.first, found.second) == pytest.approx((57.5 / 2000, 102.5 / 2000))
    assert found.low < found.ratio < found.high
    for ratio, inside in ((found.low * 0.99, False), (found.low * 1.01, True), (found.high * 0.99, True)):
        one = two_way_difference(1 - first, ratio * (1 - second), pseudo_observations=max(1.0, ratio))
        assert one.low is not None and one.high is not None
        assert (one.low <= 0 <= one.high) == inside


@pytest.mark.parametrize("seeds", [1, 3])
def test_ratio_of_exchanged_candidates_is_the_inverse(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    tables = [(random.random((seeds, 900)) > rate).astype(float) for rate in (0.05, 0.08)]
    there = errors_over_seeds((tables[0], tables[1]), None, ACCURACY, TEN, 1.0, None)
    back = errors_over_seeds((tables[1], tables[0]), None, ACCURACY, TEN, 1.0, None)
    assert there.ratio and back.ratio and there.ratio.high and back.ratio.high
    assert there.ratio.low == pytest.approx(1 / back.ratio.high, rel=1e-4)
    assert there.ratio.high == pytest.approx(1 / back.ratio.low, rel=1e-4)
    assert there.margin == pytest.approx(back.margin)


def test_9990_against_9982_percent_is_not_equivalent_by_a_share() -> None:
    """The points say "equivalent within 0.1 points"; the second makes 1.8 times the errors of the first."""
    first = _right(240_000, *[range(240)] * 2)
    second = _right(240_000, *[range(432)] * 2)
    absolute, by_share = _verdict(first, second, 0.001), _verdict(first, second)
    assert absolute.kind == "equivalent"
    assert by_share.kind == "better"
    assert by_share.margin == pytest.approx(0.1 * 432 / 240_000)
    assert by_share.errors.ratio == pytest.approx(60 / 108)
    back = _verdict(second, first)
    assert (back.kind, back.p) == ("worse", pytest.approx(by_share.p))


def test_equivalence_by_a_share_needs_both_sides_and_three_images() -> None:
    many = _right(40_000, *[range(4000)] * 3)
    assert _verdict(many, many).kind == "equivalent"
    few = _right(40_000, *[range(29)] * 3)
    verdict = _verdict(few, few)
    assert (verdict.kind, verdict.by_share.few_errors) == ("inconclusive", True)
    enough = _right(40_000, *[range(30)] * 3)
    assert not _verdict(enough, enough).by_share.few_errors
    # Without any error the ratio is unknown, and nothing is claimed.
    perfect = _verdict(_right(500, (), ()), _right(500, (), ()))
    assert (perfect.kind, perfect.errors.ratio) == ("inconclusive", None)
    assert (perfect.errors.low, perfect.errors.high) == (0.0, None)


def test_a_verdict_by_a_share_agrees_with_the_interval_of_the_ratio() -> None:
    random, kinds = np.random.default_rng(2), set()
    for _ in range(60):
        rates = random.choice([0.02, 0.05, 0.1], 2)
        hard = random.random(1500)
        tables = [((hard + 0.01 * random.random((4, 1500))) > rate).astype(float) for rate in rates]
        verdict = _verdict(*tables)
        ratio = verdict.errors
        high = np.inf if ratio.high is None else ratio.high
        expected = "inconclusive"
        if high < 0.9:
            expected = "better"
        elif ratio.low > 1 / 0.9:
            expected = "worse"
        elif ratio.low >= 0.9 and high <= 1 / 0.9:
            expected = "equivalent"
        assert verdict.kind == expected
        kinds.add(expected)
    assert {"better", "worse"} <= kinds


def test_holms_correction_can_remove_a_claim_by_a_share() -> None:
    first, second = _right(3000, range(100), range(5, 105)), _right(3000, range(160), range(3, 163))
    alone = _verdict(first, second)
    assert alone.kind == "better"
    (found,) = corrected([alone], n_comparisons=10**9)
    assert (found.kind, found.clear_alone) == ("inconclusive", True)


def test_share_of_a_loss_and_of_a_weighted_metric() -> None:
    random = np.random.default_rng(3)
    losses = random.exponential(0.2, (3, 4000))
    found = errors_over_seeds((losses, 2 * losses), None, metric_named("log-loss"), TEN, 3.0, None)
    assert found.ratio and found.ratio.ratio == pytest.approx(0.5)
    assert found.by_share and found.by_share.claim and found.by_share.claim[0] == "better"
    labels = np.repeat([0, 1], [900, 100])
    weights = metric_named("balanced-accuracy").weights(labels)
    right = (random.random((3, 1000)) > 0.1) * weights
    same = errors_over_seeds((right, right), None, metric_named("balanced-accuracy"), TEN, 5.0, weights)
    assert same.ratio and same.ratio.ratio == 1
    difference = same.by_share.less if same.by_share else None
    assert difference and difference.mean == pytest.approx(0.1 * (1 - right.mean()))


def test_folds_have_the_minimum_from_the_images() -> None:
    first, second = np.ones(1437), np.ones(1437)
    first[:50], second[:70] = 0, 0
    scores = ([1 - 10 / 287.4] * 5, [1 - 14 / 287.4] * 5)
    found = errors_over_folds(*scores, 0.25, (first, second, 1.0), ACCURACY, TEN, 1437)
    assert found.ratio and found.ratio.ratio == pytest.approx(50 / 70)
    expected = CountRatio(50, 70, 1437, Discordance(1367, 20, 0, 50), 0.95).ratio
    assert expected.high is not None
    assert (found.ratio.low, found.ratio.high) == pytest.approx((expected.low, expected.high), rel=0.01)
    lost = errors_over_folds(*scores, 0.25, None, ACCURACY, TEN, 1437).ratio
    assert lost and lost.low < found.ratio.low


def test_lost_predictions_give_a_wider_ratio() -> None:
    first, second = _right(2000, range(60), range(61)), _right(2000, range(100), range(101))
    known = errors_over_seeds((first, second), None, ACCURACY, TEN, 1.0, None).ratio
    lost = errors_without_predictions(
        tuple(first.mean(axis=1)), tuple(second.mean(axis=1)), ACCURACY, TEN, n_images=2000
    ).ratio
    assert known and lost and known.high and lost.high
    assert lost.low < known.low and lost.high > known.high


def test_ratio_interval_without_an_upper_end() -> None:
    found = ratio_interval(0.02, 0.0, lambda r: 0.01 - 0.01 * max(0, r - 3), lambda r: -0.01)
    assert (found.ratio, found.high) == (None, None)
    assert found.low == pytest.approx(4.0)


# The calculator


def test_counts_with_weights_1_have_bonett_and_prices_interval() -> None:
    pairs = Discordance(9915, 35, 20, 30)
    expected = bonett_price(35, 20, 10_000)
    ends = CountRatio(50, 65, 10_000, pairs, 0.95).ends(1.0, 1.0)
    assert (-ends[1], -ends[0]) == pytest.approx((expected.low, expected.high))


def test_verdict_on_counts_by_a_share() -> None:
    found = verdict_on_counts(59_940, 59_892, 60_000, both_right=59_880, margin=TEN)
    assert (found.kind, found.required, found.share) == ("better", None, TEN)
    assert verdict_on_counts(59_940, 59_892, 60_000, both_right=59_880).kind == "inconclusive"
    assert found.errors and found.errors.ratio == pytest.approx(60 / 108)
    back = verdict_on_counts(59_892, 59_940, 60_000, both_right=59_880, margin=TEN)
    assert back.kind == "worse"
    unpaired = verdict_on_counts(59_940, 59_892, 60_000, margin=TEN)
    assert unpaired.errors and found.errors.high and unpaired.errors.high
    assert unpaired.errors.high > found.errors.high
    assert verdict_on_counts(90_000, 90_000, 100_000, both_right=90_000, margin=TEN).kind == "equivalent"
    few = verdict_on_counts(9995, 9995, 10_000, both_right=9995, margin=TEN)
    assert (few.kind, few.few_errors) == ("inconclusive", True)
    none = verdict_on_counts(10_000, 10_000, 10_000, margin=TEN)
    assert none.errors and (none.errors.ratio, none.errors.high) == (None, None)
    assert verdict_on_counts(0, 0, 3, margin=TEN).kind == "inconclusive"


# The simulation behind a table of docs/statistics.md


def test_vectorised_differences_equal_those_of_a_study() -> None:
    wrong = np.random.default_rng(0).random((4, 2, 3, 200)) < 0.05
    for a, b in ((1.0, 0.9), (0.9, 1.0), (1.0, 1.7)):
        middles, widths = share_simulation.differences(wrong, a, b)
        for study in range(4):
            one = two_way_difference(
                a * wrong[study, 0].astype(float),
                b * wrong[study, 1].astype(float),
                pseudo_observations=max(a, b),
            )
            assert one.centre == pytest.approx(middles[study], rel=1e-4, abs=1e-7)
            assert one.half_width(0.95) == pytest.approx(widths[study], rel=1e-4)


def test_simulated_claims_by_a_share_keep_their_level() -> None:
    """At the border, "better" and "equivalent" are wrong in at most 2.5 % of the studies; four standard errors more."""
    world, studies = share_simulation.ALIKE, 300
    found = share_simulation.line(np.random.default_rng(1), world, (0.0451, 0.05), 5001, 3, studies)
    assert found["covers"] / studies > 0.95 - 4 * (0.05 * 0.95 / studies) ** 0.5
    assert found["better"] / studies < 0.025 + 4 * (0.025 * 0.975 / studies) ** 0.5
    apart = share_simulation.line(np.random.default_rng(2), world, (0.001, 0.0018), 20_001, 5, 40)
    assert apart["better"] > 20 and apart["equivalent"] == 0


def test_a_share_must_be_known_to_replace_the_margin() -> None:
    verdict = _verdict(_right(100, range(5)), _right(100, range(9)))
    assert verdict.kind == "too few to say"
    assert replace(verdict, by_share=None).margin == pytest.approx(0.009)
