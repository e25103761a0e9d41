"""The findings of the checks in every format of the report."""

from __future__ import annotations

import json

import pytest

from convstudy.analysis import Analysis
from convstudy.checks import CHECKS, Findings
from convstudy.report.document import document
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.report import Report, gather
from convstudy.report.sections.checks import count_text
from tests.report.synthetic import analysed, synthetic_results, table_of
from tests.three_questions import three_questions

REASON = "the others are <small> on purpose"


@pytest.fixture(scope="module")
def material() -> tuple[Analysis, Findings]:
    study = three_questions({"study.seeds": 1, "suppress.unequal-tuning": REASON})
    return analysed(synthetic_results(study))


@pytest.fixture(scope="module")
def contents(material: tuple[Analysis, Findings]) -> Report:
    return gather(*material)


def section(contents: Report) -> str:
    """Return the HTML of the section on checks."""
    _, _, rest = page(contents).partition('<section id="checks">')
    return rest.partition("</section>")[0]


def test_page_shows_each_finding_with_level_and_hint(
    material: tuple[Analysis, Findings], contents: Report
) -> None:
    html, reported = section(contents), material[1].reported
    assert len(reported) >= 4
    assert html.count('<div class="card is-') == len(reported)
    for finding in reported:
        title = f"<h3>{finding.check} <small>{finding.level}</small></h3>"
        assert f'<div class="card is-{finding.level}">{title}' in html
    assert "no difference can be distinguished from chance.</p>" in html
    assert "Hint: set seeds = 5 or more.</p>" in html.replace("\u00a0", " ")
    assert "docs/checks.md" in html


def test_page_shows_suppressed_findings_with_reasons(contents: Report) -> None:
    head, _, suppressed = section(contents).partition("Suppressed by the study")
    assert "unequal-tuning" not in head
    assert suppressed.count('<div class="card">') == 1
    assert "<h3>unequal-tuning</h3>" in suppressed
    assert "Reason: the others are &lt;small&gt; on purpose" in suppressed


def test_tables_and_json_contain_reported_and_suppressed_findings(contents: Report) -> None:
    text = markdown(contents)
    assert "| single-seed | warning | study.seeds |" in text
    assert "### Suppressed findings" in text
    bundle = json.loads(json.dumps(document(contents)))
    assert [each["check"] for each in bundle["checks"]["reported"]] == [
        row["check"] for row in bundle["tables"]["findings"]["rows"]
    ]
    (suppressed,) = bundle["checks"]["suppressed"]
    assert suppressed["reason"] == REASON
    assert bundle["tables"]["suppressed"]["rows"][0]["reason"] == REASON
    assert bundle["study"]["suppress"] == {"unequal-tuning": REASON}


def test_page_of_run_without_findings_states_that(material: tuple[Analysis, Findings]) -> None:
    html = section(gather(material[0], Findings()))
    assert "The checks found nothing." in html
    assert "Suppressed" not in html


def test_failed_checks_are_reported_as_missing(material: tuple[Analysis, Findings]) -> None:
    report = gather(material[0], None)
    assert "The checks could not run." in section(report)
    assert document(report)["checks"] is None


def test_every_check_is_listed_with_its_outcome_and_reason(
    material: tuple[Analysis, Findings], contents: Report
) -> None:
    html, findings = section(contents), material[1]
    rows = table_of(contents, "every-check").rows
    assert [row[0] for row in rows] == [each.check for each in findings.outcomes] == [c.name for c in CHECKS]
    assert "the study defines no blocks" in html and "Every check" in html
    by_name = {row[0]: row for row in rows}
    assert by_name["unused-block"][2:] == ("not applicable", "because the study defines no blocks")
    assert by_name["single-seed"][2] == "warning"
    assert by_name["unequal-tuning"][2:] == ("suppressed", REASON)
    n_passed = sum(each.status == "passed" for each in findings.outcomes)
    n_not = sum(each.status == "not applicable" for each in findings.outcomes)
    assert n_passed > 5 and n_not > 3
    assert count_text(findings).startswith(f"{n_passed} checks passed, and {n_not} of {len(CHECKS)} are not")
    outcomes = document(contents)["checks"]["outcomes"]
    assert {each["check"]: each["status"] for each in outcomes}["unused-block"] == "not applicable"
