"""Pairs of a run's candidates judged: over folds by their scores, over seeds image by image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow, FitRow
from convstudy.analysis.held_out import HeldOutReader, most_of_pooled_images, pooled_images
from convstudy.analysis.methods import holds, pseudo_observations
from convstudy.analysis.predictions import PredictionReader
from convstudy.metrics import LOG_LOSS, Metric, metric_named, recorded_with
from convstudy.stats.differences import Difference
from convstudy.stats.intervals import Interval
from convstudy.stats.mcnemar import discordance
from convstudy.stats.measure import Measure
from convstudy.stats.resampled import Probabilities, fold_difference, fold_mean, probabilities
from convstudy.stats.sample_size import required_images, required_seeds
from convstudy.stats.summary import summarise
from convstudy.stats.two_way import (
    accuracy_interval,
    components,
    loss_interval,
    mean_interval,
    seeds_only_difference,
    two_way_difference,
)
from convstudy.stats.verdicts import Verdict, corrected, judge

if TYPE_CHECKING:
    from convstudy.stats.two_way import Values

VALIDATION, TEST = Measure("validation", "accuracy"), Measure("test", "accuracy")


def compare_folds(
    first: CandidateRow,
    others: tuple[CandidateRow, ...],
    metric: Metric,
    margin: float,
    n_candidates: int,
    held_out: HeldOutReader,
) -> tuple[Verdict, ...]:
    """Return the verdicts on a search's best candidate against the others, by a metric on validation images.

    Intervals are never narrower than the images of all folds together allow; where predictions are missing, the
    images' part is the largest that the error rates allow, and the verdict is ``bounded``; that holds for proportions
    only, and other metrics have no interval then. A metric per set never has one.

    The best was found by these very scores, so that all pairs of the search's ``n_candidates`` count as compared, those
    that it dropped on its way too, and not only the best one's.
    """
    found = []
    measure, proportions = Measure("validation", metric.name), holds("bound without predictions", metric)
    for second in others:
        pairs = _shared(first, second, measure)
        ratio = max((a.n_validation / a.n_train for a, _ in pairs if a.n_train), default=0.0)
        mine, theirs = _both(pairs, measure)
        measured = pooled_images(pairs, held_out, metric)
        bound = most_of_pooled_images(pairs) if pairs and proportions else (None, 0)
        images, n_pooled = measured or bound
        if measured is None and not proportions:
            difference = _without_interval(mine, theirs)
        else:
            limit = metric.high - metric.low
            difference = fold_difference(mine, theirs, ratio, images=images, n_images=n_pooled, limit=limit)
        each = _judged(first, second, measure, difference, margin)
        bounded = bool(pairs) and measured is None and proportions
        each = replace(each, bounded=bounded, same_models=first.shares_models(second))
        better = probabilities(difference, margin)
        if better is not None and not metric.higher_is_better:
            better = Probabilities(better.worse, better.same, better.better)
        found.append(replace(each, probabilities=better))
    judged = corrected(found, n_candidates * (n_candidates - 1) // 2) if found else ()
    return tuple(map(_with_required_images, judged)) if holds("sample size", metric) else judged


def compare_seeds(
    pairs: list[tuple[CandidateRow, CandidateRow]],
    metric: Metric,
    margin: float,
    predictions: PredictionReader,
    n_images: int,
) -> tuple[Verdict, ...]:
    """Return the verdicts on these pairs of candidates by a metric on test images, each corrected for all.

    Args:
        pairs: who is compared with whom.
        metric: the study's.
        margin: differences of the metric up to this count as none.
        predictions: what each model made of each test image.
        n_images: how many test images there are.
    """
    judged = corrected([_by_images(a, b, metric, margin, predictions, n_images) for a, b in pairs])
    if not holds("sample size", metric):
        return judged
    rows = {(a.name, b.name): (a, b) for a, b in pairs}
    return tuple(_with_required_seeds(each, *rows[each.first, each.second], predictions) for each in judged)


def compare_losses(
    pairs: list[tuple[CandidateRow, CandidateRow]], predictions: PredictionReader
) -> tuple[Verdict, ...]:
    """Return the verdicts on these pairs by test loss, for those whose predictions are all there.

    There is no region for losses: "better" says that the loss is lower, by however little.
    """
    found = []
    for first, second in pairs:
        tables = _tables(first, second, metric_named(LOG_LOSS), predictions)
        if tables is not None:
            difference = two_way_difference(*tables)
            found.append(_judged(first, second, Measure("test", LOG_LOSS), difference, 0.0))
    return corrected(found)


def intervals_of(row: CandidateRow, metric: Metric, predictions: PredictionReader) -> Mapping[str, Interval]:
    """Return the intervals of a candidate's test accuracy, test loss and the study's metric, by name.

    Without one are metrics per set, and all where predictions are lost.
    """
    import numpy as np

    read = [predictions.of(fit.fit_id) for fit in row.fits if fit.test is not None]
    found = [each for each in read if each is not None]
    if not found or len(found) < len(read):
        return {}
    intervals: dict[str, Interval] = {}
    for name in recorded_with(metric.name):
        each_metric = metric_named(name)
        figures = [each.metric_values(each_metric) for each in found]
        there = [values for values in figures if values is not None]
        if len(there) < len(figures):
            continue
        table = np.stack(there).astype(np.float64)
        if each_metric.zero_or_one:
            intervals[name] = accuracy_interval(table, weights=predictions.weights(each_metric))
        elif name == LOG_LOSS:
            intervals[name] = loss_interval(table)
        else:
            intervals[name] = mean_interval(table, each_metric.low, each_metric.high)
    return intervals


def fold_intervals(rows: tuple[CandidateRow, ...], metric: Metric) -> dict[str, Interval]:
    """Return the interval of the mean validation score of each candidate that has all its folds, by its name.

    Only proportions have one.
    """
    found: dict[str, Interval] = {}
    if not holds("Wilson", metric):
        return found
    for row in rows:
        scores = list(row.scores(Measure("validation", metric.name)).values())
        if len(scores) < len(row.fits):
            continue
        ratio = max(fit.n_validation / fit.n_train for fit in row.fits)
        interval = fold_mean(scores, [fit.n_validation for fit in row.fits], ratio)
        if interval is not None:
            found[row.name] = interval
    return found


def _shared(first: CandidateRow, second: CandidateRow, measure: Measure) -> list[tuple[FitRow, FitRow]]:
    """Return the fits of both that belong together, by seed or fold, where both have the measure."""
    theirs = {fit.part: fit for fit in second.fits if fit.score(measure) is not None}
    return [
        (fit, theirs[fit.part]) for fit in first.fits if fit.score(measure) is not None and fit.part in theirs
    ]


def _both(
    pairs: list[tuple[FitRow, FitRow]], measure: Measure
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the values of both sides of these pairs, all of which have the measure."""
    scores = [(a.score(measure), b.score(measure)) for a, b in pairs]
    found = [(mine, other) for mine, other in scores if mine is not None and other is not None]
    return tuple(mine for mine, _ in found), tuple(other for _, other in found)


