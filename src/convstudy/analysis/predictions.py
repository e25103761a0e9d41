"""Predictions of models for test images: the class, its probability, and the probability of the true class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from convstudy.analysis.image_groups import Estimate, independent, why_refused
from convstudy.errors import StoreError
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, BALANCED_ACCURACY, LOG_LOSS, RECORDED, Metric, metric_named

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.generic]]

# The smallest positive float32: a cross-entropy above -log(SMALLEST) cannot be represented.
SMALLEST = 1e-45
_LOSS_TOLERANCE = 1e-3
_PROBABILITY_TOLERANCE = 1e-6


@dataclass(frozen=True, eq=False)
class Predictions:
    """A model's predictions of n test images, reduced to what the analysis needs.

    A file has the probabilities of all classes: 40 MB for 1,000 classes and 10,000 images. The arrays here have at most
    10 bytes per image.

    Attributes:
        labels: int64, shape (n,); one array, shared by all models of a run.
        predicted: the most probable class, the first one if several are equal; integers, shape (n,).
        confidence: the probability of ``predicted``, shape (n,).
        true: the probability of the true class, shape (n,).
        brier: the mean Brier score.
        has_losses: whether the mean loss equals the recorded loss.
        values: the contribution of each image to the study's metric (:meth:`Metric.contributions`), shape (n,);
            ``None`` for accuracy and log-loss, and if the metric is undefined.
        groups: int64, shape (n,), the group of each image; ``None`` if there are no groups, or in a file of an older
            convstudy.
        error_rows: the rows of the test set that ``error_pixels`` shows, shape (k,); ``None`` unless requested.
        error_pixels: the most confident errors, shape (k, height, width, channels).
    """

    labels: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.integer]
    confidence: npt.NDArray[np.floating]
    true: npt.NDArray[np.floating]
    brier: float
    has_losses: bool = True
    values: npt.NDArray[np.float64] | None = None
    groups: npt.NDArray[np.int64] | None = None
    error_rows: npt.NDArray[Any] | None = None
    error_pixels: npt.NDArray[Any] | None = None

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """Whether each prediction is correct, shape (n,)."""
        correct: npt.NDArray[np.bool_] = self.predicted == self.labels
        return correct

    @property
    def losses(self) -> npt.NDArray[np.float64] | None:
        """Cross-entropies in nats, shape (n,); ``None`` if their mean differs from the recorded loss."""
        return losses_of_true(self.true) if self.has_losses else None

    def metric_values(self, metric: Metric) -> npt.NDArray[np.float64] | None:
        """Return the contribution of each image to a metric, shape (n,); ``None`` if it is unknown or undefined."""
        if metric.name == ACCURACY:
            return self.correct.astype("float64")
        if metric.name == BALANCED_ACCURACY:
            return self.correct * metric.weights(self.labels)
        return self.losses if metric.name == LOG_LOSS else self.values


class PredictionReader:
    """Reads the predictions of a run's models, each file once.

    A file is ignored if it has no valid predictions or contradicts the record: another number of images or classes, or
    another accuracy. It is also ignored if its labels differ from those of the first file, because all models of a run
    are evaluated on the same images.

    Args:
        results: the results of the run.
        with_images: the ids of fits whose misclassified images are kept.
    """

    def __init__(self, results: Results, with_images: Collection[str] = ()) -> None:
        self._results = results
        self._metric = metric_named(results.study.metric)
        self._n_classes = results.dataset.n_classes
        self._with_images = frozenset(with_images)
        self._labels: npt.NDArray[np.int64] | None = None
        self._groups: npt.NDArray[np.int64] | None = None
        self._read: dict[str, Predictions | None] = {}
        self._unreadable: dict[str, str] = {}
        self._largest_changes: dict[str, float] = {}

    def of(self, fit_id: str) -> Predictions | None:
        """Return the predictions of a fit's model; ``None`` if they are missing, invalid, or it is not evaluated."""
        if fit_id not in self._read:
            self._read[fit_id] = self._load(fit_id)
        return self._read[fit_id]

    def weights(self, metric: Metric) -> npt.NDArray[np.float64] | None:
        """Return the weight of each test image, shape (n,); ``None`` if all are equal or no file was read yet."""
        return None if metric.weigh is None or self._labels is None else metric.weights(self._labels)

    def largest_change(self, metric: Metric) -> float:
        """Return the largest change of a metric that one test image can cause (:meth:`Metric.largest_change`).

        It has the scale of a contribution; 1 if no file was read yet.
        """
        if metric.name not in self._largest_changes:
            if self._labels is None:
                return 1.0
            self._largest_changes[metric.name] = metric.largest_change(self._labels, self._n_classes)
        return self._largest_changes[metric.name]

    @property
    def rarest_class(self) -> int | None:
        """The number of test images of the rarest class; ``None`` if no file was read yet."""
        import numpy as np

        return (
            None if self._labels is None else int(np.bincount(self._labels, minlength=self._n_classes).min())
        )

    @property
    def all_groups(self) -> npt.NDArray[np.int64] | None:
        """The group of each test image, shape (n,); ``None`` if there are none, or no file with groups was read yet."""
        return self._groups

    @property
    def groups(self) -> npt.NDArray[np.int64] | None:
        """Like ``all_groups``, but ``None`` if they allow no interval."""
        return None if self.why_refused() else self._groups

    def why_refused(self) -> str:
        """Return why the groups of the test images allow no interval; empty if they do, or there are none."""
        if self._groups is None and self._results.dataset.n_groups:
            for fit_id in self._results.test_evaluations:
                if self.of(fit_id) is not None:
                    break
        if self._groups is None or self._labels is None:
            return ""
        return why_refused(self._groups, self._labels)

    def marked(self, found: Estimate, n_images: int) -> Estimate:
        """Mark an estimate that takes images as independent because the groups of the test images are unknown."""
        unknown = self._results.dataset.n_groups and self._groups is None
        return independent(found, n_images) if unknown else found

    def unreadable(self, fit_id: str) -> str:
        """Return the error from reading a fit's file; empty if the file was read, even if its content was ignored."""
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
            self._unreadable[fit_id] = error.problems[0].reason
            return None
        found = predictions_in(test, self._metric)
        if (
            found is None
            or test["probabilities"].shape != (test_evaluation.n_images, self._n_classes)
            or not matches_accuracy(found.correct, test_evaluation.scores["accuracy"])
        ):
            return None
        if self._labels is None:
            self._labels = found.labels
        if not np.array_equal(found.labels, self._labels):
            return None
        # Files of an older convstudy have no groups; those of the other files hold for all, because the images do.
        self._groups = found.groups if self._groups is None else self._groups
        losses, loss = losses_of_true(found.true), test_evaluation.scores["log-loss"]
        # A true class with probability 0 in float32 has no exact loss; then the mean differs from the recorded one.
        is_close = abs(losses.mean() - loss) <= _LOSS_TOLERANCE * max(1.0, loss)
        with_images = fit_id in self._with_images
        return replace(
            found,
            labels=self._labels,
            has_losses=bool(is_close),
            error_rows=test.get("error_rows") if with_images else None,
            error_pixels=test.get("error_pixels") if with_images else None,
        )


