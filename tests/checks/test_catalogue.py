"""The table of checks, their documentation, and suppressing."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from types import ModuleType

import pytest

from convstudy.checks import (
    CHECKS,
    Finding,
    Findings,
    Suppressed,
    chance,
    check_plan,
    learning_curves,
    outcomes,
    text,
)
from convstudy.checks.check import Check, Spot, run_checks
from convstudy.plan import make_plan
from convstudy.studyfile import CHECK_NAMES
from tests.checks import test_after, test_before, test_during, test_images
from tests.checks.made import study

DOCS = Path(__file__).resolve().parents[2] / "docs" / "checks.md"
LOUD = Check[int](
    "loud",
    "before",
    "warning",
    "A number",
    lambda n: [Spot("here", str(n), "another one")],
    lambda n: "0 is no number" if n == 0 else "",
)
QUIET = Check[int](
    "quiet", "before", "note", "A number", lambda n: [Spot("there", str(n), "another one")], lambda n: ""
)


def test_names_that_can_be_suppressed_are_those_of_the_checks() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert tuple(names) == CHECK_NAMES


def test_findings_have_the_name_and_level_of_their_check() -> None:
    found = run_checks((LOUD, QUIET), 7, {})
    assert found.reported == (
        Finding("loud", "here", "7", "another one", "warning"),
        Finding("quiet", "there", "7", "another one", "note"),
    )
    assert found.suppressed == ()
    assert [each.check for each in found.warnings] == ["loud"]


def test_suppressed_finding_is_listed_separately_with_its_reason() -> None:
    found = run_checks((LOUD, QUIET), 7, {"loud": "it is only a test", "other": "never found"})
    assert [each.check for each in found.reported] == ["quiet"]
    assert found.warnings == ()
    assert found.suppressed == (
        Suppressed(Finding("loud", "here", "7", "another one", "warning"), "it is only a test"),
    )


def test_adding_findings_keeps_their_order() -> None:
    first, second = run_checks((LOUD,), 1, {}), run_checks((LOUD, QUIET), 2, {"quiet": "a reason"})
    both = first + second
    assert [each.what for each in both.reported] == ["1", "2"]
    assert both.suppressed == second.suppressed
    assert Findings() + both == both


def test_study_suppresses_a_check_of_its_plan() -> None:
    one_seed = study(seeds=1)
    assert [each.check for each in check_plan(make_plan(one_seed)).reported] == ["single-seed"]
    found = check_plan(make_plan(one_seed.model_copy(update={"suppress": {"single-seed": "a smoke run"}})))
    assert found.reported == ()
    ((suppressed),) = found.suppressed
    assert (suppressed.finding.check, suppressed.reason) == ("single-seed", "a smoke run")


def test_every_check_has_a_test_in_which_it_fires() -> None:
    fired = [*test_before.FIRES, *test_during.FIRES, *test_after.FIRES, *test_images.FIRES]
    assert fired == [check.name for check in CHECKS]


def test_docs_have_one_section_per_check_with_all_its_parts() -> None:
    text = DOCS.read_text("utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    by_name = {section.partition("\n")[0]: section for section in sections}
    assert list(by_name) == [check.name for check in CHECKS]
    for check in CHECKS:
        section = by_name[check.name].split("\n## ")[0]
        assert ("*Note.*" in section) == (check.level == "note"), check.name
        assert all(part in section for part in ("**Why:**", "**Fix:**", "**Suppress**")), check.name


def test_docs_link_only_to_existing_checks() -> None:
    linked = set(re.findall(r"\]\(#([a-z-]+)\)", DOCS.read_text("utf-8")))
    assert len(linked) >= 9
    assert linked <= {check.name for check in CHECKS}


def test_docs_list_the_twelve_errors_of_the_notebook() -> None:
    rows = re.findall(r"^\| (\d+) \|", DOCS.read_text("utf-8"), flags=re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 13))


@pytest.mark.parametrize("module", [chance, learning_curves, outcomes, text])
def test_examples_in_docstrings_run(module: ModuleType) -> None:
    results = doctest.testmod(module)
    assert results.attempted > 0 and results.failed == 0
