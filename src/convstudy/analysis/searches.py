"""How a search went about it: what it trained beside what a grid would have, its rungs, and who got how far."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.history.results import Results
from convstudy.plan import Rung, Stage


@dataclass(frozen=True)
class SearchTrace:
    """The course of a search so far.

    Attributes:
        method: as the study file has it: ``"grid"``, ``"halving"``, ``"random"`` or ``"tpe"``.
        n_candidates: how many candidates it has, those to come included.
        n_epochs: how many epochs were trained, each epoch of a lineage once.
        grid_epochs: how many the grid would train; ``None`` where a range has no grid.
        rungs: those of a search that halves, first to last.
        eliminated_in: candidate -> the rung (from 1) that it did not get beyond.
    """

    method: str
    n_candidates: int
    n_epochs: int
    grid_epochs: int | None
    rungs: tuple[Rung, ...]
    eliminated_in: dict[str, int]

    @property
    def halved(self) -> bool:
        """Whether rungs before the last one dropped candidates: what they chose by is not in the last one's scores."""
        return len(self.rungs) > 1

    @property
    def grid_fraction(self) -> float | None:
        """The epochs trained as a share of the grid's."""
        return self.n_epochs / self.grid_epochs if self.grid_epochs else None

    @property
    def open_rung(self) -> int | None:
        """The number (from 1) of the rung that is being trained."""
        found = [
            number for number, rung in enumerate(self.rungs, start=1) if rung.evaluated and not rung.decided
        ]
        return found[0] if found else None

    def reached(self, name: str) -> Rung | None:
        """Return the last rung that a candidate took part in."""
        return next((rung for rung in reversed(self.rungs) if name in rung.evaluated), None)


def search_trace(results: Results, stage: Stage) -> SearchTrace | None:
    """Return the course of a search; ``None`` for other stages."""
    if stage.question != "search":
        return None
    dropped = {candidate.name: stage.eliminated_in(candidate.name) for candidate in stage.candidates}
    return SearchTrace(
        method=results.study.search[stage.name].method,
        n_candidates=stage.n_candidates,
        n_epochs=results.epochs_of(stage),
        grid_epochs=stage.grid_epochs,
        rungs=stage.rungs,
        eliminated_in={name: rung for name, rung in dropped.items() if rung is not None},
    )
