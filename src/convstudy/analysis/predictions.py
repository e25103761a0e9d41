"""What a candidate's models predict for each test image: the class, its probability, and that of the true class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from convstudy.errors import StoreError
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, LOG_LOSS, RECORDED, Metric, metric_named

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
    """What the analysis needs of one model's predictions of n test images, in their order.

    A file of predictions has a probability for each class: of 1,000 classes these are 40 MB for 10,000 images. The
    arrays here are 10 bytes or less for each image.

    Attributes:
        labels: int64, shape (n,); the same array for all models of a run.
        predicted: the most probable class, the first of equals; whole numbers, shape (n,).
        confidence: its probability, shape (n,).
        true: the probability of the true class, shape (n,).
        brier: Brier score, the mean over images.
        values: the study's metric, each image's value times its weight; ``None`` for the accuracy, the log-loss and
            metrics per set.
        has_losses: whether the losses add up to the loss on record.
        error_rows: which test images ``error_pixels`` show, shape (k,); ``None`` where no images were asked for.
        error_pixels: the most confident mistakes, shape (k, height, width, channels).
    """

    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.integer]
    confidence: npt.NDArray[np.floating]
    true: npt.NDArray[np.floating]
    brier: float
    has_losses: bool = True
    values: npt.NDArray[np.float64] | None = None
    error_rows: npt.NDArray[Any] | None = None
    error_pixels: npt.NDArray[Any] | None = None

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each prediction is right, shape (n,)."""
        right: npt.NDArray[np.bool_] = self.predicted == self.labels
        return right

    @property
    def losses(self) -> npt.NDArray[np.float64] | None:
        """Cross-entropies in nats, shape (n,); ``None`` where they do not add up to the loss on record."""
        return losses_of_true(self.true) if self.has_losses else None

    def metric_values(self, metric: Metric) -> npt.NDArray[np.float64] | None:
        """Return each image's value of the study's metric times its weight, float64, shape (n,); ``None`` without."""
        if metric.name == ACCURACY:
            return self.correct.astype("float64")
        return self.losses if metric.name == LOG_LOSS else self.values


class PredictionReader:
    """Reads the predictions of a run's models, each file once.

    A file may hold anything. What is no prediction at all, or does not fit the record (another number of images or
    classes, another accuracy), says nothing of the model that the record is about, and counts as not there. So does
    what goes by other labels than the first file that was read: all models of a run are scored on the same images.

    Args:
        results: the run.
        with_images: the fits whose images of mistakes are kept.
    """

    def __init__(self, results: Results, with_images: Collection[str] = ()) -> None:
        self._results = results
        self._metric = metric_named(results.study.metric)
        self._n_classes = results.dataset.n_classes
        self._with_images = frozenset(with_images)
        self._labels: npt.NDArray[np.int64] | None = None
        self._read: dict[str, Predictions | None] = {}
        self._unreadable: dict[str, str] = {}

    def of(self, fit_id: str) -> Predictions | None:
        """Return the predictions of a fit's model, ``None`` where they are lost or the test was not opened for it."""
        if fit_id not in self._read:
            self._read[fit_id] = self._load(fit_id)
        return self._read[fit_id]

    def weights(self, metric: Metric) -> npt.NDArray[np.float64] | None:
        """Return the weight of each test image, shape (n,); ``None`` for equal weights, and before a file was read."""
        return None if metric.weigh is None or self._labels is None else metric.weights(self._labels)

    def unreadable(self, fit_id: str) -> str:
        """Return why the file of a fit could not be read; empty where it was read, whatever it holds."""
        self.of(fit_id)
        return self._unreadable.get(fit_id, "")

    def _load(self, fit_id: str) -> Predictions | None:
        import numpy as np

        test_evaluation = self._results.test_evaluations.get(fit_id)
        if test_evaluation is None or test_evaluation.scores is None:
            return None
        try:
            test = self._results.arrays(fit_id, "test")
        except StoreError as error:
            self._unreadable[fit_id] = error.problems[0].what
            return None
        found = predictions_in(test, self._metric)
        if (
            found is None
            or test["probabilities"].shape != (test_evaluation.n_images, self._n_classes)
            or not has_accuracy(found.correct, test_evaluation.scores["accuracy"])
        ):
            return None
        if self._labels is None:
            self._labels = found.labels
        if not np.array_equal(found.labels, self._labels):
            return None
        losses, loss = losses_of_true(found.true), test_evaluation.scores["log-loss"]
        near = abs(losses.mean() - loss) <= _LOSS_TOLERANCE * max(1.0, loss)
        images = fit_id in self._with_images
        return replace(
            found,
            labels=self._labels,
            has_losses=bool(near),
            error_rows=test.get("error_rows") if images else None,
            error_pixels=test.get("error_pixels") if images else None,
        )


def predictions_in(arrays: Arrays, metric: Metric | None = None) -> Predictions | None:
    """Return what a file's labels and probabilities say of each image; ``None`` where they are not sound.

    Args:
        arrays: what the file holds.
        metric: the study's, whose values are kept.
    """
    import numpy as np

    found = sound(arrays)
    if found is None:
        return None
    labels, probabilities = found
    predicted = probabilities.argmax(axis=1)
    rows = np.arange(len(labels))
    true = probabilities[rows, labels]
    # Without a copy in float64.
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    return Predictions(
        labels=labels,
        predicted=predicted.astype(np.min_scalar_type(probabilities.shape[1])),
        confidence=probabilities[rows, predicted],
        true=true,
        brier=float((squares - 2 * true.astype(np.float64) + 1).mean()),
        values=values_of(metric, labels, probabilities),
    )


def values_of(
    metric: Metric | None, labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64] | None:
    """Return each image's value times its weight; ``None`` for metrics that are kept anyway, and those per set."""
    if metric is None or metric.name in RECORDED or metric.kind == "per set":
        return None
    return metric.weighted_values(labels, probabilities)


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

    return losses_of_true(probabilities[np.arange(len(labels)), labels])


def losses_of_true(true: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the cross-entropies of the probabilities of the true classes."""
    import numpy as np

    return -np.log(np.maximum(true.astype(np.float64), SMALLEST))


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
