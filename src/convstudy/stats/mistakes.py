"""The most confident mistakes on the test images, over all seeds of a candidate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Mistake:
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


def mistakes_of(
    tests: Iterable[Mapping[str, npt.NDArray[np.generic]]], limit: int = 24
) -> tuple[Mistake, ...]:
    """Return the most confident mistakes, most confident first, each image once.

    Args:
        tests: for each model ``labels`` (n,), ``probabilities`` (n, n_classes), ``mistake_rows`` (k,) and
            ``mistake_pixels`` (k, height, width, channels).
        limit: how many at most.
    """
    import numpy as np

    n_wrong: dict[int, int] = {}
    worst: dict[int, Mistake] = {}
    n_models = 0
    for test in tests:  # one at a time: each can be large
        n_models += 1
        wrong = np.flatnonzero(test["probabilities"].argmax(axis=1) != test["labels"])
        for row in wrong.tolist():
            n_wrong[row] = n_wrong.get(row, 0) + 1
        for row, pixels in zip(test["mistake_rows"].tolist(), test["mistake_pixels"], strict=True):
            probabilities = test["probabilities"][row]
            prediction = int(probabilities.argmax())
            confidence = float(probabilities[prediction])
            if row not in worst or confidence > worst[row].confidence:
                worst[row] = Mistake(
                    row=row,
                    label=int(test["labels"][row]),
                    prediction=prediction,
                    confidence=confidence,
                    n_wrong=0,  # not all models are counted yet
                    n_models=0,
                    pixels=np.asarray(pixels, dtype=np.uint8),
                )
    ranked = sorted(worst.values(), key=lambda mistake: (-mistake.confidence, mistake.row))
    return tuple(
        replace(mistake, n_wrong=n_wrong.get(mistake.row, 0), n_models=n_models) for mistake in ranked[:limit]
    )
