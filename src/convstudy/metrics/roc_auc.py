"""ROC AUC, one-vs-rest: the mean over classes of the area under the ROC curve.

The area of a class is the probability that an image of this class gets a higher score for this class than an image of
another class; ties count half (Mann and Whitney 1947). Classes that do not occur in the labels are ignored;
scikit-learn's ``roc_auc_score`` raises an error for them. The value is NaN if the labels have only one class.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities


def roc_auc(labels: Labels, probabilities: Probabilities) -> float:
    """Compute the mean area over classes; NaN if the labels have only one class.

    Args:
        labels: class indices, shape ``(n,)``.
        probabilities: shape ``(n, n_classes)``.
    """
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        return math.nan
    areas = []
    for label, n_own in zip(classes.tolist(), counts.tolist(), strict=True):
        _, groups, sizes = np.unique(probabilities[:, label], return_inverse=True, return_counts=True)
        # Mann-Whitney U: equal probabilities share the mean of their ranks, which start at 1.
        ranks = (sizes.cumsum() - (sizes - 1) / 2)[groups]
        above = ranks[labels == label].sum() - n_own * (n_own + 1) / 2
        areas.append(above / (n_own * (len(labels) - n_own)))
    return float(np.mean(areas))


METRIC = Metric(
    name="roc-auc",
    title="ROC AUC",
    higher_is_better=True,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_set=roc_auc,
    classes="all",
)
