"""The statistical methods that are valid for each metric. A test compares them with the table in docs/statistics.md.

Methods for proportions (Wilson's interval, McNemar's test, the rule of three, the bound without predictions, sample
sizes, the correction of a winner's score) need values of 0 or 1 with equal weights. Invalid methods are neither
computed nor shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from convstudy.metrics import Metric

METHODS: Mapping[str, Callable[[Metric], bool]] = {
    "interval over seeds and images": lambda metric: True,
    "interval over folds": lambda metric: True,
    "Wilson": lambda metric: metric.counts,
    "McNemar": lambda metric: metric.counts,
    "rule of three": lambda metric: metric.counts,
    "pseudo-observations": lambda metric: True,
    "bound without predictions": lambda metric: metric.counts,
    "sample size": lambda metric: metric.counts,
    "winner's correction": lambda metric: metric.counts,
}
"""Method -> whether it is valid for a metric."""


def holds(method: str, metric: Metric) -> bool:
    """Return whether a method is valid for a metric.

    Raises:
        KeyError: if ``method`` is not a key of :data:`METHODS`.
    """
    return METHODS[method](metric)


def pseudo_observations(
    metric: Metric, largest: float, n_images: int, largest_change: float | None = None
) -> float:
    """Return the size of a pseudo-observation: the largest difference of two models on an unseen image.

    This difference is the metric's range times the largest weight, for a metric per set the largest change that one
    image can cause. A log-loss is practically unbounded: there the size is the largest observed loss, but at least
    ``ln n_images``. A calibrated model has a loss above ``ln n_images`` on at most a fraction of (classes − 1) / n of
    all images.

    Args:
        metric: the metric.
        largest: the largest observed contribution of an image.
        n_images: the number of images.
        largest_change: from :meth:`~convstudy.metrics.Metric.largest_change`; by default the range of the metric.
    """
    if largest_change is None:
        largest_change = metric.high - metric.low
    if metric.zero_or_one or metric.kind == "per set":
        return largest_change
    return min(largest_change, max(largest, math.log(n_images)))
