"""The ledger of a sealed test set: each opening in a runs folder, by whichever study, and the question it answered.

A **question** is how good a model trained in one way is: network, recipe, and images to train on. Its seeds answer it
together, and a second study that asks the same gets the answer that is there, so that a question counts once.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, replace

from convstudy.plan import Fit
from convstudy.record import Opening
from convstudy.store.database import Database

QUERY = """
SELECT openings.*, fits.fit FROM openings LEFT JOIN fits ON fits.id = openings.fit_id
WHERE dataset_digest = ? ORDER BY number
"""


@dataclass(frozen=True)
class Entry:
    """One opening in the ledger; ``question`` is an id that all seeds of one question share."""

    opening: Opening
    run_id: str
    question: str

    @property
    def answered(self) -> bool:
        """Whether it came to a score; one that was only begun has shown nobody anything."""
        return self.opening.accuracy is not None


def ledger(connection: Database, dataset_digest: str) -> tuple[Entry, ...]:
    """Return all openings of the test set of a dataset, the first one first."""
    entries: list[Entry] = []
    for row in connection.rows(QUERY, (dataset_digest,)):
        # A fit that was forgotten since, for its weights are lost, stands for itself.
        question = question_of(Fit.from_json(json.loads(row["fit"]))) if row["fit"] else row["fit_id"]
        entries.append(Entry(opening_of(row), row["run_id"], question))
    return tuple(entries)


def question_of(fit: Fit) -> str:
    """Return the id of the question that a fit helps to answer: that of the same fit with the first seed."""
    return replace(fit, seed=0, split=replace(fit.split, seed=0)).id


def opening_of(row: sqlite3.Row) -> Opening:
    """Return an opening as its row has it."""
    return Opening(
        row["fit_id"],
        row["weights_digest"],
        row["purpose"],
        row["opened_at"],
        row["n_images"],
        row["loss"],
        row["accuracy"],
        row["seconds"],
    )
