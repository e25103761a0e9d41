"""Brier score (Brier 1950): the squared distance between the probabilities and the label's class, summed over classes.

0 is best, 2 is worst. For two classes it is twice the value of those who count one class only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values


def squared_distances(labels: Labels, probabilities: Probabilities) -> Values:
    """Return the squared distance of each image."""
    import numpy as np

    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    # Without a copy in float64.
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
