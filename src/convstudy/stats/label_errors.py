"""Suspected label errors: images on which models confidently predict another class than the label.

The rule is that of confident learning (Northcutt, Jiang and Chuang 2021). The threshold of a class is the mean
probability that models give to it on the images that are labelled with it. An image is suspected if all its models
predict the same class, another one than its label, and their mean probability of that class reaches its threshold.
Models must not have seen the image in training. Two conditions keep false findings rare: all models agree, and the mean
probability is at least :data:`MIN_CONFIDENCE`. The second matters for weak models, whose thresholds are low.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.floating]

MIN_CONFIDENCE = 0.9
MIN_ACCURACY = 0.8
"""Models that are right on fewer images than this say too little about labels: most of their errors are their own."""


@dataclass(frozen=True)
class SuspectedLabel:
    """An image with a suspected label error.

    Attributes:
        row: the row of the image.
        label: its label.
        predicted: the class that all models predict.
        confidence: the mean probability of ``predicted``.
        own: the mean probability of ``label``.
    """

    row: int
    label: int
    predicted: int
    confidence: float
    own: float


def suspected_labels(
    rows: npt.NDArray[np.integer],
    labels: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    confidence: Values,
    own: Values,
) -> tuple[SuspectedLabel, ...]:
    """Return the images with suspected label errors, the most suspect first.

    Images are ranked by the probability of the predicted class minus that of the label.

    Args:
        rows: the row of each image, shape (n,).
        labels: shape (n,).
        predicted: the most probable class for each model and image, shape (models, n).
        confidence: its probability, same shape.
        own: the probability of the label, same shape.

    >>> import numpy as np
    >>> labels, predicted = np.array([0, 0, 1, 1, 1]), np.array([[0, 0, 1, 1, 0]])
    >>> confidence, own = np.array([[0.97, 0.93, 0.99, 0.98, 0.96]]), np.array([[0.97, 0.93, 0.99, 0.98, 0.04]])
    >>> [(each.row, each.predicted) for each in suspected_labels(np.arange(5), labels, predicted, confidence, own)]
    [(4, 0)]
    """
    import numpy as np

    mean_own = own.mean(axis=0, dtype=np.float64)
    n_classes = int(max(labels.max(), predicted.max())) + 1
    counts = np.bincount(labels, minlength=n_classes)
    sums = np.bincount(labels, mean_own, minlength=n_classes)
    # A class without images has no threshold: nothing is suspected to belong to it.
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    first = predicted[0]
    agreed = (predicted == first).all(axis=0)
    mean = confidence.mean(axis=0, dtype=np.float64)
    is_suspect = agreed & (first != labels) & (mean >= np.maximum(thresholds[first], MIN_CONFIDENCE))
    found = [
        SuspectedLabel(int(rows[i]), int(labels[i]), int(first[i]), float(mean[i]), float(mean_own[i]))
        for i in np.flatnonzero(is_suspect)
    ]
    return tuple(sorted(found, key=lambda each: (each.own - each.confidence, each.row)))
