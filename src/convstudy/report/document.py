"""The report as one JSON document: every table and conclusion, and the records that they were made from."""

from __future__ import annotations

from typing import Any

from convstudy.report.report import Report
from convstudy.report.table import as_records
from convstudy.studyfile import study_document

SCHEMA_VERSION = 2
"""Raise it when a key changes its meaning or goes."""


def document(report: Report) -> dict[str, Any]:
    """Return the document as plain values.

    ``tables`` has the tables by name at full precision; the other keys are those of the topics: ``records`` hold the
    whole history of each fit by its id, ``fits`` what each fit is.
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
