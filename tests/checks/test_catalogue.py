"""The table of checks, and silencing."""

from __future__ import annotations

import re
from pathlib import Path

from convstudy.checks import CHECKS, Finding, Findings, Suppressed, check_plan
from convstudy.checks.check import Check, Spot, look
from convstudy.plan import make_plan
from convstudy.studyfile import CHECK_NAMES
from tests.checks import test_after, test_before, test_during, test_images
from tests.checks.made import study

DOCS = Path(__file__).resolve().parents[2] / "docs" / "checks.md"
LOUD = Check[int]("loud", "before", "warning", "A number", lambda n: [Spot("here", str(n), "another one")])
QUIET = Check[int]("quiet", "before", "note", "A number", lambda n: [Spot("there", str(n), "another one")])


def test_a_study_may_silence_every_check_and_no_other() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert tuple(names) == CHECK_NAMES


def test_a_check_gives_its_findings_their_name_and_level() -> None:
    found = look((LOUD, QUIET), 7, {})
    assert found.reported == (
        Finding("loud", "here", "7", "another one", "warning"),
        Finding("quiet", "there", "7", "another one", "note"),
    )
    assert found.suppressed == ()
    assert [each.check for each in found.warnings] == ["loud"]


def test_a_silenced_finding_stands_apart_with_its_reason() -> None:
    found = look((LOUD, QUIET), 7, {"loud": "it is only a test", "other": "never found"})
    assert [each.check for each in found.reported] == ["quiet"]
    assert found.warnings == ()
    assert found.suppressed == (
        Suppressed(Finding("loud", "here", "7", "another one", "warning"), "it is only a test"),
    )


def test_findings_are_added_one_after_another() -> None:
    first, second = look((LOUD,), 1, {}), look((LOUD, QUIET), 2, {"quiet": "a reason"})
    both = first + second
    assert [each.what for each in both.reported] == ["1", "2"]
    assert both.suppressed == second.suppressed
    assert Findings() + both == both


def test_a_study_silences_a_check_of_its_plan() -> None:
    one_seed = study(seeds=1)
    assert [each.check for each in check_plan(make_plan(one_seed)).reported] == ["single-seed"]
    found = check_plan(make_plan(one_seed.model_copy(update={"suppress": {"single-seed": "a smoke run"}})))
    assert found.reported == ()
    ((suppressed),) = found.suppressed
    assert (suppressed.finding.check, suppressed.reason) == ("single-seed", "a smoke run")


def test_every_check_is_made_to_fire_by_a_test() -> None:
    fired = [*test_before.FIRES, *test_during.FIRES, *test_after.FIRES, *test_images.FIRES]
    assert fired == [check.name for check in CHECKS]


def test_every_check_has_its_section_in_the_docs_and_nothing_else_has() -> None:
    text = DOCS.read_text("utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    told = {section.partition("\n")[0]: section for section in sections}
    assert list(told) == [check.name for check in CHECKS]
    for check in CHECKS:
        words = told[check.name].split("\n## ")[0]
        assert ("*A note.*" in words) == (check.level == "note"), check.name
        assert all(part in words for part in ("**Why:**", "**Mend:**", "**Suppress it**")), check.name


def test_the_docs_link_to_checks_that_there_are() -> None:
    linked = set(re.findall(r"\]\(#([a-z-]+)\)", DOCS.read_text("utf-8")))
    assert len(linked) >= 9
    assert linked <= {check.name for check in CHECKS}


def test_the_docs_have_all_twelve_mistakes() -> None:
    rows = re.findall(r"^\| (\d+) \|", DOCS.read_text("utf-8"), flags=re.MULTILINE)
    assert [int(row) for row in rows] == list(range(1, 13))
