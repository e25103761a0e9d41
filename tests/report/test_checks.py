"""What the checks found, in every format of the report."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from convstudy.checks import Findings
from convstudy.report.contents import Contents
from convstudy.report.document import document
from convstudy.report.page import page
from convstudy.report.write import markdown
from convstudy.studyfile import load_study
from tests.report.made_up import gathered, made_up_results

REASON = "the others are <small> on purpose"


@pytest.fixture(scope="module")
def contents() -> Contents:
    study = load_study("digits", {"study.seeds": 1, "silence.unequal-tuning": REASON})
    return gathered(made_up_results(study))


def section(contents: Contents) -> str:
    """Return the page's section on checks."""
    _, _, rest = page(contents).partition('<section id="checks">')
    return rest.partition("</section>")[0]


def test_the_page_tells_each_finding_with_its_level_and_how_to_mend_it(contents: Contents) -> None:
    told = section(contents)
    assert len(contents.checked.heard) >= 4
    assert told.count('<li class="is-') == len(contents.checked.heard)
    for finding in contents.checked.heard:
        assert (
            f'<li class="is-{finding.level}"><h3>{finding.check} <small>{finding.level}</small></h3>' in told
        )
    assert "one seed shows no spread: no difference can be told from chance.</p>" in told
    assert "Mend: seeds = 5 or more.</p>" in told.replace("\u00a0", " ")
    assert "docs/checks.md" in told


def test_the_page_tells_what_is_silenced_and_why(contents: Contents) -> None:
    head, _, silenced = section(contents).partition("Silenced by the study")
    assert "unequal-tuning" not in head
    assert silenced.count("<li>") == 1
    assert "<h4>unequal-tuning</h4>" in silenced
    assert "Silenced because: the others are &lt;small&gt; on purpose" in silenced


def test_tables_and_the_bundle_have_both(contents: Contents) -> None:
    text = markdown(contents)
    assert "| single-seed | warning | study.seeds |" in text
    assert "## Silenced checks" in text
    bundle = json.loads(json.dumps(document(contents)))
    assert [each["check"] for each in bundle["checks"]["heard"]] == [
        row["check"] for row in bundle["tables"]["findings"]["rows"]
    ]
    (silenced,) = bundle["checks"]["silenced"]
    assert silenced["reason"] == REASON
    assert bundle["tables"]["silenced"]["rows"][0]["reason"] == REASON
    assert bundle["study"]["silence"] == {"unequal-tuning": REASON}


def test_a_run_without_findings_says_so(contents: Contents) -> None:

    told = section(replace(contents, checked=Findings()))
    assert "The checks found nothing to point out." in told
    assert "Silenced" not in told
