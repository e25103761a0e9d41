"""Text of a single verdict within a sentence: its label, its difference with interval, the reason for no claim.

The words "better", "worse" and "equivalent" are used only for verdicts of these kinds. "May be better" and "may be
worse" are inconclusive verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from convstudy.metrics import Metric
from convstudy.numbers import counted, shortest_percent
from convstudy.report.error_ratios import few_errors_text
from convstudy.report.group_text import mark
from convstudy.report.metric_text import bare_writer, margin_of, metric_of, signed_by, unit_of, writer
from convstudy.report.training_set_text import resamples
from convstudy.stats import Interval, Verdict
from convstudy.stats.skewed import MeanInterval

NOT_RELIABLE = "not reliable with collapsed seeds"
"""With collapsed seeds, Student's interval of the mean does not keep its confidence level."""

VerdictLabel = Literal[
    "worse",
    "behind",
    "better",
    "ahead",
    "equivalent",
    "same",
    "inconclusive",
    "no spread",
    "no interval",
    "one seed",
    "no pair",
]  # in the order in which a sentence reports them: evidence against a choice comes first


def verdict_label(verdict: Verdict) -> VerdictLabel:
    """Return the label of a verdict on its first candidate; there are more labels than kinds.

    ``"ahead"`` and ``"behind"`` are inconclusive verdicts whose interval excludes zero: either it includes part of
    the equivalence margin, or the claim does not hold after the correction for multiple comparisons. ``"same"`` is a
    model compared with itself, for a verdict of any kind.
    """
    difference = verdict.difference
    if difference.mean is None:
        return "no pair"
    if verdict.same_models:
        return "same"
    if verdict.no_interval:
        return "no interval"
    if verdict.kind == "too few to say":
        return "one seed"
    if verdict.kind != "inconclusive":
        return verdict.kind
    if difference.low is None or difference.high is None:
        return "no spread"
    if difference.low > 0 and difference.high > verdict.margin:
        return "behind" if verdict.lower_is_better else "ahead"
    if difference.high < 0 and difference.low < -verdict.margin:
        return "ahead" if verdict.lower_is_better else "behind"
    return "inconclusive"


def why_not_tested(verdict: Verdict) -> str:
    """Explain why a verdict without an interval makes no claim."""
    if verdict.descriptive:
        return f"descriptive only, because {verdict.descriptive}"
    return f"there is no interval for {metric_of(verdict).title}, because predictions are missing"


def shows_interval(verdict: Verdict) -> bool:
    """Return whether a sentence includes the interval: it is known and covers the variation between seeds."""
    difference = verdict.difference
    known = difference.low is not None and difference.high is not None
    return known and not verdict.same_models and verdict_label(verdict) != "one seed"


def difference_text(verdict: Verdict, unsigned: bool, names_interval: bool = True) -> str:
    """Format a known difference with its interval for use in parentheses: ``0.42 pp, 95 % CI −0.10 to 0.94``.

    Args:
        verdict: one with a known difference.
        unsigned: write "by" and the size of the difference if one candidate is (or may be) better.
        names_interval: write "95 % CI" before the interval; once per sentence is enough.
    """
    difference = verdict.difference
    assert difference.mean is not None  # callers skip verdicts without pairs
    by, factor = _by_and_factor(verdict, unsigned)
    metric = metric_of(verdict)
    text = f"{by}{signed_by(metric, factor * difference.mean)}{unit_of(metric)}"
    if difference.low is None or difference.high is None or not shows_interval(verdict):
        return text
    low, high = sorted((factor * difference.low, factor * difference.high))
    if verdict.n_collapsed:
        ends = f"{signed_by(metric, low)} to {signed_by(metric, high)}"
        return f"{text}, interval {ends}, {NOT_RELIABLE}{mark(difference.groups)}"
    interval = f"{shortest_percent(difference.confidence)} CI " if names_interval else ""
    return f"{text}, {interval}{signed_by(metric, low)} to {signed_by(metric, high)}{mark(difference.groups)}"


