"""Macro-F1: the mean F1 over classes; F1 is the harmonic mean of precision and recall.

Classes that occur neither in the labels nor in the predictions are ignored, as in scikit-learn's ``f1_score``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric
from convstudy.metrics.predicted import prediction_counts

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities


def macro_f1(labels: Labels, probabilities: Probabilities) -> float:
    """Compute the mean F1 over classes.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
    """
    table = prediction_counts(labels, probabilities)
    both = table.sum(axis=0) + table.sum(axis=1)
    occurs = both > 0
    return float((2 * table.diagonal()[occurs] / both[occurs]).mean())


METRIC = Metric(
    name="macro-f1",
    title="macro-F1",
    higher_is_better=True,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_set=macro_f1,
    classes="all",
)
