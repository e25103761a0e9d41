"""Matthews correlation coefficient for several classes (Gorodkin 2004): the correlation of labels and predictions.

1 is full agreement and 0 is no agreement beyond chance. If all labels or all predictions have the same class, the
value is 0, as in scikit-learn.
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


def _deleted(table: Table, true: Indices, predicted: Indices) -> Values:
    """Compute the coefficient without one image of each cell (true, predicted); NaN where one class is left."""
    import numpy as np

    n_true, n_predicted, n = table.sum(axis=1), table.sum(axis=0), float(table.sum()) - 1
    hit = (true == predicted).astype(np.float64)
    by_chance = n_true @ n_predicted - n_predicted[true] - n_true[predicted] + hit
    covariance = (table.diagonal().sum() - hit) * n - by_chance
    squares = (
        n**2 - (n_true @ n_true - 2 * n_true[true] + 1),
        n**2 - (n_predicted @ n_predicted - 2 * n_predicted[predicted] + 1),
    )
    spread = np.sqrt(squares[0] * squares[1])
    found: Values = np.divide(covariance, spread, out=np.full(len(true), math.nan), where=spread > 0)
    return found


def pseudo_values(labels: Labels, probabilities: Probabilities) -> Values:
    """Compute the jackknife pseudo-values, float64 of shape ``(n,)``."""
    return by_cell(labels, probabilities, mcc(labels, probabilities), _deleted)


METRIC = Metric(
    name="mcc",
    title="MCC",
    higher_is_better=True,
    unit="",
    low=-1.0,
    high=1.0,
    margin=0.001,
    per_set=mcc,
    pseudo_values=pseudo_values,
    classes="two",
)