def differences_range(verdicts: Sequence[Verdict], unsigned: bool, noun: bool = True) -> str:
    """Format the range of several differences: ``by 0.42 to 1.20 pp``, or ``differences 0.42 to 1.20 pp``.

    Args:
        verdicts: verdicts with the same label and known differences.
        unsigned: see :func:`difference_text`.
        noun: write "differences"; not after "The differences from b and c".
    """
    by, factor = _by_and_factor(verdicts[0], unsigned)
    means = sorted(factor * v.difference.mean for v in verdicts if v.difference.mean is not None)
    metric = metric_of(verdicts[0])
    ends = list(dict.fromkeys(signed_by(metric, mean) for mean in (means[0], means[-1])))
    lead = by or (("differences " if len(ends) > 1 else "difference ") if noun else "")
    return f"{lead}{' to '.join(ends)}{unit_of(metric)}"


def _by_and_factor(verdict: Verdict, unsigned: bool) -> tuple[str, int]:
    """Return "by " and the factor 1 or −1 that makes the size of a difference positive; else "" and 1."""
    label = verdict_label(verdict)
    if not unsigned or label not in ("worse", "behind", "better", "ahead"):
        return "", 1
    return "by ", -1 if (label in ("worse", "behind")) != verdict.lower_is_better else 1


def reason(verdict: Verdict) -> str:
    """Explain why a verdict is inconclusive although its interval excludes zero, or errors are few; else empty."""
    if few := few_errors_text(verdict):
        return few
    if verdict_label(verdict) not in ("ahead", "behind"):
        return ""
    if verdict.clear_alone:
        return (
            f"this is not significant after the correction for {counted(verdict.n_comparisons, 'comparison')}"
        )
    return f"the difference may be within the margin of {margin_of(verdict)}"


def interval_text(found: Interval | None, metric: Metric) -> str:
    """Format an interval of a metric for a sentence: ``95 % CI 98.10 to 98.97 %``; empty without one."""
    if found is None:
        return ""
    ends = f"{bare_writer(metric)(found.low)} to {writer(metric)(found.high)}"
    if not found.reliable:
        return f"interval {ends}, {NOT_RELIABLE}{mark(found.groups)}"
    text = f"{shortest_percent(found.confidence)} CI {ends}{mark(found.groups)}"
    # The interval says so itself, wherever it is printed.
    if isinstance(found, MeanInterval) and found.depends_on_few:
        text += f", possibly too short because few images make up most of the {metric.title}"
    return text


def reliable_ends(verdict: Verdict) -> tuple[float | None, float | None]:
    """Return the ends of the interval for columns of 95 % CIs; ``None`` if seeds collapsed."""
    difference = verdict.difference
    return (None, None) if verdict.n_collapsed else (difference.low, difference.high)


def without_interval(verdicts: Sequence[Verdict]) -> str:
    """Explain missing intervals of a table in a sentence with a space before it; empty if no seed collapsed."""
    if not any(verdict.n_collapsed for verdict in verdicts):
        return ""
    return " Where seeds collapsed, the table has no 95 % CI (see “Collapsed seeds”)."


def over_seeds(verdicts: Sequence[Verdict]) -> str:
    """Name the sources of variation that intervals of test scores account for; one seed shows none between seeds."""
    numbers = {verdict.difference.n for verdict in verdicts if verdict.difference.n}
    grouped = any(each.difference.groups is not None and each.difference.groups.is_known for each in verdicts)
    images = "groups of test images" if grouped else "test images"
    one_seed = f"only for the sampling of {images}, for these trained models; other seeds may differ"
    if numbers == {1}:
        return f"With one seed, the interval accounts {one_seed}."
    seeds = "between seeds, for this training set,"
    if any(resamples(each) for each in verdicts):
        seeds = "between seeds and between training sets of half the size,"
    both = f"The interval accounts for the variation {seeds} and for the sampling of {images}"
    return f"{both}; with a single pair, it accounts {one_seed}." if 1 in numbers else f"{both}."
