"""Suppressed checks in the study file: valid entries, errors, and no effect on ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from convstudy.errors import Problem, StudyError
from convstudy.history import History
from convstudy.plan import make_plan
from convstudy.studyfile import (
    CHECK_NAMES,
    Study,
    check_study,
    load_study,
    study_document,
    study_of,
    study_schema,
)

ProblemsIn = Callable[[str], list[Problem]]


def suppressed(study: Study, **suppress: str) -> Study:
    return study.model_copy(
        update={"suppress": {name.replace("_", "-"): why for name, why in suppress.items()}}
    )


def test_suppress_is_read_and_written(tmp_path: Path, valid_text: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(valid_text + '\n[suppress]\nsingle-seed = "a smoke run"\n')
    study = load_study(path)
    assert study.suppress == {"single-seed": "a smoke run"}
    document = study_document(study)
    assert document["suppress"] == {"single-seed": "a smoke run"}
    assert list(document)[-1] == "suppress"
    assert study_of(document) == study
    Draft202012Validator(study_schema()).validate(document)


def test_suppress_is_set_by_a_change(tmp_path: Path, valid_text: str) -> None:
    path = tmp_path / "study.toml"
    path.write_text(valid_text)
    assert load_study(path, {"suppress.single-seed": "why not"}).suppress == {"single-seed": "why not"}


def test_suppress_changes_neither_run_id_nor_fit_ids(good: Study) -> None:
    quiet = suppressed(good, single_seed="a smoke run")
    assert study_document(quiet) != study_document(good)
    assert "suppress" not in study_document(good)
    assert History.run_id_of(quiet) == History.run_id_of(good)
    assert [fit.id for fit in make_plan(quiet).fits] == [fit.id for fit in make_plan(good).fits]


def test_run_has_the_reasons_of_its_latest_study(tmp_path: Path, good: Study) -> None:
    history = History.open(tmp_path, create=True)
    with history.writing():
        run_id = history.begin_run(good)
        assert history.results(run_id).study.suppress == {}
        assert history.begin_run(suppressed(good, single_seed="a smoke run")) == run_id
    assert history.results(run_id).study.suppress == {"single-seed": "a smoke run"}
    history.close()


@pytest.mark.parametrize(
    ("line", "where", "what", "got", "expected", "hint"),
    [
        ('singel-seed = "x"', "suppress.singel-seed", "unknown check", "", "no-op-layer", '"single-seed"'),
        ("single-seed = true", "suppress.single-seed", "", "true (a boolean)", "1 to 500 characters", ""),
        ('single-seed = ""', "suppress.single-seed", "", '""', "1 to 500 characters", ""),
        ('single-seed = " "', "suppress.single-seed", "", '" "', "the reason", ""),
        (f'single-seed = "{"a" * 501}"', "suppress.single-seed", "", "aaa", "500", ""),
        (r'single-seed = "\u001b[2J"', "suppress.single-seed", "", "[2J", "500", ""),
    ],
)  # fmt: skip
def test_invalid_reason_or_check_is_reported_at_its_line(
    problems_in: ProblemsIn,
    valid_text: str,
    line: str,
    where: str,
    what: str,
    got: str,
    expected: str,
    hint: str,
) -> None:
    (problem,) = problems_in(f"{valid_text}\n[suppress]\n{line}\n")
    n_lines = len(valid_text.splitlines()) + 3
    assert str(problem.where) == f"study.toml:{n_lines}: {where}"
    assert what in problem.what
    assert got in problem.got
    assert expected in problem.expected
    assert hint in problem.hint


def test_two_errors_of_one_entry_are_both_reported(problems_in: ProblemsIn, valid_text: str) -> None:
    problems = problems_in(f"{valid_text}\n[suppress]\nsingel-seed = 1\n")
    assert len(problems) == 2


def test_suppress_that_is_not_a_table_is_refused(problems_in: ProblemsIn, valid_text: str) -> None:
    (problem,) = problems_in(f'suppress = "all"\n{valid_text}')
    assert problem.expected == "a table of checks and reasons"


def test_suppress_of_a_study_in_python_is_checked(good: Study) -> None:
    with pytest.raises(StudyError, match="single-sed: unknown check"):
        check_study(suppressed(good, single_sed="a smoke run"))
    with pytest.raises(ValidationError, match="must be the reason"):
        Study(**{**dict(good), "suppress": {"single-seed": "two\nlines"}})
    check_study(Study(**{**dict(good), "suppress": dict.fromkeys(CHECK_NAMES, "a" * 500)}))


def test_schema_lists_the_checks_and_needs_reasons(good: Study) -> None:
    validator = Draft202012Validator(study_schema())
    for suppress, is_good in (
        ({"single-seed": "a smoke run"}, True),
        ({}, True),
        ({"single-sed": "a smoke run"}, False),
        ({"single-seed": True}, False),
        ({"single-seed": "  "}, False),
        ({"single-seed": "a" * 501}, False),
    ):
        assert validator.is_valid({**study_document(good), "suppress": suppress}) == is_good, suppress
