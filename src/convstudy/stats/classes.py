"""Class by class: how often images of it are right, and how even the classes are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from convstudy.stats.intervals import Interval
from convstudy.stats.two_way import accuracy_interval

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class ClassAccuracy:
    """How often some models get the test images of one class right (its recall).

    Attributes:
        label: the class.
        n_images: its test images.
        accuracy: with the interval over new seeds and new images of this class, of one model over new images alone;
            ``None`` below two images.
        taken_for: the class that its images are most often taken for wrongly; ``None`` where none ever is.
        share_taken: the share of predictions on its images that say so.
        n_models: how many models there are.
    """

    label: int
    n_images: int
    accuracy: Interval | None
    taken_for: int | None
    share_taken: float
    n_models: int = 1


@dataclass(frozen=True)
class Balance:
    """How even the classes of some images are.

    Attributes:
        largest, smallest: a class with the most and one with the fewest images, the first of equals.
        ratio: the most by the fewest; infinite where a class has no image.
        majority: the share of images that always saying the largest class would get right.
        effective: the number of equally large classes that would be as uneven: e to the power of the entropy of the
            shares (Hill 1973, of order 1).
    """

    largest: int
    smallest: int
    ratio: float
    majority: float
    effective: float


def class_accuracies(
    labels: npt.NDArray[np.integer], predicted: npt.NDArray[np.integer], n_classes: int
) -> tuple[ClassAccuracy, ...]:
    """Return the accuracy of each class, in their order.

    Args:
        labels: shape (n,).
        predicted: the predicted class of each image, shape (models, n).
        n_classes: how many classes there are.

    Raises:
        ValueError: where there is no model, or the shapes do not fit each other.
    """
    import numpy as np

    if predicted.ndim != 2 or not len(predicted) or predicted.shape[1] != len(labels):
        raise ValueError(f"class accuracies need predictions of {len(labels)} images, got {predicted.shape}")
    by_class = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[by_class], np.arange(n_classes + 1))
    found = []
    for label in range(n_classes):
        own = predicted[:, by_class[ends[label] : ends[label + 1]]]
        wrong = own[own != label]
        taken = np.bincount(wrong) if wrong.size else np.zeros(1, np.int64)
        n_taken = int(taken.max())
        found.append(
            ClassAccuracy(
                label,
                own.shape[1],
                accuracy_interval((own == label).astype(np.float64)) if own.shape[1] > 1 else None,
                int(taken.argmax()) if n_taken else None,
                n_taken / own.size if own.size else 0.0,
                len(predicted),
            )
        )
    return tuple(found)


def balance_of(counts: Sequence[int]) -> Balance:
    """Return how even classes with so many images are.

    Raises:
        ValueError: where there are no images.
    """
    n = sum(counts)
    if n < 1:
        raise ValueError("classes without any image are neither even nor uneven")
    most, fewest = max(counts), min(counts)
    entropy = -math.fsum(count / n * math.log(count / n) for count in counts if count)
    return Balance(
        counts.index(most),
        counts.index(fewest),
        most / fewest if fewest else math.inf,
        most / n,
        math.exp(entropy),
    )
