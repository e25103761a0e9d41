from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.report.sample_size_text import (
    percentage_points,
    plan_sentence,
    required_cells,
    required_sentence,
)
from convstudy.stats import Measure, RequiredSampleSize, Requirement, Verdict, paired_difference
from convstudy.stats.verdicts import make_verdict

SEEDS = RequiredSampleSize(0.001, "seeds", 5, 10_000)
FOLDS = RequiredSampleSize(0.001, "folds", 5, 1437)
MODELS = RequiredSampleSize(0.001, "models", 1, 10_000)


def planned(
    base: RequiredSampleSize, better: Requirement, equivalent: Requirement, shows: float | None = None
) -> RequiredSampleSize:
    return replace(base, better=better, equivalent=equivalent, shows=shows)


def better(unit: str, fewest: int | None, most: int | None = None, n_pairs: int | None = None) -> Requirement:
    return Requirement("better", 0.002, unit, fewest, most, n_pairs)  # type: ignore[arg-type]


def equivalent(
    unit: str, fewest: int | None, most: int | None = None, n_pairs: int | None = None
) -> Requirement:
    return Requirement("equivalent", 0.0, unit, fewest, most, n_pairs)  # type: ignore[arg-type]


def verdict_with(required: RequiredSampleSize | None) -> Verdict:
    base = make_verdict(
        "a", "b", Measure("test", "accuracy"), paired_difference([0.003, -0.002], [0.0, 0.0]), 0.001
    )
    return replace(base, required=required)


PLANS = {
    planned(SEEDS, better("seeds", 18, 42), equivalent("seeds", 24, 58)): (
        "a verdict needs about 15 to 50 seeds if the true difference is 0.2 percentage points, and 20 to 60 if it is 0 "
        "(power 80 %)",
        ("15 to 50 seeds", "20 to 60 seeds"),
    ),
    planned(SEEDS, better("seeds", 21, 42), equivalent("seeds", 24, 49)): (
        "a verdict needs about 20 to 50 seeds if the true difference is 0.2 percentage points or 0 (power 80 %)",
        ("20 to 50 seeds", "20 to 50 seeds"),
    ),
    planned(SEEDS, better("seeds", 5, 5), equivalent("images", 12_000, 30_000, 8)): (
        "a verdict needs no more than the present 5 seeds if the true difference is 0.2 percentage points, and about "
        "15,000 to 30,000 test images with 8 seeds if it is 0 (power 80 %)",
        ("the present 5 seeds", "15,000 to 30,000 test images with 8 seeds"),
    ),
    planned(SEEDS, better("seeds", 30), equivalent("seeds", None), 0.0035): (
        "a verdict needs about 30 or more seeds if the true difference is 0.2 percentage points (power 80 %); if it is "
        "0, more than 10 times the data",
        ("30 or more seeds", "more than 10 times the data"),
    ),
    planned(SEEDS, better("seeds", None), equivalent("seeds", None), 0.0035): (
        "5 seeds and 10,000 test images can show a true difference of about 0.4 percentage points (power 80 %), but "
        "not 0.2 percentage points",
        ("more than 10 times the data; the present data show about 0.4 pp", "more than 10 times the data"),
    ),
    replace(SEEDS, n_pairs=3, run_first=10): (
        "the required number of seeds cannot be planned yet from 3 seeds: run 10 first",
        ("run 10 seeds first", "run 10 seeds first"),
    ),
    replace(SEEDS, n_pairs=2, n_images=360, run_first=10, images_first=3000): (
        "the required number of seeds cannot be planned yet from 2 seeds: run 10 first; at least 3,000 test images "
        "are needed in any case",
        ("run 10 seeds first", "run 10 seeds first"),
    ),
    planned(FOLDS, better("folds", 9, 18), equivalent("images", 3100, 7900, 20)): (
        "a verdict needs about 9 to 20 folds if the true difference is 0.2 percentage points, and 20 folds and about "
        "3,000 to 8,000 images if it is 0 (power 80 %)",
        ("9 to 20 folds", "20 folds and 3,000 to 8,000 images"),
    ),
    planned(FOLDS, better("images", None), equivalent("images", None), 0.0074): (
        "use more folds first: 5 folds of 1,437 images can show a true difference of about 0.8 percentage points "
        "(power 80 %), but not 0.2 percentage points",
        ("more than 10 times the data; the present data show about 0.8 pp", "more than 10 times the data"),
    ),
    planned(MODELS, better("images", 88_000, 96_000), equivalent("images", 99_000, 130_000)): (
        "a verdict needs about 80,000 to 100,000 images if the true difference is 0.2 percentage points, and 90,000 to "
        "150,000 if it is 0 (power 80 %)",
        ("80,000 to 100,000 images", "90,000 to 150,000 images"),
    ),
    planned(replace(MODELS, n_images=2), better("images", None), equivalent("images", None), 1.0): (
        "2 images are too few to say which true difference they can show",
        ("more than 10 times the data", "more than 10 times the data"),
    ),
}


@pytest.mark.parametrize("required", PLANS)
def test_plans_are_written_for_the_verdict_and_its_true_difference(required: RequiredSampleSize) -> None:
    sentence, cells = PLANS[required]
    assert plan_sentence(required) == sentence
    assert required_cells(verdict_with(required)) == cells
    assert "repeats" not in sentence  # a study has no key for them


def test_largest_required_sample_size_is_reported() -> None:
    few, open_end, images, never = (
        planned(SEEDS, better("seeds", 18, 42), equivalent("seeds", 24, 58)),
        planned(SEEDS, better("seeds", 60), equivalent("seeds", 70)),
        planned(SEEDS, better("images", 12_000, 30_000, 8), equivalent("images", 12_000, 30_000, 8)),
        planned(SEEDS, better("seeds", None), equivalent("seeds", None), 0.0035),
    )
    for found in ([few], [few, open_end], [open_end, images, few], [never, images, few]):
        expected = {1: few, 2: open_end, 3: images if never not in found else never}[len(found)]
        text = required_sentence([verdict_with(each) for each in found])
        assert text == plan_sentence(expected), text
    assert required_sentence([verdict_with(None)]) == ""
    assert required_cells(verdict_with(None)) == ("", "")


def test_percentage_points_have_no_trailing_zeros() -> None:
    assert [percentage_points(each) for each in (0.001, 0.01, 0.0025, 0.0)] == [
        "0.1 percentage points",
        "1 percentage point",
        "0.25 percentage points",
        "0 percentage points",
    ]
