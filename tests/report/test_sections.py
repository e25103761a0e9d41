"""Sections: one module each, collected automatically, and the same in every format."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from convstudy.discovery import members
from convstudy.report import sections
from convstudy.report.document import document
from convstudy.report.markdown import markdown
from convstudy.report.page import page
from convstudy.report.report import Report, topics
from convstudy.report.section import Topic
from tests.report.synthetic import gathered, synthetic_results, table_of

NEW = """
from convstudy.report.section import Material, Section, Text, Topic
from convstudy.report.table import Column, Table


def sections(material):
    columns = (Column("of", "Of"), Column("n", "N", "count"))
    table = Table("moons", "Moons", "Number of <moons>.", columns, ((material.results.run_id, 3),))
    yield Section("moons", "Moons of the study", (Text(("There are some.",)), table))


SECTION = Topic(55, sections, lambda material: {"moons": 3})
"""


def test_every_module_has_one_topic_with_a_unique_order() -> None:
    modules = members("convstudy.report.sections")
    assert len(modules) >= 19
    assert all(isinstance(module.SECTION, Topic) for module in modules)
    assert max(Counter(module.SECTION.order for module in modules).values()) == 1
    assert len(topics()) == len(modules)


def test_new_section_needs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "moons.py").write_text(NEW, encoding="utf-8")
    monkeypatch.setattr(sections, "__path__", [*sections.__path__, str(tmp_path)])
    try:
        report = gathered(synthetic_results())
    finally:
        sys.modules.pop("convstudy.report.sections.moons", None)
    html = page(report)
    assert '<li><a href="#moons">Moons of the study</a></li>' in html
    assert "There are some." in html and 'id="table-moons"' in html
    text = markdown(report)
    titles = ("## Learning curves", "## Moons of the study", "## Test errors of")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert "Number of \\<moons\\>." in text and "Number of &lt;moons&gt;." in html
    values = document(report)
    assert values["moons"] == 3 and values["tables"]["moons"]["rows"][0]["n"] == 3
    assert table_of(report, "moons").rows


@pytest.mark.parametrize(
    "arguments", [{}, {"stop_after": 0}, {"stop_after": 12}, {"with_arrays": False, "fails": ["plain"]}]
)
def test_anchors_and_table_names_are_unique(arguments: dict[str, object]) -> None:
    report: Report = gathered(synthetic_results(**arguments))  # type: ignore[arg-type]
    ids = [section.id for section in report.sections]
    names = [table.name for table in report.tables]
    assert len(ids) == len(set(ids)) and ids[0] == "answer"
    assert len(names) == len(set(names))
    assert all(section.blocks or section.notes for section in report.sections)


def test_report_without_trained_fit_has_no_learning_curves() -> None:
    text = markdown(gathered(synthetic_results(stop_after=0)))
    assert "## Learning curves" not in text and "over 0 seeds" not in text
    assert "## Learning curves" in markdown(gathered(synthetic_results(stop_after=7)))
