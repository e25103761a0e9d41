"""ROC AUC, one class against the rest: the mean over classes of the area under its ROC curve.

The area of a class is how often an image of the class has a higher probability of it than an image of another class;
ties count half (Mann and Whitney 1947). A class without images among the labels has no area and is left out;
scikit-learn's ``roc_auc_score`` raises there. With a single class among the labels no area exists and the value is NaN.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities


def roc_auc(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean of the classes' areas; NaN where the labels have one class only."""
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        return math.nan
    areas = []
    for label, n_own in zip(classes.tolist(), counts.tolist(), strict=True):
        _, places, times = np.unique(probabilities[:, label], return_inverse=True, return_counts=True)
        # The mean rank, from 1, of each group of equal probabilities.
        ranks = (times.cumsum() - (times - 1) / 2)[places]
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
