"""The findings of the checks, suppressed findings with their reasons, and the outcome of every check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from convstudy.checks import Finding, Findings
from convstudy.numbers import counted
from convstudy.report.section import Block, Card, Code, Details, Heading, Material, Section, Text, Topic
from convstudy.report.table import Column, Table

_DOCS = "convstudy’s docs/checks.md describes each check: what it finds, why it matters, how to fix and suppress it."


def sections(material: Material) -> Iterator[Section]:
    findings = material.findings
    if findings is None:
        yield Section("checks", "Checks", (Text(("The checks could not run.",), "warning"),))
        return
    blocks: list[Block] = [_card(found, found.level, f"Hint: {found.hint}.") for found in findings.reported]
    blocks = blocks or [Text(("The checks found nothing.",))]
    if findings.suppressed:
        blocks.append(Heading("Suppressed by the study"))
        blocks += [_card(each.finding, "", f"Reason: {each.reason}") for each in findings.suppressed]
    table = outcomes_table(findings)
    if table.rows:
        blocks += [Text((count_text(findings),)), Details(table.title, (table,))]
    blocks.append(Text((_DOCS,), "note"))
    yield Section("checks", "Checks", tuple(blocks), (findings_table(findings), suppressed_table(findings)))


def data(material: Material) -> dict[str, Any]:
    """Return findings and outcomes, or ``None`` if the checks could not run."""
    return {"checks": asdict(material.findings) if material.findings else None}


def _card(found: Finding, level: str, more: str) -> Card:
    return Card(
        found.check, level, (Text((Code(found.where),)), Text((f"{found.what}.",)), Text((more,), "note"))
    )


def count_text(findings: Findings) -> str:
    """Count the checks that passed, and those that do not apply to this study."""
    statuses = [each.status for each in findings.outcomes]
    return (
        f"{counted(statuses.count('passed'), 'check')} passed, and {statuses.count('not applicable'):,} of "
        f"{len(statuses):,} are not applicable to this study; the table has the reasons."
    )


def findings_table(findings: Findings) -> Table:
    """Return the findings that are not suppressed."""
    columns = (
        Column("check", "Check", "code"),
        Column("level", "Level"),
        Column("where", "Where", "code"),
        Column("what", "Finding", "prose"),
        Column("hint", "Hint", "prose"),
    )
    rows = tuple((each.check, each.level, each.where, each.what, each.hint) for each in findings.reported)
    return Table("findings", "Checks", "docs/checks.md describes each check.", columns, rows)


def suppressed_table(findings: Findings) -> Table:
    """Return the suppressed findings with the study's reasons."""
    columns = (
        Column("check", "Check", "code"),
        Column("where", "Where", "code"),
        Column("what", "Finding", "prose"),
        Column("reason", "Reason", "prose"),
    )
    rows = tuple(
        (each.finding.check, each.finding.where, each.finding.what, each.reason)
        for each in findings.suppressed
    )
    caption = "Findings that the study suppresses, with its reasons."
    return Table("suppressed", "Suppressed findings", caption, columns, rows)


def outcomes_table(findings: Findings) -> Table:
    """Return the outcome of every check, with the reason if it does not apply."""
    columns = (
        Column("check", "Check", "code"),
        Column("title", "Looks for", "prose"),
        Column("status", "Outcome"),
        Column("reason", "Reason", "prose"),
    )
    rows = tuple(
        (
            each.check,
            each.title,
            each.status,
            f"because {each.reason}" if each.status == "not applicable" else each.reason,
        )
        for each in findings.outcomes
    )
    caption = "A check passes if it applies and finds nothing."
    return Table("every-check", "Every check", caption, columns, rows)


SECTION = Topic(78, sections, data)
