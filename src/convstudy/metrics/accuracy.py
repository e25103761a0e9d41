"""Accuracy: the proportion of images whose most probable class is the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values


def correct(labels: Labels, probabilities: Probabilities) -> Values:
    """Compute 1 for each image whose most probable class is the label, else 0.

    Among equally probable classes the first one counts.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
    """
    import numpy as np

    is_correct: Values = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    return is_correct


METRIC = Metric(
    name="accuracy",
    title="accuracy",
    higher_is_better=True,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_image=correct,
    zero_or_one=True,
)
