"""Macro-F1: the mean F1 over classes; F1 is the harmonic mean of precision and recall.

Classes that occur neither in the labels nor in the predictions are ignored, as in scikit-learn's ``f1_score``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.jackknife import by_cell
from convstudy.metrics.metric import Metric
from convstudy.metrics.predicted import prediction_counts

if TYPE_CHECKING:
    from convstudy.metrics.jackknife import Indices, Table
    from convstudy.metrics.metric import Labels, Probabilities, Values


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


def _deleted(table: Table, true: Indices, predicted: Indices) -> Values:
    """Compute macro-F1 without one image of each cell (true, predicted); the classes of the mean stay the same."""
    import numpy as np

    own, both, n_labels = table.diagonal(), table.sum(axis=0) + table.sum(axis=1), table.sum(axis=1)
    f1 = np.divide(2 * own, both, out=np.zeros(len(own)), where=both > 0)
    hit = (true == predicted).astype(np.float64)

    def without(classes: Indices, hits: Values, n_less: Values) -> Values:
        left = both[classes] - n_less
        found: Values = np.divide(2 * (own[classes] - hits), left, out=np.zeros(len(classes)), where=left > 0)
        return found

    # A class whose only image is deleted keeps its F1.
    of_true = np.where(n_labels[true] > 1, without(true, hit, 1 + hit) - f1[true], 0.0)
    of_predicted = np.where(hit > 0, 0.0, without(predicted, 0 * hit, 1 + 0 * hit) - f1[predicted])
    occurs = both > 0
    found: Values = f1[occurs].mean() + (of_true + of_predicted) / occurs.sum()
    return found


def pseudo_values(labels: Labels, probabilities: Probabilities) -> Values:
    """Compute the jackknife pseudo-values, float64 of shape ``(n,)``."""
    return by_cell(labels, probabilities, macro_f1(labels, probabilities), _deleted)


METRIC = Metric(
    name="macro-f1",
    title="macro-F1",
    higher_is_better=True,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_set=macro_f1,
    pseudo_values=pseudo_values,
    classes="all",
)
