"""The contents of a report as one JSON document: every table and conclusion, and the records they were made from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convstudy.analysis import Contest, SearchCourse
from convstudy.report.contents import Contents
from convstudy.report.table import as_records
from convstudy.studyfile import study_document

SCHEMA_VERSION = 2
"""Raise it when a key changes its meaning or goes."""


def document(contents: Contents) -> dict[str, Any]:
    """Return the document as plain values.

    ``records`` hold the whole history of each fit by its id, ``fits`` what each fit is, ``tables`` the tables by
    name at full precision.
    """
    results = contents.results
    told = contents.protocol
    return {
        "schema_version": SCHEMA_VERSION,
        "run": results.run_id,
        "complete": results.complete,
        "created_at": results.created_at,
        "updated_at": results.updated_at,
        "study": study_document(results.study),
        "answer": list(contents.answer),
        "conclusions": [asdict(conclusion) for conclusion in contents.conclusions],
        "searches": {
            section.contest.stage: _course(section.contest.course) | _optimism(section.contest)
            for section in contents.sections
            if section.contest.course
        },
        "choices": [asdict(choice) for choice in results.choices],
        "acceptances": [asdict(row) for row in told.acceptances],
        "checks": asdict(contents.checked),
        "test_set": {
            "openings": [asdict(row) for row in told.openings],
            "openings_in_this_folder": told.n_openings,
            "openings_before_this_run": told.n_openings_before,
            "openings_by_this_run": told.n_opened,
            "questions_in_this_folder": told.n_questions,
            "questions_of_other_runs": told.n_questions_elsewhere,
        },
        "tables": {
            table.name: {"title": table.title, "caption": table.caption, "rows": as_records(table)}
            for table in contents.tables
        },
        "fits": {fit.id: fit.as_json() for fit in results.plan.fits},
        "records": {
            fit.id: results.records[fit.id].as_json()
            for fit in results.plan.fits
            if fit.id in results.records
        },
        "images": results.images.as_json() if results.images else None,
        "notes": list(contents.beside.notes),
    }


def _course(course: SearchCourse) -> dict[str, Any]:
    """Return how a search went about it; a rung's fits by their ids."""
    return {
        "method": course.method,
        "n_candidates": course.n_candidates,
        "n_epochs": course.n_epochs,
        "grid_epochs": course.grid_epochs,
        "dropped_in": course.dropped_in,
        "rungs": [
            {
                **asdict(rung.size),
                "took_part": list(rung.took_part),
                "went_on": list(rung.went_on),
                "scores": [asdict(score) for score in rung.scores],
                "fits": [fit.id for fit in rung.fits],
            }
            for rung in course.rungs
        ],
    }


def _optimism(contest: Contest) -> dict[str, Any]:
    """Return what is known of how much too good a search's best score is."""
    selection, nested = contest.selection, contest.nested
    return {
        "selection": selection and {**asdict(selection), "corrected": selection.corrected},
        "nested": nested and {**asdict(nested), "optimism": nested.optimism, "winners": nested.winners},
    }
