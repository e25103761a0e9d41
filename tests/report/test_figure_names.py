"""Names in charts: they fit, and different names stay different."""

from __future__ import annotations

import pytest

from convstudy.report.figure import short_names

NAMES = {
    "differ in front": [f"{number}-is-the-number-of-a-long-name" for number in range(30)],
    "differ in the middle": [f"a-long-name-with-number-{number:02d}-and-more-words" for number in range(30)],
    "differ at the end": [f"a-long-name-with-the-number-{number:02d}" for number in range(30)],
    "differ at two places": [
        f"learning_rate=0.{a}, momentum=0.9{b}, batch_size=100, weight_decay=0.0" for a in range(5) for b in range(6)
    ],
    "one is short": ["conv", *(f"a-long-name-with-number-{number:02d}-and-more-words" for number in range(9))],
}  # fmt: skip


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES.keys())
def test_shortened_names_stay_different_and_fit(names: list[str]) -> None:
    short = short_names(names, 21)
    assert len(set(short)) == len(names)
    assert max(map(len, short)) <= 21
    assert all(label == name for label, name in zip(short, names, strict=True) if len(name) <= 21)


def test_short_names_stay_unchanged() -> None:
    assert short_names(("two-conv", "small"), 21) == ("two-conv", "small")
