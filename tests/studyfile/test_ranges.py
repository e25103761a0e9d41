"""Search methods and ranges: what is accepted, what is refused, and which values are checked before training."""

# One case per line, as in test_errors.py.
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from convstudy.errors import Problem, StudyError
from convstudy.history import History
from convstudy.studyfile import (
    NetworkPattern,
    Range,
    Search,
    Study,
    check_study,
    checks,
    load_study,
    study_document,
    study_of,
)
from convstudy.studyfile.checks import n_combinations
from tests.studyfile.places import place, statement

ProblemsAfter = Callable[..., list[Problem]]


def _searching(**search: Any) -> Study:
    """Return a study with one search, of a network with a kernel and a dropout rate."""
    pattern = NetworkPattern(
        layers=("conv 4 {kernel} relu", "dropout {rate}", "flatten"), parameters={"kernel": 3, "rate": 0.1}
    )
    return Study(
        name="drawn", dataset="digits", network={"n": pattern}, search={"s": Search(network="n", **search)}
    )


def _problems(study: Study) -> list[Problem]:
    with pytest.raises(StudyError) as caught:
        check_study(study)
    return list(caught.value.problems)


# parameters, other keys -> where, part of the statement, part of expected or hint
CASES = [
    ("kernel = { low = 3, high = 5 }", "", "parameters.kernel", "must be a list of values", 'method = "random"'),
    ("kernel = { low = 3, high = 5 }", 'method = "halving"', "parameters.kernel", "must be a list of values", "ranges need"),
    ("kernel = { low = 5, high = 3 }", 'method = "random"', "parameters.kernel.high", "must be", "greater than low"),
    ("kernel = { low = 3, high = 5, hihg = 5 }", 'method = "random"', "parameters.kernel.hihg", "unknown key", 'did you mean "high"?'),
    ("kernel = { low = 3 }", 'method = "random"', "parameters.kernel", "high is missing", "a number"),
    ("kernel = { low = 3, high = 5, step = 0 }", 'method = "random"', "parameters.kernel.step", "must be", "in [1, "),
    ("kernel = { low = 3, high = 5, step = 1.0 }", 'method = "random"', "parameters.kernel.step", "must be an integer", ""),
    ('kernel = { low = "3", high = 5 }', 'method = "random"', "parameters.kernel.low", "must be", "a number"),
    ("kernel = { low = 1, high = 5, step = 2, log = true }", 'method = "random"', "parameters.kernel.step", "must be omitted", ""),
    (
        "learning_rate = { low = 0.0, high = 0.1, log = true }",
        'method = "random"',
        "parameters.learning_rate.low",
        "must be greater than 0",
        "",
    ),
    (
        "learning_rate = { low = 0.1, high = 0.2, step = 1 }",
        'method = "random"',
        "parameters.learning_rate.step",
        "must be omitted unless",
        "",
    ),
    ("learning_rate = { low = 0.1, high = 200.0 }", 'method = "random"', "parameters.learning_rate", "must be", "in (0, 100]"),
    ("batch_size = { low = 8, high = 64.0 }", 'method = "random"', "parameters.batch_size", "must be an integer", ""),
    ("kernel = { low = 3.0, high = 5.0 }", 'method = "random"', "parameters.kernel", "kernel must be an integer", ""),
    ("kernel = [3, 5]", 'method = "randm"', "method", "must be one of", '"random"'),
    ("kernel = [3, 5]", "trials = 5", "trials", 'method "grid" does not use trials', 'method = "random" or'),
    ("kernel = [3, 5]", 'method = "random"\nbudget = 0.2', "budget", "does not use budget", 'method = "halving"'),
    ("kernel = [3, 5]", 'method = "random"\ntrials = 0', "trials", "must be", "in [1, 10000]"),
    ("kernel = [3, 5]", 'method = "halving"\nbudget = 0.0', "budget", "must be", "in (0, 1]"),
    ("kernel = [3, 5]", 'method = "tpe"\ntrials = 2001', "trials", "must be", "at most 2000"),
    ("epochs = [3, 5]", 'method = "halving"', "parameters.epochs", "sets the epochs itself", 'method = "grid"'),
    ("epochs = [3, 5]", 'method = "screening"', "parameters.epochs", "sets the epochs itself", 'method = "grid"'),
    ("kernel = [3, 5]", "outer_folds = 3", "outer_folds", "not nested", "set nested = true"),
    ("kernel = [3, 5]", "nested = true\nouter_folds = 1", "outer_folds", "must be", "in [2, 100]"),
    ("kernel = [3, 5]", 'nested = "yes"', "nested", "true or false", ""),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "more", "where", "what", "words"), CASES)
