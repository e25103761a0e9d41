"""What a candidate's models made of each test image: right or wrong, and the cross-entropy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from convstudy.data import dataset_info
from convstudy.errors import StoreError
from convstudy.history.results import Results

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.generic]]

# Probabilities are float32: below its smallest number a cross-entropy is not known.
SMALLEST = 1e-45
_LOSS_TOLERANCE = 1e-3
_PROBABILITY_TOLERANCE = 1e-6


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

    A file may hold anything. What is no prediction at all, or does not fit the record (another number of images or
    classes, another accuracy), says nothing of the model that the record is about, and counts as not there. So does
    what goes by other labels than the first file that was read: all models of a run are scored on the same images.
    """

    def __init__(self, results: Results) -> None:
        self._results = results
        self._n_classes = dataset_info(results.study.dataset).n_classes
        self._labels: npt.NDArray[np.int64] | None = None
        self._read: dict[str, Predictions | None] = {}

    def of(self, fit_id: str) -> Predictions | None:
        """Return the predictions of a fit's model, ``None`` where they are lost or the test was not opened for it."""
        if fit_id not in self._read:
            self._read[fit_id] = self._load(fit_id)
        return self._read[fit_id]

    def fits(self, fit_id: str, test: Arrays) -> bool:
        """Tell whether a test file's arrays are the predictions that the record of this fit tells of."""
        import numpy as np

        opening, found = self._results.openings.get(fit_id), sound(test)
        if opening is None or opening.accuracy is None or found is None:
            return False
        labels, probabilities = found
        right = probabilities.argmax(axis=1) == labels
        if probabilities.shape != (opening.n_images, self._n_classes) or not has_accuracy(
            right, opening.accuracy
        ):
            return False
        if self._labels is None:
            self._labels = labels
        return bool(np.array_equal(labels, self._labels))

    def _load(self, fit_id: str) -> Predictions | None:
        opening = self._results.openings.get(fit_id)
        if opening is None or opening.accuracy is None:
            return None
        try:
            test = self._results.arrays(fit_id, "test")
        except StoreError:
            return None
        found = sound(test)
        if found is None or not self.fits(fit_id, test):
            return None
        labels, probabilities = found
        losses = losses_of(labels, probabilities)
        near = opening.loss is not None and abs(losses.mean() - opening.loss) <= _LOSS_TOLERANCE * max(
            1.0, opening.loss
        )
        return Predictions(probabilities.argmax(axis=1) == labels, losses if near else None)


def has_accuracy(right: npt.NDArray[np.bool_], accuracy: float) -> bool:
    """Return whether as large a part of ``right``, shape (n,), is true as a record says.

    One image of slack: where two classes are equally probable to the last bit, either may count.
    """
    return abs(int(right.sum()) - accuracy * len(right)) <= 1.5


def losses_of(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Return the cross-entropies in nats, shape (n,), of labels (n,) and probabilities (n, n_classes)."""
    import numpy as np

    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.maximum(true, SMALLEST))


def sound(arrays: Arrays) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]] | None:
    """Return the labels (n,) and probabilities (n, n_classes) of a file, ``None`` where it holds no such thing.

    The probabilities are not copied: with 1,000 classes they are the largest part of a report's memory.

    Args:
        arrays: what the file holds. There must be ``labels``, whole numbers from 0 to n_classes − 1, and
            ``probabilities``, none outside 0 to 1, of two images or more.
    """
    import numpy as np

    if "labels" not in arrays or "probabilities" not in arrays:
        return None
    labels, probabilities = arrays["labels"], arrays["probabilities"]
    if labels.dtype.kind not in "iu" or probabilities.dtype.kind != "f":
        return None
    if labels.ndim != 1 or probabilities.ndim != 2 or len(labels) != len(probabilities) or len(labels) < 2:
        return None
    if int(labels.min()) < 0 or int(labels.max()) >= probabilities.shape[1]:
        return None
    shares = cast("npt.NDArray[np.floating]", probabilities)
    within = shares.min() >= 0 and shares.max() <= 1 + _PROBABILITY_TOLERANCE  # NaN is neither
    return (labels.astype(np.int64), shares) if within else None
