from __future__ import annotations

import pytest

from convstudy.stats import Evidence, Measure, MeasuredFit, Verdict, paired_difference, verdict
from convstudy.stats.verdicts import MARGIN, make_verdict

SPREAD = (-0.0001, 0.0, 0.0001)
"""With these deviations, the interval of the mean of three pairs is ±0.00025."""


def by_pairs(first: list[float], second: list[float], margin: float = MARGIN) -> Verdict:
    return make_verdict("a", "b", Measure("test", "accuracy"), paired_difference(first, second), margin)


@pytest.mark.parametrize(
    ("shift", "kind"),
    [
        (0.01, "better"),
        (-0.01, "worse"),
        (0.0, "equivalent"),
        (0.0005, "equivalent"),
        (-0.0005, "equivalent"),
        (0.001, "inconclusive"),  # the margin is inside the interval
        (-0.001, "inconclusive"),
    ],
)
def test_verdict_follows_from_the_interval(shift: float, kind: str) -> None:
    second = [0.9, 0.91, 0.92]
    first = [score + shift + step for score, step in zip(second, SPREAD, strict=True)]
    assert by_pairs(first, second).kind == kind


def test_margin_zero_is_never_equivalent() -> None:
    first, second = [0.9, 0.91, 0.92], [0.9001, 0.91, 0.9199]
    assert by_pairs(first, second).kind == "equivalent"
    assert by_pairs(first, second, margin=0).kind == "inconclusive"


def test_wide_interval_is_inconclusive_for_any_mean() -> None:
    assert by_pairs([0.99, 0.80, 0.99], [0.90, 0.85, 0.70]).kind == "inconclusive"


@pytest.mark.parametrize(("sign", "kind"), [(1, "better"), (-1, "worse")])
def test_interval_that_ends_at_the_margin_is_equivalent(sign: int, kind: str) -> None:
    near_zero = paired_difference([sign * 0.01, sign * 0.02, sign * 0.03], [0.0, 0.0, 0.0])
    far_end = max(abs(near_zero.low or 0), abs(near_zero.high or 0))
    assert make_verdict("a", "b", Measure("test", "accuracy"), near_zero, far_end).kind == "equivalent"
    assert (
        make_verdict("a", "b", Measure("test", "accuracy"), near_zero, far_end - 1e-9).kind == "inconclusive"
    )
    beyond = paired_difference([sign * 0.09, sign * 0.1, sign * 0.11], [0.0, 0.0, 0.0])
    near_end = min(abs(beyond.low or 0), abs(beyond.high or 0))
    assert near_end > 0.05
    assert make_verdict("a", "b", Measure("test", "accuracy"), beyond, near_end).kind == "inconclusive"
    assert make_verdict("a", "b", Measure("test", "accuracy"), beyond, near_end - 1e-9).kind == kind


def test_one_pair_is_too_few_for_any_difference() -> None:
    found = by_pairs([0.99], [0.10])
    assert found.kind == "too few to say"
    assert not found.clear


def test_no_pairs_are_too_few() -> None:
    assert by_pairs([], []).kind == "too few to say"


def test_scores_without_predictions_are_not_certain() -> None:
    """One more correct image in each of five folds of 287 or 288 images: once "better" with p 1e-11."""
    sizes = (288, 288, 287, 287, 287)
    first, second = [(n - 1) / n for n in sizes], [(n - 2) / n for n in sizes]
    found = verdict("a", "b", Measure("validation", "accuracy"), first, second, sum(sizes))
    assert (found.kind, found.bounded) == ("inconclusive", True)
    assert found.difference.low is not None and found.difference.low < 0 and found.p > 0.05
    assert verdict("a", "b", Measure("test", "accuracy"), [0.9, 0.9], [0.8, 0.8], 10_000).kind == "better"
    assert verdict("a", "b", Measure("test", "accuracy"), [], [], 10_000).bounded is False
    with pytest.raises(ValueError, match="1 or more"):
        verdict("a", "b", Measure("test", "accuracy"), [0.9], [0.8], 0)


def test_equal_pairs_do_not_show_equivalence() -> None:
    assert by_pairs([0.9, 0.9], [0.9, 0.9]).kind == "inconclusive"


def test_evidence_sum_drops_repeated_fits_but_keeps_equal_weights() -> None:
    a, b, c = MeasuredFit("a", "1"), MeasuredFit("b", "1"), MeasuredFit("c", "2")
    assert Evidence((a, b)) + Evidence((b, c)) == Evidence((a, b, c))
    assert (Evidence((a, b)) + Evidence((b, c))).fit_ids == ("a", "b", "c")
