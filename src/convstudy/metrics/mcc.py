"""Matthews correlation coefficient for several classes (Gorodkin 2004): the correlation of labels and predictions.

1 is full agreement and 0 is no agreement beyond chance. If all labels or all predictions have the same class, the
value is 0, as in scikit-learn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric
from convstudy.metrics.predicted import prediction_counts

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities


def mcc(labels: Labels, probabilities: Probabilities) -> float:
    """Compute the coefficient; 0 if all labels or all predictions have the same class.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
    """
    table = prediction_counts(labels, probabilities)
    true, predicted, n = table.sum(axis=1), table.sum(axis=0), float(table.sum())
    covariance = float(table.diagonal().sum()) * n - float(true @ predicted)
    spread = (n**2 - float(true @ true)) * (n**2 - float(predicted @ predicted))
    return covariance / math.sqrt(spread) if spread > 0 else 0.0


METRIC = Metric(
    name="mcc",
    title="MCC",
    higher_is_better=True,
    unit="",
    low=-1.0,
    high=1.0,
    margin=0.001,
    per_set=mcc,
    classes="two",
)
