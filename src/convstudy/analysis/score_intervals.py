"""The interval of each candidate's mean score: over seeds on test images, and over the folds of a search."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.held_out import (
    HeldOutReader,
    pooled_accuracy,
)
from convstudy.analysis.methods import holds
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.training_sets import training_sets_of
from convstudy.metrics import Metric, metric_named
from convstudy.stats.differences import CONFIDENCE
from convstudy.stats.intervals import Interval
from convstudy.stats.measure import Measure
from convstudy.stats.resampled import fold_mean
from convstudy.stats.skewed import mean_interval
from convstudy.stats.two_way import (
    accuracy_interval,
    set_interval,
)

if TYPE_CHECKING:
    from convstudy.stats.two_way import Values


def intervals_of(
    row: CandidateRow,
    names: Iterable[str],
    predictions: PredictionReader,
    confidence: float = CONFIDENCE,
) -> Mapping[str, Interval]:
    """Return the intervals of a candidate's mean test scores, by metric.

    If predictions of a fit are missing, there is no interval at all.

    Args:
        row: the candidate.
        names: the metrics; those that the predictions have no values of have no interval.
        predictions: the reader of test predictions.
        confidence: the confidence level.
    """
    import numpy as np

    read = [predictions.of(fit.fit_id) for fit in row.fits if fit.test is not None]
    found = [each for each in read if each is not None]
    # An interval over some of the seeds would not belong to the mean over all seeds.
    if not found or len(found) < len(read):
        return {}
    sets = training_sets_of([fit for fit in row.fits if fit.test is not None])
    intervals: dict[str, Interval] = {}
    for name in names:
        each_metric = metric_named(name)
        values = [each.metric_values(each_metric) for each in found]
        known = [each for each in values if each is not None]
        if len(known) < len(values):
            continue
        table: Values = np.stack(known).astype(np.float64)
        interval = _over_rows(table, each_metric, predictions, confidence)
        if sets is not None:
            # The means of a few training sets can agree by chance although their seeds do not.
            over_sets = _over_rows(sets.rows(table), each_metric, predictions, confidence)
            low, high = min(interval.low, over_sets.low), max(interval.high, over_sets.high)
            interval = replace(over_sets, low=low, high=high)
        intervals[name] = predictions.marked(interval, table.shape[1])
    return intervals


def _over_rows(table: Values, metric: Metric, predictions: PredictionReader, confidence: float) -> Interval:
    """Return the interval of the mean of a table, shape (seeds or training sets, images)."""
    groups = predictions.groups
    if metric.zero_or_one:
        return accuracy_interval(table, confidence, predictions.weights(metric), groups=groups)
    if metric.kind == "per set" and math.isfinite(metric.high - metric.low):
        change = predictions.largest_change(metric)
        return set_interval(table, metric.low, metric.high, change, confidence, groups)
    return mean_interval(table, metric.low, metric.high, confidence, groups)


def fold_intervals(
    rows: tuple[CandidateRow, ...], metric: Metric, held_out: HeldOutReader
) -> dict[str, Interval]:
    """Return the 95 % interval of each candidate's mean validation score, by name; only for proportions.

    Args:
        rows: the candidates of a search; those without a score on each fold have no interval.
        metric: the study's metric.
        held_out: the reader of validation predictions.
    """
    found: dict[str, Interval] = {}
    if not holds("Wilson", metric):
        return found
    for row in rows:
        scores = list(row.scores(Measure("validation", metric.name)).values())
        if len(scores) < len(row.fits):
            continue
        ratio = max(fit.n_validation / fit.n_train for fit in row.fits)
        pooled = pooled_accuracy(row.fits, held_out, metric)
        interval = fold_mean(scores, [fit.n_validation for fit in row.fits], ratio, pooled=pooled)
        if interval is not None:
            found[row.name] = held_out.marked(interval, row.fits)
    return found
