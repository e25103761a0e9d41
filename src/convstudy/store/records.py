"""The records of a store by fit id: in full, read one at a time, or as summaries, read all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeVar

from convstudy.record import Epoch, Record, RecordSummary
from convstudy.store.database import Database

V = TypeVar("V")

# The selection of a candidate needs only these values. SQLite extracts them about 10 times as fast as json.loads parses
# a whole record.
SUMMARIES = """
SELECT id, json_extract(record, '$.status') AS status, json_extract(record, '$.n_parameters') AS n_parameters,
    json_extract(record, '$.weights_digest') AS weights_digest, json_extract(record, '$.error_kind') AS error_kind,
    json_extract(record, '$.n_failed_runs') AS n_failed_runs,
    json_extract(record, '$.history[' || (json_extract(record, '$.selected_epoch') - 1) || ']') AS epoch
FROM fits
"""


class _Stored(Mapping[str, V]):
    def __init__(self, connection: Database) -> None:
        self._connection = connection
        self._read: dict[str, V] = {}

    def __iter__(self) -> Iterator[str]:
        return (row["id"] for row in self._connection.execute("SELECT id FROM fits"))

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM fits").fetchone()[0])

    def forget(self, fit_id: str) -> None:
        """Drop the cached record of a fit, so that the next access reads it again."""
        self._read.pop(fit_id, None)


class Records(_Stored[Record]):
    """Full records, each read at the first access.

    The record of a failed fit is not cached, because another process may train the fit again.
    """

    def __getitem__(self, fit_id: str) -> Record:
        if fit_id not in self._read:
            row = self._connection.execute("SELECT record FROM fits WHERE id = ?", (fit_id,)).fetchone()
            if row is None:
                raise KeyError(fit_id)
            record = Record.from_json(json.loads(row["record"]))
            if not record.done:
                return record
            self._read[fit_id] = record
        return self._read[fit_id]


class RecordSummaries(_Stored[RecordSummary]):
    """Record summaries, all read at the first access.

    Failed and missing records are not cached, because another process may train their fits.
    """

    def __init__(self, connection: Database) -> None:
        super().__init__(connection)
        self._has_read_all = False

    def __getitem__(self, fit_id: str) -> RecordSummary:
        if not self._has_read_all:
            self._has_read_all = True
            self._read = {
                record_summary.fit_id: record_summary
                for record_summary in self._find()
                if record_summary.done
            }
        if fit_id not in self._read:
            found = self._find(fit_id)
            if not found:
                raise KeyError(fit_id)
            if not found[0].done:
                return found[0]
            self._read[fit_id] = found[0]
        return self._read[fit_id]

    def _find(self, fit_id: str | None = None) -> list[RecordSummary]:
        """Return all summaries, or that of one fit; an empty list if it has no record."""
        if fit_id is None:
            rows = self._connection.rows(SUMMARIES)
        else:
            rows = self._connection.rows(f"{SUMMARIES} WHERE id = ?", (fit_id,))
        return [
            RecordSummary(
                row["id"],
                row["status"],
                row["n_parameters"],
                row["weights_digest"],
                row["error_kind"],
                Epoch.from_json(json.loads(row["epoch"])) if row["epoch"] else None,
                row["n_failed_runs"],
            )
            for row in rows
        ]
