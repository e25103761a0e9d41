"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Confusion:
    """How often images of a class were taken for each class, over ``n_models`` models together.

    ``cells`` are true class, predicted class and count, in this order, without those that are 0: of 1,000 classes
    there are a million.
    """

    n_classes: int
    cells: tuple[tuple[int, int, int], ...]
    n_models: int

    @cached_property
    def counts(self) -> tuple[tuple[int, ...], ...]:
        """The matrix ``counts[true][predicted]``, one row and column per class."""
        rows = [[0] * self.n_classes for _ in range(self.n_classes)]
        for true, predicted, count in self.cells:
            rows[true][predicted] = count
        return tuple(map(tuple, rows))

    @cached_property
    def mistakes(self) -> tuple[tuple[int, int, int], ...]:
        """The cells of wrong predictions, the most frequent first; equal ones in the order of their classes."""
        wrong = (cell for cell in self.cells if cell[0] != cell[1])
        return tuple(sorted(wrong, key=lambda cell: -cell[2]))

    @property
    def n_images(self) -> int:
        """How many predictions are counted."""
        return sum(count for _, _, count in self.cells)

    @property
    def n_mistakes(self) -> int:
        """How many of them are wrong."""
        return sum(count for _, _, count in self.mistakes)

    @property
    def images_of(self) -> dict[int, int]:
        """Class -> how many predictions are counted on images of it."""
        found: dict[int, int] = {}
        for true, _, count in self.cells:
            found[true] = found.get(true, 0) + count
        return found


def confusion_of(
    models: Iterable[tuple[npt.NDArray[np.generic], npt.NDArray[np.generic]]], n_classes: int
) -> Confusion:
    """Return the confusion of one or more models.

    Args:
        models: for each, labels (n,), whole numbers, and probabilities (n, n_classes); the most probable
            class is the prediction, the first of equals.
        n_classes: how many classes there are.

    Raises:
        ValueError: where shapes do not fit each other or a label is no class.
    """
    import numpy as np

    total: dict[int, int] = {}
    n_models = 0
    for labels, probabilities in models:
        truth = np.asarray(labels, dtype=np.int64)
        if probabilities.shape != (len(truth), n_classes):
            raise ValueError(f"probabilities of {probabilities.shape} for {len(truth)} labels")
        if len(truth) and not 0 <= int(truth.min()) <= int(truth.max()) < n_classes:
            raise ValueError(f"labels from {truth.min()} to {truth.max()} for {n_classes} classes")
        places, counts = np.unique(truth * n_classes + probabilities.argmax(axis=1), return_counts=True)
        for place, count in zip(places.tolist(), counts.tolist(), strict=True):
            total[place] = total.get(place, 0) + count
        n_models += 1
    cells = tuple((*divmod(place, n_classes), count) for place, count in sorted(total.items()))
    return Confusion(n_classes, cells, n_models)
