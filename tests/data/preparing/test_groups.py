from __future__ import annotations

import pytest

from convstudy.data.preparing.groups import groups_by_pattern
from convstudy.errors import DataError, Location

WHERE = Location(key=("dataset", "group"))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"patient_(\d+)", ["1", "12"]),
        (r"patient_\d+", ["patient_1", "patient_12"]),
        (r"^([^/]+)/.*_(\d+)_", ["cat/1", "dog/12"]),
    ],
)
def test_group_is_what_the_pattern_finds(pattern: str, expected: list[str]) -> None:
    assert groups_by_pattern(["cat/patient_1_a.png", "dog/patient_12_b.png"], pattern, WHERE) == expected


def test_names_without_a_group_are_listed() -> None:
    with pytest.raises(DataError) as caught:
        groups_by_pattern(["p1.png", "x.png", "y.png"], r"p(\d)", WHERE)
    first, *others = caught.value.problems
    assert first.where == WHERE
    assert [problem.where.subject for problem in others] == ["x.png", "y.png"]


def test_pattern_that_is_no_regular_expression_is_one_error() -> None:
    with pytest.raises(DataError, match="not a regular expression") as caught:
        groups_by_pattern(["a"], "p(", WHERE)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("pattern", [r"p(\d*)", r"(\d*)", r"(x)?p", r"()()p"])
def test_empty_group_is_an_error_and_not_one_large_group(pattern: str) -> None:
    with pytest.raises(DataError) as caught:
        groups_by_pattern(["p.png", "pp.png"], pattern, WHERE)
    assert caught.value.problems[1].what == "the pattern finds an empty group in this name"
