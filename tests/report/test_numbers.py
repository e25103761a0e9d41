from __future__ import annotations

import pytest

from convstudy.duration import duration
from convstudy.figures import percent
from convstudy.report import numbers
from convstudy.stats import summarise


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.67e-16, "< 0.001"), (0.000999, "< 0.001"), (0.001, "0.001"), (0.01253, "0.013"), (1.0, "1.000")],
)
def test_p_values_promise_no_more_than_three_digits(value: float, text: str) -> None:
    assert numbers.p_value(value) == text


def test_accuracies_and_differences() -> None:
    assert percent(0.99507) == "99.51 %"
    assert numbers.points(0.0042) == "+0.42"
    assert numbers.points(-0.0042) == "−0.42"
    assert numbers.points(-0.00001) == "0.00"
    assert numbers.loss(0.01964) == "0.0196"


def test_the_unit_stands_once_at_the_end() -> None:
    assert numbers.with_spread(summarise([0.98, 0.99]), percent) == "98.50 ± 0.71 %"
    assert numbers.with_spread(summarise([8, 9]), duration) == "8.5 ± 0.7 s"
    assert numbers.with_spread(summarise([100, 110]), duration) == "1 min 45 s ± 7.1 s"
    assert numbers.with_spread(summarise([0.1, 0.2]), numbers.loss) == "0.1500 ± 0.0707"


def test_one_figure_has_no_spread_and_none_is_a_dash() -> None:
    assert numbers.with_spread(summarise([0.98]), percent) == "98.00 %"
    assert numbers.with_spread(summarise([]), percent) == "–"


@pytest.mark.parametrize(
    ("fewest", "most", "at_hand", "text"),
    [
        (12, 37, 3, "10 to 40"),
        (12, 37, 11, "20 to 40"),
        (6, 6, 5, "6"),
        (3000, 3000, 2999, "3,000"),
        (1800, 4900, 1437, "2,000 to 5,000"),
        (43_500, 90_400, 10_000, "40,000 to 100,000"),
        (3100, None, 1437, "3,000 or more"),
        (9.5e6, 9.5e6, 5, "9,000,000 to 10,000,000"),
    ],
)
def test_rough_numbers_have_one_digit_and_hold_what_was_found(
    fewest: int, most: int | None, at_hand: int, text: str
) -> None:
    assert numbers.between(fewest, most, at_hand) == text


def test_one_digit_is_never_too_small() -> None:
    found = [numbers.one_digit(each) for each in (0.3, 0.31, 0.74, 1.0, 9.01, 27.8)]
    assert found == [0.3, 0.4, 0.8, 1.0, 10.0, 30.0]
