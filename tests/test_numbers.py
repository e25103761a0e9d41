"""The formats of numbers, times and names."""

from __future__ import annotations

import pytest

from convstudy import numbers
from convstudy.numbers import duration, percent
from convstudy.stats import summarise


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.67e-16, "< 0.001"), (0.000999, "< 0.001"), (0.001, "0.001"), (0.01253, "0.013"), (1.0, "1.000")],
)
def test_p_value_has_three_decimals_or_is_below_0_001(value: float, text: str) -> None:
    assert numbers.p_value(value) == text


def test_accuracies_and_differences_have_sign_and_unit() -> None:
    assert percent(0.99507) == "99.51 %"
    assert numbers.points(0.0042) == "+0.42"
    assert numbers.points(-0.0042) == "−0.42"
    assert numbers.points(-0.00001) == "0.00"
    assert numbers.loss(0.01964) == "0.0196"


def test_mean_and_sd_share_one_unit_at_the_end() -> None:
    assert numbers.with_spread(summarise([0.98, 0.99]), percent) == "98.50 ± 0.71 %"
    assert numbers.with_spread(summarise([8, 9]), duration) == "8.5 ± 0.7 s"
    assert numbers.with_spread(summarise([100, 110]), duration) == "1 min 45 s ± 7.1 s"
    assert numbers.with_spread(summarise([0.1, 0.2]), numbers.loss) == "0.1500 ± 0.0707"


def test_single_value_has_no_sd_and_no_value_is_a_dash() -> None:
    assert numbers.with_spread(summarise([0.98]), percent) == "98.00 %"
    assert numbers.with_spread(summarise([]), percent) == "–"


@pytest.mark.parametrize(
    ("fewest", "most", "current", "text"),
    [
        (12, 37, 3, "10 to 40"),
        (12, 37, 11, "15 to 40"),
        (6, 6, 5, "6"),
        (3000, 3000, 2999, "3,000"),
        (1800, 4900, 1437, "1,500 to 5,000"),
        (43_500, 90_400, 10_000, "40,000 to 100,000"),
        (3100, None, 1437, "3,000 or more"),
        (9.5e6, 9.5e6, 5, "9,000,000 to 10,000,000"),
    ],
)
def test_rough_range_has_one_digit_and_contains_both_ends(
    fewest: int, most: int | None, current: int, text: str
) -> None:
    assert numbers.between(fewest, most, current) == text


def test_one_digit_rounds_up() -> None:
    found = [numbers.one_digit(each) for each in (0.3, 0.31, 0.74, 1.0, 9.01, 27.8)]
    assert found == [0.3, 0.4, 0.8, 1.0, 10.0, 30.0]


def test_bare_numbers_have_no_unit_and_no_plus_sign() -> None:
    assert [numbers.bare_percent(value) for value in (0.98756, 0.0)] == ["98.76", "0.00"]
    assert [numbers.bare_points(value) for value in (0.0042, -0.0042, -0.00001)] == ["0.42", "−0.42", "0.00"]
    assert [numbers.change(value) for value in (0.0042, -0.0042, -0.00001)] == [
        "+0.0042",
        "−0.0042",
        "0.0000",
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0 × 10³"),
        (9_949, "9.9 × 10³"),
        (9_951, "1.0 × 10⁴"),
        (123_456_789_012, "1.2 × 10¹¹"),
    ],
)
def test_flops_have_two_digits(number: int, text: str) -> None:
    assert numbers.flops(number) == text


def test_proportions_have_two_decimals_by_default() -> None:
    assert percent(0.99514) == "99.51 %"
    assert percent(0.99514, 0) == "100 %"


def test_counts_have_a_noun_and_names_are_enumerated() -> None:
    assert [numbers.counted(n, "seed") for n in (0, 1, 2000)] == ["0 seeds", "1 seed", "2,000 seeds"]
    assert numbers.counted(2, "match", "matches") == "2 matches"
    lists = [numbers.listed(list(names)) for names in ("", "a", "ab", "abc")]
    assert lists == ["", "a", "a and b", "a, b and c"]
    assert numbers.listed(["a", "b"], "or") == "a or b"
    assert [numbers.listed("abcde"[:n], most=2) for n in (3, 4)] == ["a, b and c", "a, b and 2 more"]


def test_timestamp_has_no_fraction_of_a_second() -> None:
    assert numbers.moment("2026-11-22T14:16:00.431+00:00") == "2026-11-22 14:16:00"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (65, "1 min 05 s"),
        (200, "3 min 20 s"),
        (3599.9, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86399, "1 d 00 h"),
        (90000, "1 d 01 h"),
        (86400 * 1234, "1,234 d 00 h"),
    ],
)
def test_duration_has_one_form(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_sd_of_a_duration_in_another_unit_names_both_units() -> None:
    assert numbers.with_spread(summarise([100, 300]), duration) == "3 min 20 s ± 2 min 21 s"
