"""The records of a run, with the failures that the user accepted for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from convstudy.record import Acceptance, Record, RecordSummary

V = TypeVar("V", RecordSummary, Record)


class AsAccepted(Mapping[str, V]):
    """A view of records in which the failures that a run accepted have ``accepted=True``."""

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
