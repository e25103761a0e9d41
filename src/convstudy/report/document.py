"""The report as one JSON document: all tables and conclusions, and the records that they come from."""

from __future__ import annotations

from typing import Any

from convstudy.report.report import Report
from convstudy.report.table import as_records
from convstudy.studyfile import study_document

SCHEMA_VERSION = 4
"""Increase it when a key changes its meaning or is removed."""


def document(report: Report) -> dict[str, Any]:
    """Return the document as plain JSON values.

    ``tables`` maps names to tables at full precision. Topics add the other keys: ``records`` maps the id of each fit
    to its record with its history, ``fits`` to its network, recipe, split and seed.
    """
    results = report.results
    return {
        "schema_version": SCHEMA_VERSION,
        "run": results.run_id,
        "complete": results.complete,
        "created_at": results.created_at,
        "updated_at": results.updated_at,
        "study": study_document(results.study),
        "tables": {
            table.name: {"title": table.title, "caption": table.caption, "rows": as_records(table)}
            for table in report.tables
        },
        **report.data,
        "notes": list(report.notes),
    }
