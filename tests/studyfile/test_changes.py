"""Changes from the command line are applied before the checks, and errors are located at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convstudy.errors import Problem, StudyError
from convstudy.studyfile import Study, load_study, read_change


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("recipe.epochs=3", ("recipe.epochs", 3)),
        (" recipe.epochs = 3 ", ("recipe.epochs", 3)),
        ("recipe.learning_rate=1e-3", ("recipe.learning_rate", 0.001)),
        ("recipe.optimizer=sgd", ("recipe.optimizer", "sgd")),
        ("compare.a.networks=['x', \"y\"]", ("compare.a.networks", ["x", "y"])),
        ("network.'a.b'.kernel=5", ("network.'a.b'.kernel", 5)),
        ("recipe.nesterov=true", ("recipe.nesterov", True)),
        ("study.name=2024-01-01", ("study.name", "2024-01-01")),
        ("study.name=a=b", ("study.name", "a=b")),
        ("search.s.parameters={kernel=[3]}", ("search.s.parameters", {"kernel": [3]})),
    ],
)
def test_change_is_read_to_key_and_value(text: str, expected: tuple[str, object]) -> None:
    assert read_change(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "=",
            "recipe.epochs",
            "recipe.epochs=",
            "=3",
            "recipe=3",
            "a..b=3",
            "recipe.epochs=[1,",
            'a.b="x',
        ),
        *("a b.c=1", "recipe.epochs=3\nother.key=4", "a.b\nc.d=3", "[a]\nb=3", ".".join("a" * 11) + "=1"),
    ],
)
def test_invalid_change_is_refused(text: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_change(text)
    assert str(caught.value.problems[0].where) == f"--set {text}"


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_as_a_change(text: str) -> None:
    try:
        key, _ = read_change(text)
    except StudyError:
        return
    assert "." in key


def changed(tmp_path: Path, text: str, changes: dict[str, Any]) -> Study:
    path = tmp_path / "study.toml"
    path.write_text(text)
    return load_study(path, changes)


def problems_of(tmp_path: Path, text: str, changes: dict[str, Any]) -> list[Problem]:
    with pytest.raises(StudyError) as caught:
        changed(tmp_path, text, changes)
    return list(caught.value.problems)


def test_changes_are_applied(tmp_path: Path, valid_text: str) -> None:
    study = changed(
        tmp_path,
        valid_text,
        {
            "recipe.epochs": 7,
            "recipe.optimizer": "sgd",
            "study.seeds": 9,
            "search.kernel-size.folds": 2,
            "search.kernel-size.recipe.epochs": 1,
            "network.two-conv.kernel": 3,
            "ablate.two-conv.more": {"epochs": 4},
        },
    )
    assert (study.recipe.epochs, study.recipe.optimizer, study.seeds) == (7, "sgd", 9)
    assert (study.search["kernel-size"].folds, study.search["kernel-size"].recipe) == (2, {"epochs": 1})
    assert study.network["two-conv"].parameters == {"kernel": 3}
    assert study.ablate["two-conv"].variants["more"].recipe == {"epochs": 4}


def test_change_creates_a_missing_section(tmp_path: Path, valid_text: str) -> None:
    assert (
        changed(tmp_path, valid_text.replace("[recipe]\nepochs = 3", ""), {"recipe.epochs": 2}).recipe.epochs
        == 2
    )


def test_changes_are_not_modified(tmp_path: Path, valid_text: str) -> None:
    recipe = {"batch_size": 10}
    changes = {"search.kernel-size.recipe": recipe, "search.kernel-size.recipe.epochs": 1}
    assert changed(tmp_path, valid_text, changes).search["kernel-size"].recipe == {
        "batch_size": 10,
        "epochs": 1,
    }
    assert recipe == {"batch_size": 10}


def test_invalid_value_of_a_change_is_reported_at_the_change(tmp_path: Path, valid_text: str) -> None:
    problems = problems_of(tmp_path, valid_text, {"recipe.epochs": 0, "study.seeds": "x", "recip.epochs": 3})
    assert {str(problem.where) for problem in problems} == {
        "--set recipe.epochs",
        "--set study.seeds",
        "--set recip.epochs: recip",
    }


def test_change_of_an_unknown_section_or_value_is_refused(tmp_path: Path, valid_text: str) -> None:
    problems = problems_of(
        tmp_path, valid_text, {"network.two-con.kernel": 3, "study.name.x": 3, "search.s.folds": 2, "bad": 1}
    )
    assert [(str(problem.where), problem.hint) for problem in problems] == [
        ("--set network.two-con.kernel", 'did you mean "two-conv"?'),
        ("--set study.name.x", ""),
        ("--set search.s.folds", ""),
        ("--set bad", ""),
    ]
    assert problems[1].what == "study.name must be a table"
