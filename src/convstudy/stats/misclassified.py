"""The most confident wrong predictions on the test images, over all seeds of a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Misclassified:
    """A test image that at least one model classifies wrongly.

    Attributes:
        row: the index of the test image, from 0.
        label, prediction: class indices; ``prediction`` is the prediction of the most confident wrong model.
        confidence: the probability that this model gives to its prediction.
        n_wrong: the number of models, of ``n_models``, that classify this image wrongly.
        pixels: uint8, shape (height, width, channels).
    """

    row: int
    label: int
    prediction: int
    confidence: float
    n_wrong: int
    n_models: int
    pixels: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Guesses:
    """The predictions of one model for n images, with the pixels of k of its errors.

    Attributes:
        predicted, confidence: the most probable class and its probability, shape (n,).
        rows: the indices of the images in ``pixels``, shape (k,).
        pixels: uint8, shape (k, height, width, channels).
    """

    predicted: npt.NDArray[np.integer]
    confidence: npt.NDArray[np.floating]
    rows: npt.NDArray[np.integer]
    pixels: npt.NDArray[np.uint8]


def misclassified_of(
    labels: npt.NDArray[np.integer], models: Sequence[Guesses], limit: int = 24
) -> tuple[Misclassified, ...]:
    """Return the most confident wrong predictions, the most confident first, each image once.

    Args:
        labels: shape (n,).
        models: the predictions of each model.
        limit: the largest number of images to return.

    >>> import numpy as np
    >>> model = Guesses(np.array([0, 1]), np.array([0.9, 0.8]), np.array([1]), np.zeros((1, 8, 8, 1), np.uint8))
    >>> [(each.row, each.label, each.prediction) for each in misclassified_of(np.array([0, 0]), [model])]
    [(1, 0, 1)]
    """
    import numpy as np

    n_wrong = np.zeros(len(labels), dtype=np.int64)
    worst: dict[int, Misclassified] = {}
    for model in models:
        # Counted from all predictions, because ``rows`` has only k errors of each model.
        n_wrong += model.predicted != labels
        for row, pixels in zip(model.rows.tolist(), model.pixels, strict=True):
            confidence = float(model.confidence[row])
            if row not in worst or confidence > worst[row].confidence:
                worst[row] = Misclassified(
                    row=row,
                    label=int(labels[row]),
                    prediction=int(model.predicted[row]),
                    confidence=confidence,
                    n_wrong=0,  # counted below, over all models
                    n_models=len(models),
                    pixels=np.asarray(pixels, dtype=np.uint8),
                )
    ranked = sorted(worst.values(), key=lambda each: (-each.confidence, each.row))
    return tuple(replace(each, n_wrong=int(n_wrong[each.row])) for each in ranked[:limit])
