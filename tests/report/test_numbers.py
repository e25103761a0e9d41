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
