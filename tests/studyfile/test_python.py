"""A study that is built in Python is checked like one that is read from a file."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from convstudy.errors import Problem, StudyError, UsageError
from convstudy.studyfile import (
    Ablate,
    Compare,
    NetworkPattern,
    Recipe,
    Search,
    Study,
    Variant,
    check_study,
    load_study,
)
from tests.datasets import DIGITS
from tests.studyfile.places import place, statement


def study(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "a",
        "dataset": "digits",
        "network": {
            "n": NetworkPattern(layers=["conv 4 {kernel} relu", "flatten"], kernel=3),  # type: ignore[call-arg]
            "m": NetworkPattern(layers=["flatten"]),
        },
        "compare": {"c": Compare(networks=["n", "m"])},
    }
    return Study(**{**values, **changes})


def problems_of(wrong: Study) -> list[Problem]:
    with pytest.raises(StudyError) as caught:
        check_study(wrong)
    return list(caught.value.problems)


def test_valid_study_passes() -> None:
    check_study(study())


def test_constructor_checks_single_values() -> None:
    for wrong in (
        {"name": "a b"},
        {"seeds": 0},
        {"network": {}},
        {"unknown": 1},
        {"validation": float("nan")},
    ):
        with pytest.raises(ValidationError):
            study(**wrong)


def test_check_study_reports_keys_without_a_file() -> None:
    problems = problems_of(
        study(
            search={"s": Search(network="o", parameters={"kernel": [3]})},
            ablate={"a": Ablate(network="n", variants={"v": Variant(without=["dropout"]), "w": Variant()})},
        )
    )
    assert [place(problem) for problem in problems] == [
        "search.s.network",
        "ablate.a.v.without",
        "ablate.a.w",
    ]


def test_dataset_is_a_name_or_a_dataset() -> None:
    assert study(dataset="digits").dataset is DIGITS
    assert study(dataset=DIGITS).dataset is DIGITS
    with pytest.raises(ValidationError, match='unknown dataset "digts"; expected one of "digits", "mnist"'):
        study(dataset="digts")
    with pytest.raises(ValidationError, match="must be the name of a built-in dataset, a table"):
        study(dataset=7)


def test_dataset_name_set_by_model_copy_is_refused() -> None:
    (problem,) = problems_of(study().model_copy(update={"dataset": "mnist"}))
    assert (place(problem), problem.got) == ("study.dataset", '"mnist" (a string)')


def test_check_study_checks_shapes() -> None:
    wrong = study(search={"s": Search(network="n", parameters={"kernel": [3, 29]})})
    (problem,) = problems_of(wrong)
    assert place(problem) == "search.s.parameters.kernel"
    assert "layer 1: kernel 29 does not fit an input of 28 × 28" in statement(problem)


def test_check_study_checks_recipe_changes() -> None:
    ablate = {
        "a": Ablate(
            network="n", variants={"v": Variant(recipe={"epoch": 3}), "w": Variant(recipe={"epochs": 0})}
        )
    }
    wrong = study(recipe=Recipe(epochs=2), ablate=ablate)
    assert [place(problem) for problem in problems_of(wrong)] == ["ablate.a.v.epoch", "ablate.a.w.epochs"]


def test_names_that_a_file_cannot_have_are_refused() -> None:
    network = NetworkPattern(layers=["conv 4 3 init={init}", "flatten"], parameters={"init": "he-normal"})
    wrong = study(
        network={"n": network, "m": network},
        ablate={"a": Ablate(network="n", variants={"network": Variant(init="he-uniform")})},
    )
    assert {place(problem) for problem in problems_of(wrong)} == {
        "network.n.init",
        "network.m.init",
        "ablate.a.network",
    }


def test_parameter_can_be_named_self() -> None:
    pattern = NetworkPattern(layers=["conv 4 {self}"], parameters={"self": 3})
    assert pattern.network(**{"self": 5}).texts == ("conv 4 5",)


def test_none_is_stored_as_in_a_file() -> None:
    assert Variant(recipe={"clip_norm": None}).recipe == {"clip_norm": "none"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((5,), "source must be the path of a study file"),
        ((None,), "source must be the path of a study file"),
        (("digits", ["recipe.epochs=3"]), "changes must be a mapping"),
        (("digits", "recipe.epochs=3"), "changes must be a mapping"),
    ],
)
def test_load_study_refuses_arguments_of_other_types(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        load_study(*arguments)


@pytest.mark.parametrize("margin", [10**400, {"accuracy": 10**400}, {}, (), (([], 1),), "0.0000001 %"])
def test_margin_that_is_no_margin_is_one_error_of_validation(margin: object) -> None:
    with pytest.raises(ValidationError, match="must be a number in"):
        study(equivalence_margin=margin)
