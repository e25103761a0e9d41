"""Failed fits and their errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from convstudy.analysis import StageResult
from convstudy.analysis.candidates import Failure
from convstudy.record import RUNS_UNTIL_PERMANENT
from convstudy.report.section import Material, Section, Topic
from convstudy.report.table import Column, Table, Value

_FAILURES: Mapping[Failure, str] = {
    "": "",
    "retryable": "not yet: it may succeed in another run",
    "permanent error": "yes: it would fail again",
    "repeated": f"yes: the same error in {RUNS_UNTIL_PERMANENT} runs",
    "accepted": "yes: accepted, see the protocol",
}


def sections(material: Material) -> Iterator[Section]:
    """Yield the section if a fit failed."""
    table = failures_table(material.analysis.stage_results)
    if table.rows:
        yield Section("failures", table.title, (table,))


def failures_table(stage_results: tuple[StageResult, ...]) -> Table:
    """Return a table of failed fits."""
    columns = (
        Column("stage", "Stage"),
        Column("candidate", "Candidate"),
        Column("part", "Seed or fold"),
        Column("kind", "Kind"),
        Column("error", "Error", "prose"),
        Column("counts", "Counts as failed", "prose"),
        Column("fit_id", "Fit", "code"),
    )
    rows: list[tuple[Value, ...]] = [
        (fit.stage, fit.candidate, fit.part, fit.error_kind, fit.error, _FAILURES[fit.failure], fit.fit_id)
        for stage_result in stage_results
        for row in stage_result.rows
        for fit in row.fits
        if fit.status == "failed"
    ]
    caption = (
        "While a failed fit may succeed in another run, its stage selects nothing and no test image is read."
    )
    return Table("failures", "Failed fits", caption, columns, tuple(rows))


SECTION = Topic(82, sections)
