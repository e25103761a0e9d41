"""Metrics, one module each. To add one, write a module here with a constant ``METRIC`` and extend the tests.

NumPy is imported only when a value is computed. docs/statistics.md has a table of the metrics and the statistical
methods for each.
"""

from __future__ import annotations

from functools import cache

from convstudy.discovery import members
from convstudy.metrics.metric import Kind, Metric, Unit

ACCURACY = "accuracy"
BALANCED_ACCURACY = "balanced-accuracy"
LOG_LOSS = "log-loss"
RECORDED = (LOG_LOSS, ACCURACY)
"""The metrics that every fit records, in the order of tables; the metric of the study follows."""


@cache
def metrics() -> dict[str, Metric]:
    """Return all metrics, name -> metric, sorted by name."""
    found = [module.METRIC for module in members(__name__) if hasattr(module, "METRIC")]
    return {metric.name: metric for metric in sorted(found, key=lambda metric: metric.name)}


def metric_named(name: str) -> Metric:
    """Return a metric by its name.

    Raises:
        KeyError: if there is no such metric.

    >>> metric_named("mcc").title
    'MCC'
    """
    return metrics()[name]


def recorded_with(name: str) -> tuple[str, ...]:
    """Return the names of the metrics that a fit records if the study uses this metric.

    >>> recorded_with("kappa")
    ('log-loss', 'accuracy', 'kappa')
    """
    return RECORDED if name in RECORDED else (*RECORDED, name)


__all__ = [
    "ACCURACY",
    "BALANCED_ACCURACY",
    "LOG_LOSS",
    "RECORDED",
    "Kind",
    "Metric",
    "Unit",
    "metric_named",
    "metrics",
    "recorded_with",
]
