"""How the values and the differences of a metric are written, in sentences, tables and charts."""

from __future__ import annotations

from collections.abc import Callable

from convstudy.metrics import LOG_LOSS, Metric, metric_named
from convstudy.numbers import bare_change, bare_percent, bare_points, change, loss, percent, points, shortest
from convstudy.report.table import Kind
from convstudy.stats import Verdict


def metric_of(verdict: Verdict) -> Metric:
    """Return the metric that a verdict is about."""
    return metric_named(verdict.measure.metric)


def writer(metric: Metric) -> Callable[[float], str]:
    """Return what writes a value: ``97.31 %``, or ``0.9731`` for a metric that is not in percent."""
    return percent if metric.unit == "percent" else loss


def bare_writer(metric: Metric) -> Callable[[float], str]:
    """Return what writes a value without its unit: ``97.31``."""
    return bare_percent if metric.unit == "percent" else loss


def value_kind(metric: Metric) -> Kind:
    """Return the kind of a table's column of values."""
    return "percent" if metric.unit == "percent" else "loss"


def difference_kind(metric: Metric) -> Kind:
    """Return the kind of a table's column of differences."""
    return "points" if metric.unit == "percent" else "change"


def width_kind(metric: Metric) -> Kind:
    """Return the kind of a table's column of half-widths."""
    return "width" if metric.unit == "percent" else "loss"


def key_of(metric: Metric) -> str:
    """Return how the keys of columns call it: ``accuracy``, ``loss``, ``balanced_accuracy``."""
    return "loss" if metric.name == LOG_LOSS else metric.name.replace("-", "_")


def capital(text: str) -> str:
    """Return a text with its first letter in upper case, the rest as it is: ``ROC AUC`` stays."""
    return text[:1].upper() + text[1:]


def with_sign(metric: Metric, difference: float) -> str:
    """Return a difference with its sign, without its unit: ``+0.42``."""
    return points(difference) if metric.unit == "percent" else change(difference)


def signed_by(metric: Metric, difference: float) -> str:
    """Return a difference without its unit, with a sign only where it is negative: ``0.42``, ``−0.42``."""
    return bare_points(difference) if metric.unit == "percent" else bare_change(difference)


def unit_of(metric: Metric) -> str:
    """Return what follows a difference, with a space before it: `` points``; empty without a unit."""
    return {"percent": " points", "nats": " nats", "": ""}[metric.unit]


_ONE = {"percent": " point", "nats": " nat", "": ""}
"""What follows a difference of 1."""


def unit_words(metric: Metric) -> str:
    """Return in what unit differences are, with a comma before it; empty without one."""
    return {"percent": ", in percentage points", "nats": ", in nats", "": ""}[metric.unit]


def margin_text(metric: Metric, margin: float) -> str:
    """Return an equivalence margin, as short as it was given: ``0.1 points``, ``0.001``."""
    text = shortest(margin * 100 if metric.unit == "percent" else margin)
    return f"{text}{_ONE[metric.unit] if text == '1' else unit_of(metric)}"


def margin_of(verdict: Verdict) -> str:
    """Return the margin within which a verdict's differences count as none."""
    return margin_text(metric_of(verdict), verdict.margin)


def tip_format(metric: Metric) -> str:
    """Return the format of a value in a chart."""
    return ".2%" if metric.unit == "percent" else ".4f"
