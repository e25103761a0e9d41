"""The rows of the database as frozen values."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from convstudy.record import Evaluation, Scores


@dataclass(frozen=True)
class StoredRun:
    """A row of the table of runs. ``document`` is the study as JSON; times are ISO 8601 in UTC."""

    run_id: str
    name: str
    document: dict[str, Any]
    status: str
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class LoggedEvaluation:
    """A test-set evaluation and its run. ``fit`` is the evaluated fit as JSON, ``None`` if the fit has no record."""

    test_evaluation: Evaluation
    run_id: str
    dataset_digest: str
    fit: dict[str, Any] | None


def run_of_row(row: sqlite3.Row) -> StoredRun:
    return StoredRun(
        row["id"],
        row["name"],
        json.loads(row["document"]),
        row["status"],
        row["created_at"],
        row["updated_at"],
    )


def test_evaluation_of_row(row: sqlite3.Row) -> Evaluation:
    return Evaluation(
        row["fit_id"],
        row["weights_digest"],
        row["purpose"],
        row["evaluated_at"],
        row["n_images"],
        Scores(json.loads(row["scores"])) if row["scores"] else None,
        row["seconds"],
    )
