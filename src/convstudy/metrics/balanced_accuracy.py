"""Balanced accuracy: the mean recall over classes.

It equals a weighted mean over images, in which an image of a class with n_c of n images has the weight n / (C · n_c).
C is the number of classes that occur in the labels; other classes are ignored, as in scikit-learn's
``balanced_accuracy_score``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.accuracy import correct
from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Values


def class_weights(labels: Labels) -> Values:
    """Return one weight per image, float64 of shape ``(n,)`` with mean 1; all classes have the same total weight."""
    import numpy as np

    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights: Values = len(labels) / (len(counts) * counts[classes].astype(np.float64))
    return weights


METRIC = Metric(
    name="balanced-accuracy",
    title="balanced accuracy",
    higher_is_better=True,
    unit="percent",
    low=0.0,
    high=1.0,
    margin=0.001,
    per_image=correct,
    weigh=class_weights,
    zero_or_one=True,
    classes="all",
)
