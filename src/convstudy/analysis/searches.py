"""The trace of a search: its rungs, its eliminated candidates, and its number of epochs compared with a full grid."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.history.results import Results
from convstudy.plan import Rung, Stage


@dataclass(frozen=True)
class SearchTrace:
    """The rungs and epochs of a search so far.

    Attributes:
        method: ``"grid"``, ``"screening"``, ``"halving"``, ``"random"`` or ``"tpe"``.
        n_candidates: the number of candidates, including those that are not decided yet.
        n_epochs: the number of trained epochs. Epochs that a fit takes over from a shorter fit count once.
        grid_epochs: the number of epochs of the full grid; ``None`` if a range has no grid.
        rungs: the rungs of screening or successive halving, in order.
        eliminated_in: candidate -> the rung (from 1) that eliminated it.
    """

    method: str
    n_candidates: int
    n_epochs: int
    grid_epochs: int | None
    rungs: tuple[Rung, ...]
    eliminated_in: dict[str, int]

    @property
    def halved(self) -> bool:
        """Whether earlier rungs eliminated candidates, so that the last rung's scores do not show all selections."""
        return len(self.rungs) > 1

    @property
    def grid_fraction(self) -> float | None:
        """The trained epochs as a fraction of the grid's."""
        return self.n_epochs / self.grid_epochs if self.grid_epochs else None

    @property
    def open_rung(self) -> int | None:
        """The number (from 1) of the rung that is being trained."""
        found = [
            number for number, rung in enumerate(self.rungs, start=1) if rung.evaluated and not rung.decided
        ]
        return found[0] if found else None

    def reached(self, name: str) -> Rung | None:
        """Return the last rung that evaluated a candidate."""
        return next((rung for rung in reversed(self.rungs) if name in rung.evaluated), None)


def search_trace(results: Results, stage: Stage) -> SearchTrace | None:
    """Return the trace of a search; ``None`` for other stages."""
    if stage.question != "search":
        return None
    eliminated = {candidate.name: stage.eliminated_in(candidate.name) for candidate in stage.candidates}
    return SearchTrace(
        method=results.study.search[stage.name].method,
        n_candidates=stage.n_candidates,
        n_epochs=results.epochs_of(stage),
        grid_epochs=stage.grid_epochs,
        rungs=stage.rungs,
        eliminated_in={name: rung for name, rung in eliminated.items() if rung is not None},
    )
