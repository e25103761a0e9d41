"""What the checks point out, and what the study suppresses with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from convstudy.checks import Finding, Findings
from convstudy.report.section import Block, Card, Code, Heading, Material, Section, Text, Topic
from convstudy.report.table import Column, Table

_WHERE = (
    "Each check has a section in convstudy’s docs/checks.md, under its name: what it finds, why it matters, how to "
    "mend and how to suppress it."
)


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section."""
    findings = material.findings
    if findings is None:
        failed = "The checks failed, so that nothing is known of what they would point out."
        yield Section("checks", "Checks", (Text((failed,), "warning"),))
        return
    blocks: list[Block] = [_card(found, found.level, f"Mend: {found.hint}.") for found in findings.reported]
    blocks = blocks or [Text(("The checks found nothing to point out.",))]
    if findings.suppressed:
        blocks.append(Heading("Suppressed by the study"))
        blocks += [
            _card(each.finding, "", f"Suppressed because: {each.reason}") for each in findings.suppressed
        ]
    blocks.append(Text((_WHERE,), "note"))
    yield Section("checks", "Checks", tuple(blocks), (findings_table(findings), suppressed_table(findings)))


def data(material: Material) -> dict[str, Any]:
    """Return all findings."""
    return {"checks": asdict(material.findings) if material.findings else None}


def _card(found: Finding, level: str, more: str) -> Card:
    return Card(
        found.check, level, (Text((Code(found.where),)), Text((f"{found.what}.",)), Text((more,), "note"))
    )


def findings_table(findings: Findings) -> Table:
    """Return what the checks point out, without what is suppressed."""
    columns = (
        Column("check", "Check", "code"),
        Column("level", "Level"),
        Column("where", "Where", "code"),
        Column("what", "What", "prose"),
        Column("hint", "How to mend it", "prose"),
    )
    rows = tuple((each.check, each.level, each.where, each.what, each.hint) for each in findings.reported)
    caption = "What the checks point out; docs/checks.md has a section on each, by its name."
    return Table("findings", "Checks", caption, columns, rows)


def suppressed_table(findings: Findings) -> Table:
    """Return what the checks point out and the study suppresses, with its reasons."""
    columns = (
        Column("check", "Check", "code"),
        Column("where", "Where", "code"),
        Column("what", "What", "prose"),
        Column("reason", "Suppressed because", "prose"),
    )
    rows = tuple(
        (each.finding.check, each.finding.where, each.finding.what, each.reason)
        for each in findings.suppressed
    )
    return Table(
        "suppressed", "Suppressed checks", "What the study does not want to hear, and why.", columns, rows
    )


SECTION = Topic(78, sections, data)