def _tables(
    first: CandidateRow, second: CandidateRow, metric: Metric, predictions: PredictionReader
) -> tuple[Values, Values] | None:
    """Return both candidates' figures, each of shape (seeds, images); ``None`` where a model's are missing."""
    import numpy as np

    tables = []
    pairs = _shared(first, second, Measure("test", metric.name))
    for side in zip(*pairs, strict=True):
        read = [predictions.of(fit.fit_id) for fit in side]
        figures = [None if each is None else each.metric_values(metric) for each in read]
        there = [each for each in figures if each is not None]
        if len(there) < len(figures):
            return None
        tables.append(np.stack(there).astype(np.float64))
    return (tables[0], tables[1]) if tables else None


def _by_images(
    first: CandidateRow,
    second: CandidateRow,
    metric: Metric,
    margin: float,
    predictions: PredictionReader,
    n_images: int,
) -> Verdict:
    """Return the verdict on one pair as if it were the only one."""
    measure, same = Measure("test", metric.name), first.shares_models(second)
    proportions = holds("bound without predictions", metric)
    tables = _tables(first, second, metric, predictions) if metric.kind == "per image" else None
    if tables is None:
        pairs = _shared(first, second, measure)
        both = _both(pairs, measure)
        difference = seeds_only_difference(*both, n_images) if proportions else _without_interval(*both)
        judged = _judged(first, second, measure, difference, margin)
        return replace(judged, bounded=bool(pairs) and proportions, same_models=same)
    weights = predictions.weights(metric)
    largest, heaviest = (
        max(float(each.max()) for each in tables),
        1.0 if weights is None else float(weights.max()),
    )
    size = pseudo_observations(metric, largest, n_images, heaviest)
    difference = two_way_difference(*tables, pseudo_observations=size, weights=weights)
    # A tie needs as many images as if each differed, and weighed, as much as one that was not seen may.
    difference = replace(difference, n_images=int(n_images / size), limit=metric.high - metric.low)
    judged = replace(_judged(first, second, measure, difference, margin), same_models=same)
    if not holds("McNemar", metric):
        return judged
    return replace(judged, models=tuple(discordance(a > 0, b > 0) for a, b in zip(*tables, strict=True)))


def _without_interval(mine: tuple[float, ...], theirs: tuple[float, ...]) -> Difference:
    """Return a difference of which only the mean is known."""
    pairs = tuple(a - b for a, b in zip(mine, theirs, strict=True))
    return Difference(pairs, summarise(pairs))


def _judged(
    first: CandidateRow, second: CandidateRow, measure: Measure, difference: Difference, margin: float
) -> Verdict:
    metric = metric_named(measure.metric)
    return judge(
        first.name,
        second.name,
        measure,
        difference,
        margin,
        first.evidence + second.evidence,
        lower_is_better=not metric.higher_is_better,
        no_interval=metric.kind == "per set",
    )


def _with_required_seeds(
    judged: Verdict, first: CandidateRow, second: CandidateRow, predictions: PredictionReader
) -> Verdict:
    """Return a verdict that says too little with how many seeds would tell what matters."""
    asked = judged.kind == "inconclusive" and not judged.same_models
    metric = metric_named(judged.measure.metric)
    tables = _tables(first, second, metric, predictions) if asked else None
    if tables is None:
        return judged
    found = components(tables[0] - tables[1])
    return replace(judged, required=required_seeds(found, judged.margin, _error(judged)))


def _with_required_images(judged: Verdict) -> Verdict:
    """Return a verdict over folds that says too little with how many images would tell what matters."""
    if judged.kind != "inconclusive" or judged.bounded or judged.same_models:
        return judged
    return replace(judged, required=required_images(judged.difference, judged.margin, _error(judged)))


def _error(judged: Verdict) -> float:
    """Return how often a claim may be wrong, all comparisons of the question considered."""
    return (1 - judged.difference.confidence) / judged.n_comparisons
