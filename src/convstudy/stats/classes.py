"""Accuracy per class, and class balance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.image_groups import MIN_GROUPS
from convstudy.stats.intervals import Interval
from convstudy.stats.two_way import accuracy_interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


IMBALANCED_RATIO = 3.0
"""Classes are imbalanced if the largest has more than this many times the images of the smallest."""


@dataclass(frozen=True)
class ClassAccuracy:
    """The accuracy of some models on the test images of one class (its recall).

    Attributes:
        label: the class.
        n_images: the number of test images of this class.
        accuracy: a fraction, with the interval for new seeds and new images of this class. For a single model, it is
            the interval of that model for new images. ``None`` with fewer than two images, or
            with images of fewer than 10 groups.
        confused_with: the most frequent wrong prediction on images of this class; ``None`` if all are correct.
        confused_fraction: the proportion of the predictions on images of this class that are ``confused_with``.
        n_models: the number of models.
        n_groups: the number of groups of these images; 0 if images are not in groups.
        estimate: the accuracy without an interval; ``None`` without images.
    """

    label: int
    n_images: int
    accuracy: Interval | None
    confused_with: int | None
    confused_fraction: float
    n_models: int = 1
    n_groups: int = 0
    estimate: float | None = None


@dataclass(frozen=True)
class Balance:
    """The class balance of some images.

    Attributes:
        largest, smallest: the class with the most images and the class with the fewest; the first one of equal classes.
        ratio: the size of the largest class divided by that of the smallest; infinite if a class has no image.
        majority: the accuracy of always predicting the largest class.
        effective: the number of equally large classes with the same entropy (Hill 1973, order 1).
    """

    largest: int
    smallest: int
    ratio: float
    majority: float
    effective: float

    @property
    def is_imbalanced(self) -> bool:
        """Whether the largest class has more than ``IMBALANCED_RATIO`` times the images of the smallest."""
        return self.ratio > IMBALANCED_RATIO


def class_accuracies(
    labels: npt.NDArray[np.integer],
    predicted: npt.NDArray[np.integer],
    n_classes: int,
    groups: npt.NDArray[np.integer] | None = None,
) -> tuple[ClassAccuracy, ...]:
    """Return the accuracy of each class, in the order of the classes.

    Args:
        labels: shape (n,).
        predicted: the predicted class of each image, shape (models, n).
        n_classes: the number of classes.
        groups: the group of each image, shape (n,); intervals are then for new groups.

    Raises:
        ValueError: if there is no model, or the shapes do not match.

    >>> import numpy as np
    >>> found = class_accuracies(np.array([0, 0, 1, 1]), np.array([[0, 0, 1, 0]]), n_classes=2)
    >>> [each.accuracy.estimate for each in found], found[1].confused_with
    ([1.0, 0.5], 0)
    """
    import numpy as np

    if predicted.ndim != 2 or not len(predicted) or predicted.shape[1] != len(labels):
        raise ValueError(f"predicted must have the shape (models, {len(labels)}); got {predicted.shape}")
    # One sort is faster than a scan of all labels for each class.
    by_class = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[by_class], np.arange(n_classes + 1))
    found = []
    for label in range(n_classes):
        rows = by_class[ends[label] : ends[label + 1]]
        own, own_groups = predicted[:, rows], None if groups is None else groups[rows]
        n_groups = 0 if own_groups is None else len(np.unique(own_groups))
        correct = (own == label).astype(np.float64)
        wrong = own[own != label]
        taken = np.bincount(wrong) if wrong.size else np.zeros(1, np.int64)
        n_taken = int(taken.max())
        # A two-way table needs at least two images.
        found.append(
            ClassAccuracy(
                label,
                own.shape[1],
                accuracy_interval(correct, groups=own_groups)
                if own.shape[1] > 1 and (own_groups is None or n_groups >= MIN_GROUPS)
                else None,
                int(taken.argmax()) if n_taken else None,
                n_taken / own.size if own.size else 0.0,
                len(predicted),
                n_groups,
                float(correct.mean()) if correct.size else None,
            )
        )
    return tuple(found)


def balance_of(counts: Sequence[int]) -> Balance:
    """Return the balance of classes with these numbers of images.

    Raises:
        ValueError: if there are no images.

    >>> balance_of([90, 10]).majority
    0.9
    """
    n = sum(counts)
    if n < 1:
        raise ValueError("counts must have a sum > 0")
    most, fewest = max(counts), min(counts)
    # A class without images adds 0, the limit of p · log p.
    entropy = -math.fsum(count / n * math.log(count / n) for count in counts if count)
    return Balance(
        counts.index(most),
        counts.index(fewest),
        most / fewest if fewest else math.inf,
        most / n,
        math.exp(entropy),
    )
