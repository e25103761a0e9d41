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
    "mend and how to silence it."
)


def sections(material: Material) -> Iterator[Section]:
    """Yield the one section."""
    findings = material.findings
    if findings is None:
        failed = "The checks failed, so that nothing is known of what they would point out."
        yield Section("checks", "Checks", (Text((failed,), "warning"),))
        return
    blocks: list[Block] = [_card(found, found.level, f"Mend: {found.mend}.") for found in findings.heard]
    blocks = blocks or [Text(("The checks found nothing to point out.",))]
    if findings.silenced:
        blocks.append(Heading("Silenced by the study"))
        blocks += [_card(each.finding, "", f"Silenced because: {each.reason}") for each in findings.silenced]
    blocks.append(Text((_WHERE,), "note"))
    yield Section("checks", "Checks", tuple(blocks), (findings_table(findings), silenced_table(findings)))


def data(material: Material) -> dict[str, Any]:
    """Return all findings."""
    return {"checks": asdict(material.findings) if material.findings else None}


def _card(found: Finding, level: str, more: str) -> Card:
    return Card(
        found.check, level, (Text((Code(found.where),)), Text((f"{found.what}.",)), Text((more,), "note"))
    )


def findings_table(findings: Findings) -> Table:
    """Return what the checks point out, without what is silenced."""
    columns = (
        Column("check", "Check", "code"),
        Column("level", "Level"),
        Column("where", "Where", "code"),
        Column("what", "What", "prose"),
        Column("mend", "How to mend it", "prose"),
    )
    rows = tuple((each.check, each.level, each.where, each.what, each.mend) for each in findings.heard)
    caption = "What the checks point out; docs/checks.md has a section on each, by its name."
    return Table("findings", "Checks", caption, columns, rows)


def silenced_table(findings: Findings) -> Table:
    """Return what the checks point out and the study silences, with its reasons."""
    columns = (
        Column("check", "Check", "code"),
        Column("where", "Where", "code"),
        Column("what", "What", "prose"),
        Column("reason", "Silenced because", "prose"),
    )
    rows = tuple(
        (each.finding.check, each.finding.where, each.finding.what, each.reason) for each in findings.silenced
    )
    return Table(
        "silenced", "Silenced checks", "What the study does not want to hear, and why.", columns, rows
    )


SECTION = Topic(78, sections, data)
