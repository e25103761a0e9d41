"""Accuracy: the proportion of images whose most probable class is the label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values


def correct(labels: Labels, probabilities: Probabilities) -> Values:
    """Return 1 where the most probable class is the label, else 0; of equally probable classes the first counts."""
    import numpy as np

    right: Values = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    return right


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
