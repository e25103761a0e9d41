from __future__ import annotations

import pytest

from convstudy.data import class_names
from convstudy.data.class_names import class_name_problems
from convstudy.errors import Location


@pytest.mark.parametrize(
    "name", ["cat", "0", "a/b", "Ångström", "猫", "T-shirt / top", "-1", "1e3", "İ", "🐈"]
)
def test_ordinary_name_has_no_problem(name: str) -> None:
    assert class_name_problems([name, name, "another"]) == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", '"" is empty'),
        ("\t ", "is empty"),
        ("a\nb", '"a\\nb" has more than one line'),
        ("a\u2028b", "has more than one line"),
        ("a\x1b[31m", "contains a control character"),
        ("\udcff", '"\\udcff" is not valid UTF-8'),
        ("a" * 201, "has more than 200 characters"),
    ],
)
def test_bad_name_is_one_problem_of_one_line(name: str, message: str) -> None:
    (problem,) = class_name_problems(["cat", name], Location("photos"))
    assert str(problem).startswith("photos: the class name ")
    assert message in str(problem)
    assert str(problem).isprintable()


@pytest.mark.parametrize(
    ("one", "other"),
    [("é", "e\u0301"), ("a b", "a  b"), ("a", "a "), ("1", "01"), ("1", "1.0"), ("-0", "0"), ("1000", "1e3")],
)
def test_two_names_that_look_the_same_are_a_problem(one: str, other: str) -> None:
    (problem,) = class_name_problems({one, other, "cat"})
    assert "look the same" in str(problem)


@pytest.mark.parametrize(
    ("one", "other"),
    [("a", "A"), ("1", "1_0"), ("inf", "Infinity"), (str(2**53), str(2**53 + 1)), ("1", "1.5"), ("1", "²")],
)
def test_different_names_are_no_problem(one: str, other: str) -> None:
    assert class_name_problems({one, other}) == ()


def test_too_many_classes_are_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_names, "MAX_CLASSES", 99)
    assert class_name_problems(map(str, range(99))) == ()
    (problem,) = class_name_problems(map(str, range(100)))
    assert "too many classes" in str(problem)


def test_number_of_classes_of_the_largest_usual_dataset_is_allowed() -> None:
    assert class_name_problems(map(str, range(21_841))) == ()


def test_letters_that_are_stored_in_two_ways_are_shown_with_their_codes() -> None:
    (problem,) = class_name_problems({"é", "e\u0301"})
    assert r"'e\u0301' and '\xe9'" in problem.hint
