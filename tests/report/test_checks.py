"""What the checks found, in every format of the report."""

from __future__ import annotations

import json

import pytest

from convstudy.analysis import Analysis
from convstudy.checks import Findings
from convstudy.report.document import document
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.report import Report, gather
from convstudy.studyfile import load_study
from tests.report.synthetic import analysed, synthetic_results

REASON = "the others are <small> on purpose"


@pytest.fixture(scope="module")
def material() -> tuple[Analysis, Findings]:
    study = load_study("digits", {"study.seeds": 1, "suppress.unequal-tuning": REASON})
    return analysed(synthetic_results(study))


@pytest.fixture(scope="module")
def contents(material: tuple[Analysis, Findings]) -> Report:
    return gather(*material)


def section(contents: Report) -> str:
    """Return the page's section on checks."""
    _, _, rest = page(contents).partition('<section id="checks">')
    return rest.partition("</section>")[0]


def test_the_page_tells_each_finding_with_its_level_and_how_to_mend_it(
    material: tuple[Analysis, Findings], contents: Report
) -> None:
    told, reported = section(contents), material[1].reported
    assert len(reported) >= 4
    assert told.count('<div class="card is-') == len(reported)
    for finding in reported:
        title = f"<h3>{finding.check} <small>{finding.level}</small></h3>"
        assert f'<div class="card is-{finding.level}">{title}' in told
    assert "one seed shows no spread: no difference can be told from chance.</p>" in told
    assert "Mend: seeds = 5 or more.</p>" in told.replace("\u00a0", " ")
    assert "docs/checks.md" in told


def test_the_page_tells_what_is_silenced_and_why(contents: Report) -> None:
    head, _, suppressed = section(contents).partition("Suppressed by the study")
    assert "unequal-tuning" not in head
    assert suppressed.count('<div class="card">') == 1
    assert "<h3>unequal-tuning</h3>" in suppressed
    assert "Suppressed because: the others are &lt;small&gt; on purpose" in suppressed


def test_tables_and_the_bundle_have_both(contents: Report) -> None:
    text = markdown(contents)
    assert "| single-seed | warning | study.seeds |" in text
    assert "### Suppressed checks" in text
    bundle = json.loads(json.dumps(document(contents)))
    assert [each["check"] for each in bundle["checks"]["reported"]] == [
        row["check"] for row in bundle["tables"]["findings"]["rows"]
    ]
    (suppressed,) = bundle["checks"]["suppressed"]
    assert suppressed["reason"] == REASON
    assert bundle["tables"]["suppressed"]["rows"][0]["reason"] == REASON
    assert bundle["study"]["suppress"] == {"unequal-tuning": REASON}


def test_a_run_without_findings_says_so(material: tuple[Analysis, Findings]) -> None:
    told = section(gather(material[0], Findings()))
    assert "The checks found nothing to point out." in told
    assert "Suppressed" not in told


def test_checks_that_failed_are_no_checks_without_findings(material: tuple[Analysis, Findings]) -> None:
    report = gather(material[0], None)
    assert "The checks failed, so that nothing is known" in section(report)
    assert document(report)["checks"] is None
