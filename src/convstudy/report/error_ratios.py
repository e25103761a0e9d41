"""Text and table of error ratios: how many times the errors of another candidate a candidate makes."""

from __future__ import annotations

from collections.abc import Sequence

from convstudy.analysis import StageResult
from convstudy.metrics import ACCURACY, Metric
from convstudy.numbers import decimals, shortest, shortest_percent
from convstudy.report.metric_text import capital, margin_text, metric_of, value_kind
from convstudy.report.table import Column, Table, Value
from convstudy.stats import ErrorRatio, Share, Verdict


def ratio_text(found: ErrorRatio) -> str:
    """Format an error ratio with its interval: ``error ratio 0.56, 95 % CI 0.45 to 0.70``."""
    ratio = "unknown" if found.ratio is None else decimals(found.ratio, 2)
    if found.low == 0 and found.high is None:
        return f"error ratio {ratio}, any ratio is possible"
    confidence = f"{shortest_percent(found.confidence)} CI"
    low = decimals(found.low, 2)
    ends = f"{low} or more" if found.high is None else f"{low} to {decimals(found.high, 2)}"
    return f"error ratio {ratio}, {confidence} {ends}"


def few_errors_text(verdict: Verdict) -> str:
    """Explain why a share of the errors cannot be tested; empty if it can."""
    test = verdict.by_share
    if test is None or not test.few_errors or verdict.clear:
        return ""
    groups = verdict.difference.groups
    # Of images in groups, the effective number counts.
    few = "counts like fewer than 3" if groups is not None and groups.matters else "is fewer than 3"
    return f"{margin_text(metric_of(verdict), test.share)} {few} images, too few to show equivalence"


def error_ratio_table(stage_results: Sequence[StageResult], metric: Metric, margin: float | Share) -> Table:
    """Return a table of the error ratios of all verdicts by the study's metric.

    Args:
        stage_results: the results of all stages.
        metric: the study's metric.
        margin: its equivalence margin.
    """
    kind = value_kind(metric)
    columns = (
        Column("first", "Candidate"),
        Column("verdict", "Verdict"),
        Column("second", "Compared with"),
        Column("first_error", "Its error", kind),
        Column("second_error", "Error of the other", kind),
        Column("ratio", "Ratio", "rate"),
        Column("low", "95 % CI from", "rate"),
        Column("high", "to", "rate"),
        Column("stage", "Stage"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            verdict.first,
            f"{verdict.kind} (collapsed seeds)" if verdict.n_collapsed else verdict.kind,
            verdict.second,
            errors.first,
            errors.second,
            errors.ratio,
            None if verdict.n_collapsed else errors.low,
            None if verdict.n_collapsed else errors.high,
            stage_result.stage,
        )
        for stage_result in stage_results
        for verdict in stage_result.verdicts
        for errors in [verdict.errors]
        if errors is not None and not verdict.descriptive and verdict.difference.n > 1
    ]
    if metric.name == ACCURACY:
        error = "Error: the fraction of wrong predictions"
    elif metric.higher_is_better:
        error = f"Error: {shortest(metric.high)} − {metric.title}"
    else:
        error = f"Error: the {metric.title}"
    caption = (
        f"{error}. Ratio: error of the candidate divided by that of the other, with the interval of Fieller’s method "
        "for other seeds and images, without a correction for the number of comparisons. “–”: the other may make no "
        "errors, so that the ratio has no upper end, or seeds have collapsed, so that the interval is not reliable. "
    )
    if isinstance(margin, Share):
        caption += (
            f"The margin is {margin_text(metric, margin)}: better needs an interval below "
            f"{shortest(margin.least, 4)}, worse one above {shortest(1 / margin.least, 4)}, both after Holm’s "
            "correction."
        )
    return Table("error-ratios", "Error ratios", capital(caption.strip()), columns, tuple(rows))
