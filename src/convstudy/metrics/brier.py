"""Brier score (Brier 1950): the squared distance between probabilities and one-hot label, summed over classes.

0 is best and 2 is worst. For two classes, the value is twice the Brier score of one class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values


def squared_distances(labels: Labels, probabilities: Probabilities) -> Values:
    """Compute the squared distance of each image.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.

    Returns:
        Values in [0, 2], float64, shape ``(n,)``.
    """
    import numpy as np

    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    # einsum accumulates in float64 without a float64 copy of the probabilities.
    squares: Values = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    return squares - 2 * own + 1


METRIC = Metric(
    name="brier",
    title="Brier score",
    higher_is_better=False,
    unit="",
    low=0.0,
    high=2.0,
    margin=0.001,
    per_image=squared_distances,
)
