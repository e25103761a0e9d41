"""Our statistics equal those of baycomp, mlxtend, statsmodels, SciPy and scikit-learn on the same values.

The figures were made by ``benchmarks/statistics/statistics_reference.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.stats import paired_difference
from convstudy.stats.holm import holm
from convstudy.stats.intervals import newcombe, wilson
from convstudy.stats.mcnemar import Discordance
from convstudy.stats.mean_squares import squares_of
from convstudy.stats.resampled import five_by_two, fold_difference, probabilities
from convstudy.stats.two_way import components

REFERENCE: dict[str, Any] = json.loads(Path(__file__).with_name("reference.json").read_text("utf-8"))


def test_reference_file_has_cases() -> None:
    assert set(REFERENCE["versions"]) == {"baycomp", "mlxtend", "statsmodels", "scipy", "scikit-learn"}
    names = ("over_folds", "over_seeds", "on_images", "proportions", "two_way", "holm")
    assert [len(REFERENCE[name]) for name in names] == [12, 4, 5, 4, 3, 4]


def test_scikit_learn_worked_example() -> None:
    example = REFERENCE["worked_example"]
    # As the example's page prints them.
    printed = {
        "t": 0.750,
        "one_sided_p": 0.227,
        "uncorrected_t": 2.611,
        "uncorrected_one_sided_p": 0.005,
        "better": 0.773,
        "same_within_0.01": 0.432,
    }
    assert {key: round(example[key], 3) for key in printed} == printed
    difference = fold_difference(example["first"], example["second"], example["ratio"])
    assert difference.error_of(abs(difference.mean or 0)) / 2 == pytest.approx(
        example["one_sided_p"], abs=1e-9
    )
    assert [difference.low, difference.high] == pytest.approx(example["interval_95"], abs=1e-9)
    against_zero, within = probabilities(difference, 0.0), probabilities(difference, 0.01)
    assert against_zero and within
    assert against_zero.better == pytest.approx(example["better"], abs=1e-9)
    assert within.same == pytest.approx(example["same_within_0.01"], abs=1e-9)
    plain = paired_difference(example["first"], example["second"])
    assert plain.error_of(abs(plain.mean or 0)) / 2 == pytest.approx(
        example["uncorrected_one_sided_p"], abs=1e-9
    )


@pytest.mark.parametrize("case", REFERENCE["over_folds"])
def test_probabilities_equal_baycomp(case: dict[str, Any]) -> None:
    found = probabilities(fold_difference(case["first"], case["second"], 1 / (case["k"] - 1)), case["margin"])
    assert found
    # SciPy's older routine, which baycomp uses, limits the precision of t with few degrees of freedom.
    assert (found.better, found.same, found.worse) == pytest.approx(
        (case["better"], case["same"], case["worse"]), abs=1e-7
    )


@pytest.mark.parametrize("case", REFERENCE["over_seeds"])
def test_paired_difference_equals_scipy(case: dict[str, Any]) -> None:
    difference = paired_difference(case["first"], case["second"])
    assert [difference.low, difference.high] == pytest.approx(case["interval"], abs=1e-10)
    assert difference.error_of(abs(difference.mean or 0)) == pytest.approx(case["p"], abs=1e-9)


@pytest.mark.parametrize("case", REFERENCE["on_images"])
def test_mcnemar_equals_mlxtend(case: dict[str, Any]) -> None:
    one, other = case["first_only"], case["second_only"]
    found = Discordance(case["n"] - one - other - 30, one, other, 30).exact_p
    assert found == pytest.approx(case["statsmodels_p"], abs=1e-12)
    # mlxtend counts the middle twice if both counts are equal and may exceed 1; all other values agree.
    assert found == pytest.approx(min(1.0, case["mlxtend_p"]), abs=1e-12)


@pytest.mark.parametrize("case", REFERENCE["proportions"])
def test_intervals_of_proportions_equal_statsmodels(case: dict[str, Any]) -> None:
    first, second, n = case["first"], case["second"], case["n"]
    for count, key in ((first, "wilson"), (second, "wilson_second")):
        found = wilson(count / n, n)
        assert [found.low, found.high] == pytest.approx(case[key], abs=1e-9)
    difference = newcombe(first, second, n)
    assert [difference.low, difference.high] == pytest.approx(case["newcombe"], abs=1e-9)


@pytest.mark.parametrize("case", REFERENCE["two_way"])
def test_two_way_mean_squares_equal_statsmodels(case: dict[str, Any]) -> None:
    table = np.array(case["table"])
    squares = squares_of(table)
    assert (squares.seeds, squares.images, squares.rest) == pytest.approx(
        (case["seeds"], case["images"], case["rest"]), rel=1e-9
    )
    found = components(table)
    assert found.seed == pytest.approx(max(0.0, (case["seeds"] - case["rest"]) / table.shape[1]), rel=1e-9)
    assert found.image == pytest.approx(max(0.0, (case["images"] - case["rest"]) / table.shape[0]), rel=1e-9)


def test_five_by_two_equals_mlxtend() -> None:
    case = REFERENCE["halves"]
    assert five_by_two(case["pairs"]) == pytest.approx((case["t"], case["p"]), abs=1e-9)


@pytest.mark.parametrize("case", REFERENCE["holm"])
def test_holm_equals_statsmodels(case: dict[str, Any]) -> None:
    assert holm(case["p"]) == pytest.approx(case["adjusted"], abs=1e-12)
