from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convstudy.errors import UsageError
from convstudy.stats import CountsVerdict, verdict_on_counts
from convstudy.stats.intervals import bonett_price


def test_notebook_scores_are_inconclusive() -> None:
    found = verdict_on_counts(9951, 9937, 10_000)
    assert found.kind == "inconclusive"
    assert found.difference.low < 0 < 0.001 < found.difference.high
    assert found.narrowest and found.widest and found.narrowest_kind == "inconclusive"
    # In the best case the first is correct on every image on which the second is: 14 against 0.
    assert found.narrowest == bonett_price(14, 0, 10_000)
    assert found.widest == bonett_price(63, 49, 10_000)
    # (1.96 + 0.84)² · (0.00488 + 0.00626) / 0.001² images; the upper end has the limit of 112 errors, 122.
    required = found.required
    assert required and required.better
    ends = (required.better.fewest, required.better.most)
    assert ends == pytest.approx((87_400, 87_400 * 121.9 / 112), rel=0.01)
    # Equivalence, (1.96 + 1.28)², needs 117,000: more than ten times the images.
    assert required.equivalent and required.equivalent.fewest is None and required.shows


def test_required_images_depend_on_margin_not_on_measured_difference() -> None:
    assert verdict_on_counts(9951, 9937, 10_000, margin=0).required is None
    assert verdict_on_counts(9951, 9937, 10_000, margin=0.01).required is None  # equivalent
    equal, apart = (
        verdict_on_counts(9950, 9950 - n, 10_000, both_right=9930 - n // 2).required for n in (0, 14)
    )
    assert equal and apart and equal.better and apart.better and equal.better.fewest
    assert apart.better.fewest == pytest.approx(equal.better.fewest, rel=0.01)


def test_margin_zero_and_best_pairing_give_a_verdict() -> None:
    assert verdict_on_counts(9951, 9937, 10_000, margin=0).narrowest_kind == "better"
    assert verdict_on_counts(9951, 9937, 10_000, margin=0).kind == "inconclusive"
    assert verdict_on_counts(9951, 9937, 10_000, both_right=9937, margin=0).kind == "better"


def test_both_ways_to_give_the_pairing_agree() -> None:
    one = verdict_on_counts(950, 930, 1000, both_right=920)
    other = verdict_on_counts(950, 930, 1000, discordant=(30, 10))
    assert one == other
    assert one.pairs and (one.pairs.both, one.pairs.neither) == (920, 40)
    assert one.pairs.exact_p == pytest.approx(0.0022, abs=1e-4)


def test_turning_it_round() -> None:
    there, back = verdict_on_counts(990, 900, 1000), verdict_on_counts(900, 990, 1000)
    assert (there.kind, back.kind) == ("better", "worse")
    assert there.difference.low == pytest.approx(-back.difference.high)


def test_few_images_claim_no_more_than_the_best_pairing() -> None:
    """Newcombe's interval alone makes 0 against 2 of 2 significant; equal models give it with probability 1/8."""
    assert verdict_on_counts(0, 2, 2).kind == verdict_on_counts(0, 3, 3).kind == "inconclusive"
    assert verdict_on_counts(0, 5, 5).kind == "worse"
    for n in range(1, 25):
        for first in range(n + 1):
            for second in range(n + 1):
                found = verdict_on_counts(first, second, n)
                assert found.narrowest is not None
                assert found.difference.low <= found.narrowest.low
                assert found.difference.high >= found.narrowest.high
                if found.kind in ("better", "worse"):
                    assert found.narrowest_kind == found.kind


def test_enough_images_show_equivalence() -> None:
    assert verdict_on_counts(99_500, 99_500, 100_000, both_right=99_400).kind == "equivalent"
    assert verdict_on_counts(995, 995, 1000, both_right=995).kind == "inconclusive"


def test_fewer_images_than_rule_of_three_show_no_equivalence() -> None:
    """Two models without errors on 2,800 images: ±0.099 points, but a difference of 3 / 2,800 is possible."""
    few = verdict_on_counts(2800, 2800, 2800, both_right=2800)
    assert few.difference.high < 0.001
    assert few.kind == "inconclusive"
    assert few.required and few.required.equivalent and few.required.equivalent.fewest == 3000
    assert verdict_on_counts(2800, 2800, 2800).narrowest_kind == "inconclusive"
    assert verdict_on_counts(3000, 3000, 3000, both_right=3000).kind == "equivalent"
    assert verdict_on_counts(300, 300, 300, both_right=300, margin=0.01).kind == "equivalent"
    assert verdict_on_counts(2800, 2800, 2800, both_right=2800, margin=0).kind == "inconclusive"


@pytest.mark.parametrize("margin", [0.001, 0.002, 0.01, 0.05])
def test_one_image_below_equivalence_requires_few_more_images(margin: float) -> None:
    """With 3,000 images equivalent, 2,999 must not require 5,300: pseudo-observations do not grow with n."""
    equivalent = next(
        n
        for n in range(10, 4000)
        if verdict_on_counts(n, n, n, both_right=n, margin=margin).kind == "equivalent"
    )
    for n in (equivalent - 1, equivalent * 3 // 4, equivalent // 5):
        below = verdict_on_counts(n, n, n, both_right=n, margin=margin)
        assert below.kind == "inconclusive" and below.required and below.required.equivalent
        assert below.required.equivalent.fewest == equivalent


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("kind", ["better", "equivalent"])
def test_planned_number_of_images_gives_the_verdict_in_four_of_five_comparisons(
    kind: str, paired: bool
) -> None:
    """Two models with 3 % errors each that differ on 2 % of the images, or are evaluated on other images."""
    required = equal_models(3000, paired).required
    assert required and required.better and required.equivalent
    planned = required.better if kind == "better" else required.equivalent
    n = planned.fewest
    assert n and planned.most and n < planned.most < 1.5 * n
    random, gap = np.random.default_rng(n), 0.01 if kind == "better" else 0.0
    verdicts = []
    for _ in range(600):
        if paired:
            one, other, both, _ = random.multinomial(n, [0.01 + gap / 2, 0.01 - gap / 2, 0.96, 0.02])
            verdicts.append(verdict_on_counts(both + one, both + other, n, both_right=both, margin=0.005))
        else:
            one, other = random.binomial(n, [0.97 + gap / 2, 0.97 - gap / 2])
            verdicts.append(verdict_on_counts(one, other, n, margin=0.005))
    # Four standard errors of a share of 600 are 0.065.
    assert np.mean([each.kind == kind for each in verdicts]) == pytest.approx(0.8, abs=0.065)


def equal_models(n: int, paired: bool) -> CountsVerdict:
    """Return the verdict on two equal models with 3 % errors that differ on 2 % of n images."""
    right, both = round(0.97 * n), round(0.96 * n)
    return verdict_on_counts(right, right, n, both_right=both if paired else None, margin=0.005)


def test_beyond_ten_times_the_images_the_difference_that_they_show_is_given() -> None:
    found = verdict_on_counts(10, 10, 10)
    assert found.kind == "inconclusive" and found.required and found.required.better
    assert found.required.better.fewest is None
    assert found.required.shows == pytest.approx(0.6, abs=0.05)
    apart = verdict_on_counts(350, 340, 360).required
    # The variance is that of 30 errors, at its limit of 35: 0.1 + (1.96 + 0.84) · √(36 / 360²) points.
    assert apart and apart.shows == pytest.approx(0.001 + 2.8 * 36**0.5 / 360, abs=0.004)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"first": 11}, "each number of correct predictions must be in"),
        ({"second": -1}, "each number of correct predictions must be in"),
        ({"n": 0}, "n must be 1 or more images"),
        ({"both_right": 9}, "both_right must be in"),
        ({"both_right": 5}, "in [6, 8]"),
        ({"discordant": (2, 1)}, "two counts that differ by"),
        ({"discordant": (3, 3), "second": 8}, "counts with a first one in"),
        ({"discordant": (0, 0), "second": 8, "both_right": 8}, "only one of both_right and discordant"),
        ({"margin": -0.1}, "margin must be in"),
    ],
)
def test_impossible_counts_are_rejected(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        verdict_on_counts(**{"first": 8, "second": 8, "n": 10, **arguments})
    assert message in str(caught.value)


def test_several_errors_are_reported_together() -> None:
    with pytest.raises(UsageError) as caught:
        verdict_on_counts(11, 12, 10, margin=5)
    assert len(caught.value.problems) == 3
