"""What a candidate's models made of each test image: right or wrong, and the cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.errors import StoreError
from convstudy.store.results import Results

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Probabilities are float32: below its smallest number a cross-entropy is not known.
SMALLEST = 1e-45
_LOSS_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one model made of the test images, in their order.

    Attributes:
        right: bool, shape (n,).
        losses: float64 cross-entropies in nats, shape (n,); ``None`` where they do not add up to the loss on record.
    """

    right: npt.NDArray[np.bool_]
    losses: npt.NDArray[np.float64] | None


class PredictionReader:
    """Reads the predictions of a run's models, each once.

    What does not fit the record (another number of images, another accuracy) says nothing of the model that the record
    is about, and counts as not there.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._read: dict[str, Predictions | None] = {}

    def of(self, fit_id: str) -> Predictions | None:
        """Return the predictions of a fit's model, ``None`` where they are lost or the test was not opened for it."""
        if fit_id not in self._read:
            self._read[fit_id] = self._load(fit_id)
        return self._read[fit_id]

    def _load(self, fit_id: str) -> Predictions | None:
        import numpy as np

        opening = self._results.openings.get(fit_id)
        if opening is None or opening.accuracy is None:
            return None
        try:
            test = self._results.arrays(fit_id, "test")
        except StoreError:
            return None
        labels, probabilities = test["labels"].astype(np.int64), test["probabilities"].astype(np.float64)
        n = len(labels)
        right = probabilities.argmax(axis=1) == labels
        # One image of slack: where two classes are equally probable to the last bit, either may count.
        if n != opening.n_images or abs(int(right.sum()) - opening.accuracy * n) > 1.5:
            return None
        losses = -np.log(np.maximum(probabilities[np.arange(n), labels], SMALLEST))
        near = opening.loss is not None and abs(losses.mean() - opening.loss) <= _LOSS_TOLERANCE * max(
            1.0, opening.loss
        )
        return Predictions(right, losses if near else None)
