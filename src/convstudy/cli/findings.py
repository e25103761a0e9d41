"""What checks found, for a person and for a program, and ``--strict``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.failures import FAILED
from convstudy.numbers import counted

if TYPE_CHECKING:
    from convstudy.checks import Findings

WHERE_TOLD = "docs/checks.md has a section on each, by its name"

strict_option = click.option(
    "--strict", is_flag=True, help="End with exit status 1 where a check warns and is not suppressed."
)


def findings_text(findings: Findings, indent: str = "") -> str:
    """Return all findings, three lines each, then the suppressed ones in a line each."""
    lines = []
    for found in findings.reported:
        lines += [
            f"{indent}{found.level}: {found.check}, {found.where}",
            f"{indent}  {found.what}",
            f"{indent}  hint: {found.hint}",
        ]
    lines += [
        f"{indent}suppressed: {each.finding.check}, {each.finding.where} ({each.reason})"
        for each in findings.suppressed
    ]
    return "\n".join(lines)


def findings_count(findings: Findings) -> str:
    """Return how many there are: ``"2 warnings, 1 note and 1 suppressed"``; nothing where there is none."""
    n_warnings = len(findings.warnings)
    numbers = (
        (n_warnings, counted(n_warnings, "warning")),
        (len(findings.reported) - n_warnings, counted(len(findings.reported) - n_warnings, "note")),
        (len(findings.suppressed), f"{len(findings.suppressed):,} suppressed"),
    )
    told = [text for n, text in numbers if n]
    return " and ".join([", ".join(told[:-1]), told[-1]] if len(told) > 1 else told)


def findings_json(findings: Findings) -> dict[str, Any]:
    """Return all findings as plain values."""
    return {
        "findings": [asdict(found) for found in findings.reported],
        "suppressed": [asdict(each) for each in findings.suppressed],
    }


def strict_status(findings: Findings, strict: bool) -> int:
    """Return the exit status that findings alone come to."""
    return FAILED if strict and findings.warnings else 0
