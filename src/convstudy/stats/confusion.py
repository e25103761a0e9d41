"""The confusion matrix, stored sparsely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Labels = npt.NDArray[np.integer]


@dataclass(frozen=True)
class Confusion:
    """The confusion matrix of ``n_models`` models together.

    ``cells`` has (true class, predicted class, count) for each count above 0, sorted by true and predicted class.
    Counts of 0 are left out, because the full matrix of 1,000 classes has a million cells.
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
    def misclassified(self) -> tuple[tuple[int, int, int], ...]:
        """The cells of wrong predictions, the most frequent first, then in the order of the classes."""
        # ``sorted`` is stable, so cells with equal counts keep the order of the classes.
        wrong = (cell for cell in self.cells if cell[0] != cell[1])
        return tuple(sorted(wrong, key=lambda cell: -cell[2]))

    @property
    def n_images(self) -> int:
        """The number of predictions, over all models."""
        return sum(count for _, _, count in self.cells)

    @property
    def n_errors(self) -> int:
        """The number of wrong predictions, over all models."""
        return sum(count for _, _, count in self.misclassified)

    @property
    def images_of(self) -> dict[int, int]:
        """Class -> the number of predictions on its images."""
        found: dict[int, int] = {}
        for true, _, count in self.cells:
            found[true] = found.get(true, 0) + count
        return found


def confusion_of(labels: Labels, predicted: Sequence[Labels], n_classes: int) -> Confusion:
    """Return the confusion matrix of one or more models on the same images.

    Args:
        labels: integers, shape (n,).
        predicted: the predicted class of each image; one array of shape (n,) per model.
        n_classes: the number of classes.

    Raises:
        ValueError: if the shapes do not match, or a label is not a class.

    >>> import numpy as np
    >>> confusion_of(np.array([0, 1, 1]), [np.array([0, 1, 0])], n_classes=2).counts
    ((1, 0), (1, 1))
    """
    import numpy as np

    truth = np.asarray(labels, dtype=np.int64)
    if len(truth) and not 0 <= int(truth.min()) <= int(truth.max()) < n_classes:
        raise ValueError(f"labels must be in [0, {n_classes}); got {truth.min()} to {truth.max()}")
    total: dict[int, int] = {}
    for own in predicted:
        if own.shape != truth.shape:
            raise ValueError(f"predictions must have the shape {truth.shape}; got {own.shape}")
        # One integer stands for a pair of classes, so that one call counts all pairs.
        places, counts = np.unique(truth * n_classes + own, return_counts=True)
        for place, count in zip(places.tolist(), counts.tolist(), strict=True):
            total[place] = total.get(place, 0) + count
    cells = tuple((*divmod(place, n_classes), count) for place, count in sorted(total.items()))
    return Confusion(n_classes, cells, len(predicted))
