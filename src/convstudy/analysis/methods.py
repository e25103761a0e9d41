"""Which statistical method holds for which metric; a test compares this with the table of docs/statistics.md.

Methods for proportions (Wilson's interval, McNemar's test, the rule of three, pseudo-observations, sample sizes, the
correction of a winner's score) need values of 0 or 1 with equal weights. What does not hold is not used or printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from convstudy.metrics import Metric

METHODS: Mapping[str, Callable[[Metric], bool]] = {
    "interval over seeds and images": lambda metric: metric.kind == "per image",
    "interval over folds": lambda metric: metric.kind == "per image",
    "Wilson": lambda metric: metric.counts,
    "McNemar": lambda metric: metric.counts,
    "rule of three": lambda metric: metric.counts,
    "pseudo-observations": lambda metric: metric.counts,
    "sample size": lambda metric: metric.counts,
    "winner's correction": lambda metric: metric.counts,
}
"""Method -> whether it holds for a metric."""


def holds(method: str, metric: Metric) -> bool:
    """Return whether a method holds for a metric; raise ``KeyError`` for an unknown method."""
    return METHODS[method](metric)
