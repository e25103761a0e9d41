"""Every p-value in a table is next to the claim that it tests."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from convstudy.report.claim_text import claim_text, p_values
from convstudy.stats import Measure, Verdict, verdict

TEST = Measure("test", "accuracy")


def _of(first: Sequence[float], second: Sequence[float], margin: float = 0.001, n: int = 10_000) -> Verdict:
    return verdict("a", "b", TEST, first, second, n, margin=margin)


@pytest.mark.parametrize(
    ("first", "second", "margin", "claim"),
    [
        ([0.98, 0.981], [0.95, 0.951], 0.001, "difference > 0.1 pp"),
        ([0.95, 0.951], [0.98, 0.981], 0.001, "difference < −0.1 pp"),
        ([0.98, 0.981], [0.98, 0.981], 0.0025, "within ±0.25 pp"),
        ([0.98, 0.981], [0.95, 0.951], 0.0, "difference > 0"),
        ([0.95, 0.951], [0.98, 0.981], 0.0, "difference < 0"),
    ],
)
def test_claim_is_that_of_the_middle_of_the_interval(
    first: list[float], second: list[float], margin: float, claim: str
) -> None:
    found = _of(first, second, margin)
    assert claim_text(found) == claim
    assert p_values(found) == (found.p, found.adjusted_p)


def test_no_claim_has_no_p_value() -> None:
    """With 100 images no difference within 0.1 percentage points can be shown; the p-value was 1."""
    found = _of([0.98, 0.98], [0.98, 0.98], n=100)
    assert (found.p, claim_text(found), p_values(found)) == (1.0, None, (None, None))
