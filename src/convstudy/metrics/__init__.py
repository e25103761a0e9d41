"""Metrics, one file each: accuracy, log-loss and the like; a new one is a file here with a ``METRIC``, and its test.

Nothing here loads NumPy before a value is computed. Their table, and which statistical methods hold for each, is in
docs/statistics.md.
"""

from __future__ import annotations

from functools import cache

from convstudy.discovery import members
from convstudy.metrics.metric import Kind, Metric, Unit

ACCURACY = "accuracy"
LOG_LOSS = "log-loss"
RECORDED = (LOG_LOSS, ACCURACY)
"""The metrics that every fit records, in the order of tables; the study's metric comes after them."""


@cache
def metrics() -> dict[str, Metric]:
    """Return all metrics by name, in the order of the names."""
    found = [module.METRIC for module in members(__name__) if hasattr(module, "METRIC")]
    return {metric.name: metric for metric in sorted(found, key=lambda metric: metric.name)}


def metric_named(name: str) -> Metric:
    """Return the metric of this name; raise ``KeyError`` where there is none."""
    return metrics()[name]


def recorded_with(name: str) -> tuple[str, ...]:
    """Return the names of the metrics that a fit with this metric records.

    >>> recorded_with("kappa")
    ('log-loss', 'accuracy', 'kappa')
    """
    return RECORDED if name in RECORDED else (*RECORDED, name)


__all__ = [
    "ACCURACY",
    "LOG_LOSS",
    "RECORDED",
    "Kind",
    "Metric",
    "Unit",
    "metric_named",
    "metrics",
    "recorded_with",
]
