"""Cohen's kappa (Cohen 1960): the agreement of predictions and labels beyond chance.

1 is full agreement and 0 is the agreement expected by chance. If all labels and predictions have the same class, the
value is NaN, as in scikit-learn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.metrics.jackknife import by_cell
from convstudy.metrics.metric import Metric
from convstudy.metrics.predicted import prediction_counts

if TYPE_CHECKING:
    from convstudy.metrics.jackknife import Indices, Table
    from convstudy.metrics.metric import Labels, Probabilities, Values


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


def _deleted(table: Table, true: Indices, predicted: Indices) -> Values:
    """Compute kappa without one image of each cell (true, predicted); NaN where it is undefined."""
    import numpy as np

    n_true, n_predicted, n = table.sum(axis=1), table.sum(axis=0), float(table.sum())
    hit = (true == predicted).astype(np.float64)
    right = (table.diagonal().sum() - hit) / (n - 1)
    by_chance = (n_true @ n_predicted - n_predicted[true] - n_true[predicted] + hit) / (n - 1) ** 2
    found: Values = np.divide(
        right - by_chance, 1 - by_chance, out=np.full(len(true), math.nan), where=by_chance < 1
    )
    return found


def pseudo_values(labels: Labels, probabilities: Probabilities) -> Values:
    """Compute the jackknife pseudo-values, float64 of shape ``(n,)``."""
    return by_cell(labels, probabilities, kappa(labels, probabilities), _deleted)


METRIC = Metric(
    name="kappa",
    title="kappa",
    higher_is_better=True,
    unit="",
    low=-1.0,
    high=1.0,
    margin=0.001,
    per_set=kappa,
    pseudo_values=pseudo_values,
    classes="two",
)
