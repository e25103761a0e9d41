"""A report, independent of its format: the sections of all topics, in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from convstudy.analysis import Analysis
from convstudy.checks import Findings
from convstudy.discovery import members
from convstudy.history.results import Results
from convstudy.report.figure import Figure
from convstudy.report.section import Material, Section, Topic
from convstudy.report.table import Table


@dataclass(frozen=True, eq=False)
class Report:
    """The sections of a run's report, with their topics and their material."""

    material: Material
    sections: tuple[Section, ...]
    topics: tuple[Topic, ...]

    @property
    def results(self) -> Results:
        """The results of the run."""
        return self.material.results

    @property
    def data(self) -> dict[str, Any]:
        """The keys that the topics add to ``report.json``, in addition to the tables; computed on each access."""
        return {key: value for topic in self.topics for key, value in topic.data(self.material).items()}

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in the order of the report."""
        return tuple(table for section in self.sections for table in section.every_table)

    @cached_property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, each once, in the order of the report."""
        found: dict[str, Figure] = {}
        for section in self.sections:
            for block in section.every_block:
                if isinstance(block, Figure):
                    found.setdefault(block.name, block)
        return tuple(found.values())

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on missing content, each once."""
        return tuple(dict.fromkeys(note for section in self.sections for note in section.notes))


def topics() -> tuple[Topic, ...]:
    """Return the topics of all modules in ``report/sections/``, in the order of the page."""
    found: list[Topic] = [
        module.SECTION for module in members("convstudy.report.sections") if hasattr(module, "SECTION")
    ]
    return tuple(sorted(found, key=lambda topic: topic.order))


def gather(analysis: Analysis, findings: Findings | None) -> Report:
    """Build the report of a run; missing data cause a gap or a note, not an error.

    Args:
        analysis: the analysis of the run.
        findings: the findings of the checks; ``None`` if the checks raised an error.
    """
    material = Material(analysis, findings)
    found = topics()
    sections = tuple(section for topic in found for section in topic.sections(material))
    return Report(material, sections, found)
