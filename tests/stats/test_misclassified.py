from __future__ import annotations

import numpy as np

from convstudy.stats import Guesses, misclassified_of

LABELS = np.array([0, 1, 0])


def model(rows: list[int], *probabilities: list[float]) -> Guesses:
    """Return the predictions of a model for three images, with the pixels of some errors."""
    pixels = np.stack([np.full((2, 2, 1), row, np.uint8) for row in rows])
    found = np.array(probabilities)
    return Guesses(found.argmax(axis=1), found.max(axis=1), np.array(rows, dtype=np.int64), pixels)


FIRST = model([1, 0], [0.3, 0.7], [0.8, 0.2], [0.9, 0.1])
SECOND = model([0], [0.05, 0.95], [0.1, 0.9], [0.9, 0.1])


def test_misclassified_are_sorted_by_confidence_without_repeats() -> None:
    found = misclassified_of(LABELS, [FIRST, SECOND])
    assert [(m.row, m.label, m.prediction, m.confidence) for m in found] == [(0, 0, 1, 0.95), (1, 1, 0, 0.8)]
    assert [(m.n_wrong, m.n_models) for m in found] == [(2, 2), (1, 2)]
    assert found[1].pixels.tolist() == np.full((2, 2, 1), 1).tolist()


def test_misclassified_respects_the_limit() -> None:
    assert [m.row for m in misclassified_of(LABELS, [FIRST, SECOND], limit=1)] == [0]
    assert misclassified_of(LABELS, []) == ()
