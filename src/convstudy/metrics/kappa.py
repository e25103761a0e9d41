"""Cohen's kappa (Cohen 1960): agreement of predictions and labels beyond what their frequencies give by chance.

1 is full agreement, 0 agreement by chance. Where all labels and all predictions are of one class, chance alone gives
full agreement, and the value is NaN, as in scikit-learn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric
from convstudy.metrics.predicted import prediction_counts

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities


def kappa(labels: Labels, probabilities: Probabilities) -> float:
    """Return Cohen's kappa; NaN where agreement by chance is full."""
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
