"""The validation scores of a whole grid, epoch by epoch, in one JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.engine.fit import best_epoch
from convstudy.plan import Fit, Stage
from convstudy.record import Epoch, Record, Scores

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recorded:
    """A whole grid.

    Attributes:
        kind: the name of its kind.
        repetition: its number, from 1.
        names: the candidates.
        n_parameters: their numbers of parameters.
        accuracies: the validation accuracy as a fraction, by candidate, fold and epoch.
        losses: the validation log-loss in nats, by candidate, fold and epoch.
    """

    kind: str
    repetition: int
    names: tuple[str, ...]
    n_parameters: tuple[int, ...]
    accuracies: tuple[tuple[tuple[float, ...], ...], ...]
    losses: tuple[tuple[tuple[float, ...], ...], ...]

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.repetition}"

    @property
    def n_folds(self) -> int:
        return len(self.losses[0])

    @property
    def n_epochs(self) -> int:
        return len(self.losses[0][0])

    @property
    def grid_epochs(self) -> int:
        """The number of epochs of the grid, over candidates and folds."""
        return len(self.names) * self.n_folds * self.n_epochs

    @classmethod
    def of(cls, kind: str, repetition: int, stage: Stage, records: dict[str, Record]) -> Recorded:
        """Return the grid of a stage whose fits all have records."""
        found = [[records[fit.id] for fit in candidate.fits] for candidate in stage.candidates]

        def scores(metric: str) -> tuple[tuple[tuple[float, ...], ...], ...]:
            return tuple(
                tuple(tuple(epoch.validation[metric] for epoch in record.history) for record in own)
                for own in found
            )

        return cls(
            kind,
            repetition,
            tuple(candidate.name for candidate in stage.candidates),
            tuple(own[0].n_parameters for own in found),
            scores("accuracy"),
            scores("log-loss"),
        )

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.__dict__), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Recorded:
        values = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{key: _tuples(value) for key, value in values.items()})

    def record(self, fit: Fit, candidate: str, fold: int) -> Record:
        """Return the record of a fit that trains this candidate on this fold, up to the fit's epoch budget."""
        place = self.names.index(candidate)
        accuracies, losses = self.accuracies[place][fold], self.losses[place][fold]
        history = tuple(
            _epoch(number, loss, accuracy)
            for number, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True), start=1)
        )[: fit.n_epochs]
        best = best_epoch(list(history))
        selected = best if fit.recipe.checkpoint == "best" else len(history)
        n_parameters = self.n_parameters[place]
        return Record(fit.id, "done", history, best, selected, 1, 1, n_parameters, "digest")

    @cached_property
    def selected(self) -> tuple[Array, Array]:
        """Accuracy and log-loss of the best epoch up to each epoch; shape (candidates, folds, epochs).

        The best epoch has the highest accuracy; ties: the lower log-loss, then the earlier epoch.
        """
        import numpy as np

        accuracies, losses = np.array(self.accuracies), np.array(self.losses)
        for epoch in range(1, self.n_epochs):
            before = accuracies[:, :, epoch - 1], losses[:, :, epoch - 1]
            now = accuracies[:, :, epoch], losses[:, :, epoch]
            keeps = (before[0] > now[0]) | ((before[0] == now[0]) & (before[1] <= now[1]))
            accuracies[:, :, epoch] = np.where(keeps, before[0], now[0])
            losses[:, :, epoch] = np.where(keeps, before[1], now[1])
        return accuracies, losses

    def ranking(self, means: Array, ties: Array, among: Sequence[int] | None = None) -> list[int]:
        """Return the candidates from best to worst: by the higher mean, the lower tie, fewer parameters, order."""
        places = range(len(self.names)) if among is None else among
        # Sums in another order differ in the last digits; 12 digits treat them as equal.
        return sorted(places, key=lambda c: (-round(means[c], 12), ties[c], self.n_parameters[c], c))

    @cached_property
    def final(self) -> Array:
        """The mean accuracy over folds of each candidate of the whole grid."""
        means: Array = self.selected[0][:, :, -1].mean(axis=1)
        return means

    @cached_property
    def winner(self) -> int:
        """The candidate that the whole grid selects."""
        return self.ranking(self.final, self.selected[1][:, :, -1].mean(axis=1))[0]


def _epoch(number: int, loss: float, accuracy: float) -> Epoch:
    scores = Scores({"log-loss": loss, "accuracy": accuracy})
    return Epoch(number, 0.001, scores, scores, 1.0, 0.1)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
