"""The most confident mistakes on the test images, over all seeds of a candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Misclassified:
    """One test image that at least one model got wrong.

    Attributes:
        row: which test image, counted from 0.
        label, prediction: class indices; ``prediction`` is that of the most confident of the wrong models.
        confidence: the probability which that model gave to its prediction.
        n_wrong: how many of the ``n_models`` models got this image wrong.
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
    """What one model predicts for n images, and the images of k of its mistakes.

    Attributes:
        predicted, confidence: the most probable class and its probability, shape (n,).
        rows: which images these are, shape (k,).
        pixels: uint8, shape (k, height, width, channels).
    """

    predicted: npt.NDArray[np.integer]
    confidence: npt.NDArray[np.floating]
    rows: npt.NDArray[np.integer]
    pixels: npt.NDArray[np.uint8]


def misclassified_of(
    labels: npt.NDArray[np.integer], models: Sequence[Guesses], limit: int = 24
) -> tuple[Misclassified, ...]:
    """Return the most confident mistakes, most confident first, each image once; ``labels`` has shape (n,)."""
    import numpy as np

    n_wrong = np.zeros(len(labels), dtype=np.int64)
    worst: dict[int, Misclassified] = {}
    for model in models:
        n_wrong += model.predicted != labels
        for row, pixels in zip(model.rows.tolist(), model.pixels, strict=True):
            confidence = float(model.confidence[row])
            if row not in worst or confidence > worst[row].confidence:
                worst[row] = Misclassified(
                    row=row,
                    label=int(labels[row]),
                    prediction=int(model.predicted[row]),
                    confidence=confidence,
                    n_wrong=0,  # not all models are counted yet
                    n_models=len(models),
                    pixels=np.asarray(pixels, dtype=np.uint8),
                )
    ranked = sorted(worst.values(), key=lambda mistake: (-mistake.confidence, mistake.row))
    return tuple(replace(mistake, n_wrong=int(n_wrong[mistake.row])) for mistake in ranked[:limit])