def test_error_of_a_search_is_reported_with_location_and_hint(
    problems_after: ProblemsAfter,
    parameters: str,
    more: str,
    where: str,
    what: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: object())
    problems = problems_after(("kernel = [3, 5]", parameters), ("folds = 3", f"folds = 3\n{more}"))
    printed = "\n".join(map(str, problems))
    fitting = [
        p for p in problems if place(p).endswith(f": search.kernel-size.{where}") and what in statement(p)
    ]
    assert len(fitting) == 1, printed
    assert words in f"{fitting[0].expected} {fitting[0].hint}", printed
    assert len(problems) == 1, printed


def test_each_method_accepts_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: object())
    drawn = {"kernel": Range(low=1, high=7, step=2), "learning_rate": Range(low=1e-4, high=0.1, log=True)}
    for search in (
        {"parameters": {"kernel": (3, 5)}, "method": "halving", "budget": 0.5},
        {"parameters": {"kernel": (3, 5)}, "method": "screening"},
        {"parameters": drawn, "method": "random", "trials": 7},
        {"parameters": {**drawn, "optimizer": ("adam", "sgd")}, "method": "tpe"},
    ):
        study = _searching(**search)
        check_study(study)
        document = study_document(study)
        assert study_of(document) == study
        assert study_document(study_of(document)) == document
        assert "parameters" in document["search"]["s"]


def test_document_has_only_the_keys_that_the_method_uses() -> None:
    def keys(**search: Any) -> set[str]:
        return set(study_document(_searching(parameters={"kernel": (3, 5)}, **search))["search"]["s"])

    grid = {"network", "parameters", "folds", "recipe"}
    assert keys() == keys(method="grid") == grid
    assert keys(method="halving") == keys(method="screening") == grid | {"method", "budget"}
    assert keys(method="random") == grid | {"method", "trials"}
    ranges = study_document(_searching(parameters={"kernel": Range(low=3, high=5)}, method="random"))
    assert ranges["search"]["s"]["parameters"] == {"kernel": {"low": 3, "high": 5}}


def test_run_ids_of_studies_without_these_keys_are_unchanged() -> None:
    # Recorded ids. If one changes, a run in progress cannot be resumed.
    assert History.run_id_of(load_study("digits")) == "digits-50a5b9"
    assert History.run_id_of(load_study("mnist")) == "mnist-171d96"
    assert History.run_id_of(_searching(parameters={"kernel": (3, 5)})) == History.run_id_of(
        _searching(parameters={"kernel": (3, 5)}, method="grid")
    )


def test_every_integer_of_a_range_of_a_parameter_is_checked() -> None:
    check_study(_searching(parameters={"kernel": Range(low=1, high=28)}, method="random"))
    # Kernels of 29, 30 and 31 do not fit images of 28 × 28. With a step of 2, there is no 30.
    (problem,) = _problems(_searching(parameters={"kernel": Range(low=1, high=31)}, method="random"))
    assert place(problem) == "search.s.parameters.kernel"
    assert statement(problem).endswith('(network "n" with kernel = 29, rate = 0.1, and 2 more combinations)')
    (problem,) = _problems(_searching(parameters={"kernel": Range(low=1, high=29, step=2)}, method="random"))
    assert "kernel = 29" in statement(problem)
    check_study(_searching(parameters={"kernel": Range(low=1, high=28, step=2)}, method="random"))


def test_only_the_ends_of_other_ranges_are_checked() -> None:
    check_study(_searching(parameters={"rate": Range(low=0.0, high=0.9)}, method="random"))
    (problem,) = _problems(_searching(parameters={"rate": Range(low=0.0, high=1.0)}, method="random"))
    assert place(problem) == "search.s.parameters.rate"
    # A batch size of a million is refused without a loop over all values.
    problems = _problems(_searching(parameters={"batch_size": Range(low=1, high=10**6)}, method="random"))
    assert [place(problem) for problem in problems] == ["search.s.parameters.batch_size"]


