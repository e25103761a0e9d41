"""ROC AUC, one-vs-rest: the mean over classes of the area under the ROC curve.

The area of a class is the probability that an image of this class gets a higher score for this class than an image of
another class; ties count half (Mann and Whitney 1947). Classes that do not occur in the labels are ignored;
scikit-learn's ``roc_auc_score`` raises an error for them. The value is NaN if the labels have only one class.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convstudy.metrics.jackknife import centred
from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Probabilities, Values


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


def pseudo_values(labels: Labels, probabilities: Probabilities) -> Values:
    """Compute the jackknife pseudo-values, float64 of shape ``(n,)``, from DeLong's placement values.

    The placement of an image of a class is the fraction of the other images with a lower score for this class, and that
    of another image the fraction of the images of the class with a higher score; ties count half. The area is the mean
    of either. Without an image it is the mean of the remaining placements.
    """
    import numpy as np

    classes, counts = np.unique(labels, return_counts=True)
    n, deleted, areas = len(labels), np.zeros(len(labels)), 0.0
    if len(classes) < 2:
        return np.full(n, math.nan)
    for label, n_own in zip(classes.tolist(), counts.tolist(), strict=True):
        scores, is_own = probabilities[:, label], labels == label
        n_other = n - n_own
        placements = np.empty(n)
        for side, others, n_others in ((is_own, ~is_own, n_other), (~is_own, is_own, n_own)):
            sorted_others = np.sort(scores[others])
            below = np.searchsorted(sorted_others, scores[side], side="left")
            at_most = np.searchsorted(sorted_others, scores[side], side="right")
            placements[side] = (below + at_most) / (2 * n_others)
        placements[~is_own] = 1 - placements[~is_own]
        area = float(placements[is_own].mean())
        # The only image of a class, or of the others, cannot be left out: the area stays.
        n_side = np.where(is_own, n_own, n_other)
        deleted += np.where(n_side > 1, (n_side * area - placements) / np.maximum(n_side - 1, 1), area)
        areas += area
    return centred(areas / len(classes), deleted / len(classes))


METRIC = Metric(
    name="roc-auc",
    title="ROC AUC",
    higher_is_better=True,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_set=roc_auc,
    pseudo_values=pseudo_values,
    classes="all",
)
