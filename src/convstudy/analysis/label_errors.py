"""Suspected label errors of the training images and of the test images (``stats/label_errors.py``).

Training images: each fold of a search holds out some images, so a candidate with all folds has predicted every training
image with a model that has not seen it. The predictions are those of the selected candidate; of several searches, of
the one whose selected candidate has the best validation score. Test images: the seeds of the candidate that the report
shows in detail, which must all agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from convstudy.analysis.findings import Headline, StageResult
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.predictions import PredictionReader
from convstudy.stats.label_errors import MIN_ACCURACY, SuspectedLabel, suspected_labels

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Unknown = Literal["", "no search", "no predictions", "one seed", "low accuracy"]


@dataclass(frozen=True)
class LabelErrors:
    """The suspected label errors of one part of the images.

    Attributes:
        part: ``"training"`` or ``"test"``.
        found: the suspected images, the most suspect first.
        n_images: the number of images that were examined.
        source: the candidate whose models predicted them, as "stage: candidate"; empty if unknown.
        n_models: the number of models that predicted each image.
        accuracy: the proportion of predictions that agree with the labels.
        unknown: why the images were not examined.
    """

    part: Literal["training", "test"]
    found: tuple[SuspectedLabel, ...] = ()
    n_images: int = 0
    source: str = ""
    n_models: int = 0
    accuracy: float = 0.0
    unknown: Unknown = ""

    @property
    def rate(self) -> float:
        """The proportion of examined images that are suspected."""
        return len(self.found) / self.n_images if self.n_images else 0.0


def label_errors_of_training(stage_results: tuple[StageResult, ...], held_out: HeldOutReader) -> LabelErrors:
    """Return the suspected label errors of the training images.

    Args:
        stage_results: the main results of the run.
        held_out: the reader of validation predictions.
    """
    import numpy as np

    searches = [each for each in stage_results if each.question == "search" and each.best is not None]
    ranked = sorted(searches, key=_rank)
    if not ranked:
        return LabelErrors("training", unknown="no search")
    for stage_result in ranked:
        best = stage_result.best
        assert best is not None  # searches without a selected candidate are left out
        read = [held_out.of(fit.fit_id) for fit in best.fits]
        known = [each for each in read if each is not None]
        if not known or len(known) < len(read):
            continue
        rows, labels, predicted, confidence, own = (
            np.concatenate([getattr(each, name) for each in known])
            for name in ("images", "labels", "predicted", "confidence", "own")
        )
        if len(np.unique(rows)) < len(rows):
            continue
        order = np.argsort(rows)
        source = f"{stage_result.stage}: {best.name}"
        arrays = rows[order], labels[order], predicted[None, order], confidence[None, order], own[None, order]
        return _examined("training", source, *arrays)
    return LabelErrors("training", unknown="no predictions")


def label_errors_of_test(
    head: Headline | None, fit_ids: tuple[str, ...], predictions: PredictionReader
) -> LabelErrors:
    """Return the suspected label errors of the test images.

    Args:
        head: the candidate that the report shows in detail.
        fit_ids: its fits with a test score.
        predictions: the reader of test predictions.
    """
    import numpy as np

    read = [predictions.of(fit_id) for fit_id in fit_ids]
    known = [each for each in read if each is not None]
    if head is None or not known or len(known) < len(read):
        return LabelErrors("test", unknown="no predictions")
    if len(known) < 2:
        return LabelErrors("test", unknown="one seed")
    labels = known[0].labels
    predicted, confidence, own = (
        np.stack([getattr(each, name) for each in known]) for name in ("predicted", "confidence", "true")
    )
    source = f"{head.stage.key}: {head.candidate.name}"
    return _examined("test", source, np.arange(len(labels)), labels, predicted, confidence, own)


def _examined(
    part: Literal["training", "test"],
    source: str,
    rows: npt.NDArray[np.int64],
    labels: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    confidence: npt.NDArray[np.floating],
    own: npt.NDArray[np.floating],
) -> LabelErrors:
    accuracy = float((predicted == labels).mean())
    if accuracy < MIN_ACCURACY:
        return LabelErrors(part, (), len(rows), source, len(predicted), accuracy, "low accuracy")
    found = suspected_labels(rows, labels, predicted, confidence, own)
    return LabelErrors(part, found, len(rows), source, len(predicted), accuracy)


def _rank(stage_result: StageResult) -> float:
    assert stage_result.best is not None  # the caller leaves out searches without one
    mean = stage_result.best.validation[stage_result.metric.name].mean
    return float("inf") if mean is None else stage_result.metric.rank(mean)
