from __future__ import annotations

import pytest

from convstudy.duration import duration


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
def test_a_time_has_one_form(seconds: float, text: str) -> None:
    assert duration(seconds) == text
