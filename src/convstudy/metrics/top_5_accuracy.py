"""Top-5 accuracy: the proportion of images whose label is among the five most probable classes.

Where classes are equally probable, those with the lower number come first, as for accuracy (top 1). scikit-learn's
``top_k_accuracy_score`` puts the higher number first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values


def among_top(labels: Labels, probabilities: Probabilities, k: int) -> Values:
    """Return 1 where fewer than ``k`` classes come before the label, else 0."""
    import numpy as np

    own = probabilities[np.arange(len(labels)), labels][:, None]
    lower_number = np.arange(probabilities.shape[1])[None, :] < labels[:, None]
    before = (probabilities > own) | ((probabilities == own) & lower_number)
    found: Values = (before.sum(axis=1) < k).astype(np.float64)
    return found


METRIC = Metric(
    name="top-5-accuracy",
    title="top-5 accuracy",
    higher_is_better=True,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_image=lambda labels, probabilities: among_top(labels, probabilities, 5),
    zero_or_one=True,
    least_classes=6,
)
