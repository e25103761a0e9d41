"""Top-5 accuracy: the proportion of images whose label is among the five most probable classes.

Among equally probable classes the lower index comes first, as for accuracy. scikit-learn's ``top_k_accuracy_score``
puts the higher index first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values


def among_top(labels: Labels, probabilities: Probabilities, k: int) -> Values:
    """Compute 1 for each image whose label is among the ``k`` most probable classes, else 0.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
        k: the number of classes.
    """
    import numpy as np

    own = probabilities[np.arange(len(labels)), labels][:, None]
    has_lower_index = np.arange(probabilities.shape[1])[None, :] < labels[:, None]
    before = (probabilities > own) | ((probabilities == own) & has_lower_index)
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