def predictions_in(arrays: Arrays, metric: Metric | None = None) -> Predictions | None:
    """Reduce the labels and probabilities of a file; ``None`` if they are invalid.

    Args:
        arrays: the arrays of the file, by name.
        metric: the study's metric, for ``values``.
    """
    import numpy as np

    found = valid_arrays(arrays)
    if found is None:
        return None
    labels, probabilities = found
    predicted = probabilities.argmax(axis=1)
    rows = np.arange(len(labels))
    true = probabilities[rows, labels]
    # einsum needs no float64 copy of the probabilities.
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    return Predictions(
        labels=labels,
        predicted=predicted.astype(np.min_scalar_type(probabilities.shape[1])),
        confidence=probabilities[rows, predicted],
        true=true,
        brier=float((squares - 2 * true.astype(np.float64) + 1).mean()),
        values=values_of(metric, labels, probabilities),
        groups=groups_in(arrays, len(labels)),
    )


def groups_in(arrays: Arrays, n_images: int) -> npt.NDArray[np.int64] | None:
    """Return the groups in a file, shape (n,); ``None`` if there are none, or not one integer per image."""
    groups = arrays.get("groups")
    if groups is None or groups.dtype.kind not in "iu" or groups.shape != (n_images,):
        return None
    return groups.astype("int64")


def values_of(
    metric: Metric | None, labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64] | None:
    """Return the contribution of each image to a metric.

    Args:
        metric: the study's metric.
        labels: shape (n,).
        probabilities: shape (n, n_classes).

    Returns:
        Shape (n,); ``None`` for accuracy and log-loss, which are always available, and for an undefined metric.
    """
    import numpy as np

    if metric is None or metric.name in RECORDED:
        return None
    found = metric.contributions(labels, probabilities)
    return found if np.isfinite(found).all() else None


def matches_accuracy(correct: npt.NDArray[np.bool_], accuracy: float) -> bool:
    """Return whether the mean of ``correct``, shape (n,), equals a recorded accuracy, up to one image.

    One image may differ, because either class can be predicted if two classes have exactly the same probability.
    """
    return abs(int(correct.sum()) - accuracy * len(correct)) <= 1.5


def losses_of(
    labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Return the cross-entropies in nats, shape (n,), of labels (n,) and probabilities (n, n_classes)."""
    import numpy as np

    return losses_of_true(probabilities[np.arange(len(labels)), labels])


def losses_of_true(true: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the cross-entropies in nats for probabilities of the true classes."""
    import numpy as np

    return -np.log(np.maximum(true.astype(np.float64), SMALLEST))


def valid_arrays(arrays: Arrays) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.floating]] | None:
    """Return the labels, shape (n,), and probabilities, shape (n, n_classes), of a file; ``None`` if they are invalid.

    The probabilities are not copied: with 1,000 classes they are the largest part of a report's memory.

    Args:
        arrays: must have ``labels``, integers in [0, n_classes), and ``probabilities`` in [0, 1], for at least two
            images.
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
    values = cast("npt.NDArray[np.floating]", probabilities)
    valid = values.min() >= 0 and values.max() <= 1 + _PROBABILITY_TOLERANCE  # False for NaN
    return (labels.astype(np.int64), values) if valid else None
