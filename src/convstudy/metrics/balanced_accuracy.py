"""Balanced accuracy: the mean over classes of the proportion of its images that are predicted correctly.

It is a weighted mean over images: an image of a class with n_c of n images weighs n / (C · n_c). C counts the classes
that occur among the labels; scikit-learn's ``balanced_accuracy_score`` leaves out the others too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.metrics.accuracy import correct
from convstudy.metrics.metric import Metric

if TYPE_CHECKING:
    from convstudy.metrics.metric import Labels, Values


def class_weights(labels: Labels) -> Values:
    """Return weights with mean 1 that give each class the same total."""
    import numpy as np

    _, places, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights: Values = len(labels) / (len(counts) * counts[places].astype(np.float64))
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