def test_search_with_too_many_combinations_is_refused() -> None:
    (problem,) = _problems(_searching(parameters={"kernel": Range(low=1, high=10_001)}, method="random"))
    assert (problem.got, problem.expected) == ("10,001", "at most 10,000")
    many = {"learning_rate": tuple(n / 1000 for n in range(1, 201)), "batch_size": tuple(range(1, 101))}
    assert n_combinations(Search(network="n", parameters=many, method="random")) == 1
    check_study(_searching(parameters=many, method="random"))  # no network depends on these
    assert _problems(_searching(parameters=many))[0].got == "20,000"


def test_invalid_combination_with_an_end_of_a_range_is_refused() -> None:
    parameters = {"optimizer": ("sgd",), "nesterov": (True,), "momentum": Range(low=0.0, high=0.9)}
    (problem,) = _problems(_searching(parameters=parameters, method="random"))
    assert "momentum is 0" in statement(problem)


def test_tpe_without_optuna_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    (problem,) = _problems(_searching(parameters={"kernel": (3, 5)}, method="tpe"))
    assert place(problem) == "search.s.method"
    assert "optuna, which is not installed" in statement(problem)
    assert problem.hint == "pip install optuna"
    for method in ("grid", "halving", "random"):
        check_study(_searching(parameters={"kernel": (3, 5)}, method=method))


def test_constructor_checks_a_range() -> None:
    for wrong in ({"low": 3, "high": 3}, {"low": True, "high": 3}, {"low": 0.1, "high": float("inf")}):
        with pytest.raises(ValidationError):
            Range(**wrong)
    assert list(Range(low=3, high=8, step=2).integers) == [3, 5, 7]
    assert Range(low=3, high=8, step=2).ends == (3, 7)
    assert Range(low=1, high=2.0).ends == (1, 2.0)
    with pytest.raises(TypeError):
        _ = Range(low=0.5, high=2.0).integers


def test_document_of_a_search_without_nesting_has_no_keys_for_it() -> None:
    plain = study_document(_searching(parameters={"kernel": (3, 5)}))["search"]["s"]
    assert not {"nested", "outer_folds"} & set(plain)
    for search in ({"nested": True}, {"nested": True, "outer_folds": 4}):
        study = _searching(parameters={"kernel": (3, 5)}, **search)
        check_study(study)
        assert study_document(study)["search"]["s"] == {**plain, **search}
        assert study_of(study_document(study)) == study


@pytest.mark.parametrize(
    ("search", "where", "what", "hint"),
    [
        ({"subset": 60, "folds": 5}, "folds", "5 folds outside an outer fold", "at most 4 folds"),
        ({"subset": 40, "folds": 3}, "folds", "3 folds outside an outer fold", "at most 2 folds"),
        (
            {"subset": 60, "folds": 2, "outer_folds": 7},
            "outer_folds",
            "7 outer folds need",
            "at most 6 outer",
        ),
    ],
)
def test_nested_search_with_too_few_images_for_its_folds_is_refused(
    search: dict[str, Any], where: str, what: str, hint: str
) -> None:
    check_study(_searching(parameters={"kernel": (3, 5)}, **{**search, "outer_folds": None}))
    (problem,) = _problems(_searching(parameters={"kernel": (3, 5)}, nested=True, **search))
    assert place(problem) == f"search.s.{where}"
    assert what in statement(problem)
    assert hint in problem.hint


def test_only_the_first_search_of_a_network_can_be_nested() -> None:
    study = _searching(parameters={"kernel": (3, 5)})
    first, second = (
        Search(network="n", parameters=parameters, nested=True)
        for parameters in ({"kernel": (3, 5)}, {"rate": (0.1, 0.2)})
    )
    check_study(study.model_copy(update={"search": {"a": first}}))
    (problem,) = _problems(study.model_copy(update={"search": {"a": first, "b": second}}))
    assert place(problem) == "search.b.nested"
    assert "[search.a] chooses values" in statement(problem)
    assert "put [search.b] first" in problem.hint
