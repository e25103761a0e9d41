"""The records of a store by fit id: whole, one at a time, or in brief, all at once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TypeVar

from convstudy.record import Epoch, Record, RecordSummary
from convstudy.store.database import Database

V = TypeVar("V")

# SQLite reads JSON about ten times as fast as json.loads makes a whole record of it, and a choice needs only this much.
IN_BRIEF = """
SELECT id, json_extract(record, '$.status') AS status, json_extract(record, '$.n_parameters') AS n_parameters,
    json_extract(record, '$.weights_digest') AS weights_digest, json_extract(record, '$.error_kind') AS error_kind,
    json_extract(record, '$.n_failed_runs') AS n_failed_runs,
    json_extract(record, '$.history[' || (json_extract(record, '$.selected_epoch') - 1) || ']') AS epoch
FROM fits
"""


class _Stored(Mapping[str, V]):
    """What both views share: the ids, and how many there are."""

    def __init__(self, connection: Database) -> None:
        self._connection = connection
        self._read: dict[str, V] = {}

    def __iter__(self) -> Iterator[str]:
        return (row["id"] for row in self._connection.execute("SELECT id FROM fits"))

    def __len__(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM fits").fetchone()[0])

    def forget(self, fit_id: str) -> None:
        """Read this record anew when it is next asked for."""
        self._read.pop(fit_id, None)


class Records(_Stored[Record]):
    """Whole records, each read when it is first asked for.

    A failed one is read each time: another process may try its fit again.
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
    """Records in brief, all of them read when the first is asked for.

    What failed or was not there is asked for again each time: another process may have trained it meanwhile.
    """

    def __init__(self, connection: Database) -> None:
        super().__init__(connection)
        self._begun = False

    def __getitem__(self, fit_id: str) -> RecordSummary:
        if not self._begun:
            self._begun = True
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
        """Return all records in brief, or the one of a fit, if it is there."""
        if fit_id is None:
            rows = self._connection.rows(IN_BRIEF)
        else:
            rows = self._connection.rows(f"{IN_BRIEF} WHERE id = ?", (fit_id,))
        return [
            RecordSummary(
                row["id"],
                row["status"],
                row["n_parameters"],
                row["weights_digest"],
                row["error_kind"],
                Epoch.from_json(json.loads(row["epoch"])) if row["epoch"] else None,
                row["n_failed_runs"] or 0,
            )
            for row in rows
        ]
