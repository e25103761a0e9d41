"""The failures that a run has accepted: a person decided that they count, although their fits may yet succeed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from convstudy.record import Acceptance, Brief, Record
from convstudy.store.database import Database

V = TypeVar("V", Brief, Record)


def accept(connection: Database, run_id: str, failed: Iterable[Record], reason: str, now: str) -> None:
    """Write down that these failures count as final for a run, and why."""
    for record in failed:
        connection.execute(
            "INSERT INTO acceptances (run_id, fit_id, error_kind, error, reason, accepted_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, record.fit_id, record.error_kind, record.error, reason, now),
        )


def acceptances_of(connection: Database, run_id: str) -> tuple[Acceptance, ...]:
    """Return the failures that a run has accepted, in order."""
    query = "SELECT * FROM acceptances WHERE run_id = ? ORDER BY number"
    return tuple(
        Acceptance(row["fit_id"], row["error_kind"], row["error"], row["reason"], row["accepted_at"])
        for row in connection.rows(query, (run_id,))
    )


class AsAccepted(Mapping[str, V]):
    """Records as one run counts them: the failures that it accepted are marked so."""

    def __init__(self, stored: Mapping[str, V], acceptances: Iterable[Acceptance]) -> None:
        self._stored: Mapping[str, V] = stored
        self._accepted = {acceptance.fit_id for acceptance in acceptances}

    def __getitem__(self, fit_id: str) -> V:
        found: V = self._stored[fit_id]
        return replace(found, accepted=True) if fit_id in self._accepted and not found.done else found

    def __iter__(self) -> Iterator[str]:
        return iter(self._stored)

    def __len__(self) -> int:
        return len(self._stored)
