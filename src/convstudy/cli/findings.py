"""The findings of checks as text and as JSON, and the option ``--strict``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from convstudy.cli.failures import FAILED
from convstudy.numbers import counted, listed

if TYPE_CHECKING:
    from convstudy.checks import Findings

CHECKS_PAGE = "docs/checks.md describes each check."

strict_option = click.option("--strict", is_flag=True, help="Exit with status 1 if a check warns.")


def findings_text(findings: Findings, indent: str = "") -> str:
    """Format each finding in three lines, then each suppressed one in one line.

    Args:
        findings: the findings of a study or run.
        indent: put before each line.
    """
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


def outcomes_text(findings: Findings) -> str:
    """Format the checks without findings: one line for those that passed, one line per reason for the others."""
    passed = [each.check for each in findings.outcomes if each.status == "passed"]
    lines = [f"passed: {', '.join(passed)}"] if passed else []
    reasons: dict[str, list[str]] = {}
    for each in findings.outcomes:
        if each.status == "not applicable":
            reasons.setdefault(each.reason, []).append(each.check)
    lines += [f"not applicable, because {reason}: {', '.join(checks)}" for reason, checks in reasons.items()]
    return "\n".join(lines)


def findings_count(findings: Findings) -> str:
    """Count the findings: ``"2 warnings, 1 note and 1 suppressed"``; empty without any."""
    n_warnings = len(findings.warnings)
    numbers = (
        (n_warnings, counted(n_warnings, "warning")),
        (len(findings.reported) - n_warnings, counted(len(findings.reported) - n_warnings, "note")),
        (len(findings.suppressed), f"{len(findings.suppressed):,} suppressed"),
    )
    return listed([text for n, text in numbers if n])


def findings_json(findings: Findings) -> dict[str, Any]:
    """Return the findings as JSON values."""
    return {
        "findings": [asdict(found) for found in findings.reported],
        "suppressed": [asdict(each) for each in findings.suppressed],
        "checks": [asdict(each) for each in findings.outcomes],
    }


def strict_status(findings: Findings, strict: bool) -> int:
    """Return 1 if ``strict`` is set and a check warns, else 0."""
    return FAILED if strict and findings.warnings else 0
