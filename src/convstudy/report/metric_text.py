"""Text of a metric's values and differences, in sentences, tables and charts."""

from __future__ import annotations

from collections.abc import Callable

from convstudy.metrics import LOG_LOSS, Metric, metric_named
from convstudy.numbers import bare_change, bare_percent, bare_points, change, loss, percent, points, shortest
from convstudy.report.table import Kind
from convstudy.stats import Share, Verdict


def metric_of(verdict: Verdict) -> Metric:
    """Look up the metric that a verdict compares."""
    return metric_named(verdict.measure.metric)


def writer(metric: Metric) -> Callable[[float], str]:
    """Choose the format of a value: ``97.31 %``, or ``0.9731`` for a metric that is not in percent."""
    return percent if metric.unit == "percent" else loss


def bare_writer(metric: Metric) -> Callable[[float], str]:
    """Choose the format of a value without its unit: ``97.31``."""
    return bare_percent if metric.unit == "percent" else loss


def value_kind(metric: Metric) -> Kind:
    """Choose the column kind of values."""
    return "percent" if metric.unit == "percent" else "loss"


def difference_kind(metric: Metric) -> Kind:
    """Choose the column kind of differences."""
    return "points" if metric.unit == "percent" else "change"


def width_kind(metric: Metric) -> Kind:
    """Choose the column kind of half-widths of intervals."""
    return "width" if metric.unit == "percent" else "loss"


def key_of(metric: Metric) -> str:
    """Derive the metric's part of a column key: ``accuracy``, ``loss``, ``balanced_accuracy``."""
    return "loss" if metric.name == LOG_LOSS else metric.name.replace("-", "_")


def capital(text: str) -> str:
    """Capitalize the first letter and keep the rest, unlike ``str.capitalize``: ``ROC AUC`` stays."""
    return text[:1].upper() + text[1:]


def with_sign(metric: Metric, difference: float) -> str:
    """Format a difference with its sign and without its unit: ``+0.42``."""
    return points(difference) if metric.unit == "percent" else change(difference)


def signed_by(metric: Metric, difference: float) -> str:
    """Format a difference without its unit, with a sign only if it is negative: ``0.42``, ``−0.42``."""
    return bare_points(difference) if metric.unit == "percent" else bare_change(difference)


def unit_of(metric: Metric) -> str:
    """Return the short unit of a difference with a space before it: `` pp``; empty for a metric without unit."""
    return {"percent": " pp", "nats": " nats", "": ""}[metric.unit]


def unit_words(metric: Metric) -> str:
    """Return the unit of differences in words, after a comma; empty if they have none."""
    return {"percent": ", in percentage points", "nats": ", in nats", "": ""}[metric.unit]


def margin_text(metric: Metric, margin: float | Share) -> str:
    """Format an equivalence margin for a sentence, without trailing zeros.

    Args:
        metric: the metric of the study.
        margin: a difference of the metric (0.001 is 0.1 percentage points of accuracy), or a share of the errors.

    >>> margin_text(metric_named("accuracy"), 0.001), margin_text(metric_named("log-loss"), 0.001)
    ('0.1 percentage points', '0.001 nats')
    >>> margin_text(metric_named("accuracy"), Share(0.1)), margin_text(metric_named("log-loss"), Share(0.1))
    ('10 % of the errors', '10 % of the loss')
    """
    if isinstance(margin, Share):
        return f"{margin.text} of the {'errors' if metric.higher_is_better else metric.title}"
    text = shortest(margin * 100 if metric.unit == "percent" else margin)
    unit = {"percent": " percentage point", "nats": " nat", "": ""}[metric.unit]
    return f"{text}{unit}{'s' if unit and text != '1' else ''}"


def within_text(metric: Metric, margin: float | Share) -> str:
    """Format the range of differences that count as equivalent: ``±0.1 percentage points``, ``10 % of the errors``."""
    return f"{'' if isinstance(margin, Share) else '±'}{margin_text(metric, margin)}"


def margin_of(verdict: Verdict) -> str:
    """Format the equivalence margin of a verdict for a sentence."""
    return margin_text(metric_of(verdict), _margin(verdict))


def within_of(verdict: Verdict) -> str:
    """Format the range of differences that count as equivalent for a verdict."""
    return within_text(metric_of(verdict), _margin(verdict))


def _margin(verdict: Verdict) -> float | Share:
    return verdict.margin if verdict.by_share is None else verdict.by_share.share


def tip_format(metric: Metric) -> str:
    """Return the Vega format of a value."""
    return ".2%" if metric.unit == "percent" else ".4f"
