"""Which class is taken for which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Confusion:
    """How often images of a class were taken for each class, over ``n_models`` models together.

    ``counts[true][predicted]``; ``counts`` is square, one row and column per class.
    """

    counts: tuple[tuple[int, ...], ...]
    n_models: int

    @property
    def n_images(self) -> int:
        """How many predictions are counted."""
        return sum(map(sum, self.counts))

    @property
    def n_mistakes(self) -> int:
        """How many of them are wrong."""
        return self.n_images - sum(row[i] for i, row in enumerate(self.counts))


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

    total = np.zeros((n_classes, n_classes), dtype=np.int64)
    n_models = 0
    for labels, probabilities in models:
        truth = np.asarray(labels, dtype=np.int64)
        if probabilities.shape != (len(truth), n_classes):
            raise ValueError(f"probabilities of {probabilities.shape} for {len(truth)} labels")
        if len(truth) and not 0 <= int(truth.min()) <= int(truth.max()) < n_classes:
            raise ValueError(f"labels from {truth.min()} to {truth.max()} for {n_classes} classes")
        np.add.at(total, (truth, probabilities.argmax(axis=1)), 1)
        n_models += 1
    return Confusion(tuple(tuple(int(count) for count in row) for row in total), n_models)
