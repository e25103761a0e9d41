"""Cohen's kappa (Cohen 1960): the agreement of predictions and labels beyond chance.

1 is full agreement and 0 is the agreement expected by chance. If all labels and predictions have the same class, the
value is NaN, as in scikit-learn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric
from convstudy.metrics.predicted import prediction_counts

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities


def kappa(labels: Labels, probabilities: Probabilities) -> float:
    """Compute Cohen's kappa; NaN if all labels and predictions have the same class.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
    """
    table = prediction_counts(labels, probabilities)
    n = table.sum()
    by_chance = float((table.sum(axis=0) * table.sum(axis=1)).sum() / n**2)
    if by_chance == 1:
        return math.nan
    return (float(table.diagonal().sum() / n) - by_chance) / (1 - by_chance)


METRIC = Metric(
    name="kappa",
    title="kappa",
    higher_is_better=True,
    unit="",
    low=-1.0,
    high=1.0,
    margin=0.001,
    per_set=kappa,
    classes="two",
)
