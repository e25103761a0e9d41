"""Verdicts on pairs of candidates: over folds from their scores, over seeds from predictions per image."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow, FitRow
from convstudy.analysis.error_ratios import (
    Errors,
    errors_over_folds,
    errors_over_seeds,
    errors_without_predictions,
    fixed_margin,
    share_probabilities,
)
from convstudy.analysis.held_out import (
    HeldOutReader,
    bound_of_pooled_images,
    pooled_accuracy,
    pooled_contributions,
    variance_of_pooled,
)
from convstudy.analysis.looks import NO_LOOKS, LookReader
from convstudy.analysis.methods import holds, pseudo_observations
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.training_sets import difference_over_seeds, training_sets_of
from convstudy.metrics import LOG_LOSS, Metric, metric_named
from convstudy.stats.differences import CONFIDENCE, Difference
from convstudy.stats.error_ratio import Share
from convstudy.stats.intervals import Interval
from convstudy.stats.looks import look_confidence
from convstudy.stats.mcnemar import discordance
from convstudy.stats.measure import Measure
from convstudy.stats.pilot import fold_pilot, seed_pilot
from convstudy.stats.resampled import Probabilities, fold_difference, fold_mean, probabilities
from convstudy.stats.sample_size import required_folds, required_seeds
from convstudy.stats.skewed import mean_interval
from convstudy.stats.summary import summarise
from convstudy.stats.two_way import (
    PSEUDO_OBSERVATIONS,
    accuracy_interval,
    seeds_only_difference,
    set_interval,
)
from convstudy.stats.verdicts import Verdict, corrected, make_verdict

if TYPE_CHECKING:
    from convstudy.stats.training_sets import TrainingSets
    from convstudy.stats.two_way import Values

VALIDATION, TEST = Measure("validation", "accuracy"), Measure("test", "accuracy")


def compare_folds(
    first: CandidateRow,
    others: tuple[CandidateRow, ...],
    metric: Metric,
    margin: float | Share,
    n_candidates: int,
    held_out: HeldOutReader,
) -> tuple[Verdict, ...]:
    """Compare a search's best candidate with others on validation images.

    An interval is never narrower than the interval from the sampling of images alone, over all folds. If predictions
    are missing, the error rates give an upper bound for the variance from the sampling of images, and the verdict is
    ``bounded``. The bound is valid only for proportions; without predictions, other metrics have no interval.

    The same scores selected the best candidate. Therefore the correction counts all pairs of the search's candidates as
    comparisons, including eliminated candidates.

    Args:
        first: the best candidate.
        others: the candidates with the same folds and epochs.
        metric: the study's metric.
        margin: the equivalence margin, in units of the metric or a share of the errors.
        n_candidates: the number of all candidates of the search.
        held_out: the reader of validation predictions.
    """
    found = []
    measure, proportions = Measure("validation", metric.name), holds("bound without predictions", metric)
    for second in others:
        pairs = _paired_fits(first, second, measure)
        # Nadeau and Bengio (2003) inflate the variance by this ratio, because training sets of folds overlap.
        ratio = max((a.n_validation / a.n_train for a, _ in pairs if a.n_train), default=0.0)
        first_scores, second_scores = _paired_scores(pairs, measure)
        pooled = pooled_contributions(pairs, held_out, metric)
        pooled_groups = None if pooled is None else held_out.groups([one for one, _ in pairs])
        measured = None if pooled is None else variance_of_pooled(*pooled, pooled_groups)
        # Error rates bound the number of images on which two models differ, so the bound is for proportions only.
        bound = bound_of_pooled_images(pairs) if pairs and proportions else (None, 0)
        images, n_pooled, groups = measured or (*bound, None)
        if measured is None and not proportions:
            difference = _without_interval(first_scores, second_scores)
            errors = Errors(
                fixed_margin(metric, margin, (fmean(first_scores), fmean(second_scores))) if pairs else 0.0
            )
        else:
            # Two values of a metric differ by at most its range.
            limit = metric.high - metric.low
            difference = fold_difference(
                first_scores,
                second_scores,
                ratio,
                images=images,
                n_images=n_pooled,
                limit=limit,
                groups=groups,
            )
            errors = errors_over_folds(
                first_scores, second_scores, ratio, pooled, metric, margin, n_pooled, pooled_groups
            )
        if pairs:
            difference = held_out.marked(difference, [one for one, _ in pairs])
        each = _verdict_on(first, second, measure, difference, errors)
        bounded = bool(pairs) and measured is None and proportions
        each = replace(each, bounded=bounded, same_models=first.shares_models(second))
        # ``probabilities`` treats a positive difference as better, even if lower values of the metric are better.
        better = probabilities(difference, errors.margin)
        if better is not None and not metric.higher_is_better:
            better = Probabilities(better.worse, better.same, better.better)
        if errors.by_share is not None:
            better = share_probabilities(errors.by_share)
        found.append(replace(each, probabilities=better))
    verdicts = corrected(found, n_candidates * (n_candidates - 1) // 2) if found else ()
    return tuple(map(_with_required_folds, verdicts)) if holds("sample size", metric) else verdicts


def compare_seeds(
    pairs: list[tuple[CandidateRow, CandidateRow]],
    metric: Metric,
    margin: float | Share,
    predictions: PredictionReader,
    n_images: int,
    looks: LookReader = NO_LOOKS,
    trained: Sequence[tuple[CandidateRow, CandidateRow]] = (),
) -> tuple[Verdict, ...]:
    """Compare pairs of candidates on test images, with Holm's correction over all comparisons.

    Args:
        pairs: first and second candidate of each comparison.
        metric: the study's metric.
        margin: the equivalence margin, in units of the metric or a share of the errors.
        predictions: the reader of test predictions.
        n_images: the number of test images.
        looks: the earlier tests of these pairs.
        trained: some of the pairs without their collapsed seeds, as further comparisons. Validation scores decide which
            seeds are left out, so these comparisons have the looks of the pairs with all seeds.

    Returns:
        One verdict per pair, then one per pair of ``trained``.
    """
    whole = {(a.name, b.name): (a, b) for a, b in pairs}
    pairs = [*pairs, *trained]
    found = [(_compare_on_images(a, b, metric, margin, predictions, n_images), a, b) for a, b in pairs]
    verdicts = corrected([looks.at_look(each, *whole[a.name, b.name]) for each, a, b in found])
    if not holds("sample size", metric):
        return verdicts
    return tuple(
        _with_required_seeds(each, *pair, predictions) for each, pair in zip(verdicts, pairs, strict=True)
    )


def compare_losses(
    pairs: list[tuple[CandidateRow, CandidateRow]],
    predictions: PredictionReader,
    looks: LookReader = NO_LOOKS,
    margin: float | Share = 0.0,
) -> tuple[Verdict, ...]:
    """Compare pairs of candidates by test log-loss, if all their predictions are available.

    Args:
        pairs: first and second candidate of each comparison.
        predictions: the reader of test predictions.
        looks: the earlier tests of these pairs.
        margin: the equivalence margin of log-loss. If it is 0, "better" means a significantly lower loss, however
            small the difference.
    """
    found = []
    for first, second in pairs:
        tables = _tables(first, second, metric_named(LOG_LOSS), predictions)
        if tables is not None:
            sets = training_sets_of(
                [one for one, _ in _paired_fits(first, second, Measure("test", LOG_LOSS))]
            )
            compared = compare_tables(tables, sets, metric_named(LOG_LOSS), predictions, margin)
            verdict = _verdict_on(first, second, Measure("test", LOG_LOSS), *compared)
            found.append(looks.at_look(verdict, first, second))
    return corrected(found)


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
    groups = predictions.groups
    intervals: dict[str, Interval] = {}
    for name in names:
        each_metric = metric_named(name)
        values = [each.metric_values(each_metric) for each in found]
        known = [each for each in values if each is not None]
        if len(known) < len(values):
            continue
        table: Values = np.stack(known).astype(np.float64)
        if sets is not None:
            table = sets.rows(table)
        if each_metric.zero_or_one:
            weights = predictions.weights(each_metric)
            interval = accuracy_interval(table, confidence, weights, groups=groups)
        elif each_metric.kind == "per set" and math.isfinite(each_metric.high - each_metric.low):
            change = predictions.largest_change(each_metric)
            interval = set_interval(table, each_metric.low, each_metric.high, change, confidence, groups)
        else:
            interval = mean_interval(table, each_metric.low, each_metric.high, confidence, groups)
        intervals[name] = predictions.marked(interval, table.shape[1])
    return intervals


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


def _paired_fits(first: CandidateRow, second: CandidateRow, measure: Measure) -> list[tuple[FitRow, FitRow]]:
    """Pair the fits of two candidates by seed or fold, if both have a score."""
    by_part = {fit.part: fit for fit in second.fits if fit.score(measure) is not None}
    return [
        (fit, by_part[fit.part])
        for fit in first.fits
        if fit.score(measure) is not None and fit.part in by_part
    ]


def _paired_scores(
    pairs: list[tuple[FitRow, FitRow]], measure: Measure
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Split pairs of fits into the scores of the first and of the second candidate."""
    scores = [(a.score(measure), b.score(measure)) for a, b in pairs]
    found = [(a, b) for a, b in scores if a is not None and b is not None]
    return tuple(a for a, _ in found), tuple(b for _, b in found)


def _tables(
    first: CandidateRow, second: CandidateRow, metric: Metric, predictions: PredictionReader
) -> tuple[Values, Values] | None:
    """Return the contributions of images to both candidates' metric, each of shape (seeds, images).

    ``None`` if predictions are missing, or the metric is undefined for a model.
    """
    import numpy as np

    tables = []
    pairs = _paired_fits(first, second, Measure("test", metric.name))
    for side in zip(*pairs, strict=True):
        read = [predictions.of(fit.fit_id) for fit in side]
        values = [None if each is None else each.metric_values(metric) for each in read]
        known = [each for each in values if each is not None]
        if len(known) < len(values):
            return None  # an interval over some of the seeds would not belong to the mean over all seeds
        tables.append(np.stack(known).astype(np.float64))
    return (tables[0], tables[1]) if tables else None


def _compare_on_images(
    first: CandidateRow,
    second: CandidateRow,
    metric: Metric,
    margin: float | Share,
    predictions: PredictionReader,
    n_images: int,
) -> Verdict:
    """Compare one pair, without a correction for other pairs."""
    measure, same = Measure("test", metric.name), first.shares_models(second)
    proportions = holds("bound without predictions", metric)
    tables = _tables(first, second, metric, predictions)
    if tables is None:
        pairs = _paired_fits(first, second, measure)
        both = _paired_scores(pairs, measure)
        if proportions:
            difference = seeds_only_difference(*both, n_images)
            errors = errors_without_predictions(*both, metric, margin, n_images)
        else:
            difference = _without_interval(*both)
            errors = Errors(fixed_margin(metric, margin, [fmean(each) for each in both if each]))
        difference = predictions.marked(difference, n_images)
        verdict = _verdict_on(first, second, measure, difference, errors)
        return replace(verdict, bounded=bool(pairs) and proportions, same_models=same)
    sets = training_sets_of([one for one, _ in _paired_fits(first, second, measure)])
    compared = compare_tables(tables, sets, metric, predictions, margin)
    verdict = replace(_verdict_on(first, second, measure, *compared), same_models=same)
    if not holds("McNemar", metric):
        return verdict
    # McNemar's test is for proportions: a value above 0 is a correct prediction.
    return replace(
        verdict,
        models=tuple(discordance(a > 0, b > 0, predictions.groups) for a, b in zip(*tables, strict=True)),
    )


def compare_tables(
    tables: tuple[Values, Values],
    sets: TrainingSets | None,
    metric: Metric,
    predictions: PredictionReader,
    margin: float | Share,
) -> tuple[Difference, Errors]:
    """Compare two candidates by the contributions of images to their metric, each of shape (seeds, images)."""
    n_images, largest = tables[0].shape[1], max(float(each.max()) for each in tables)
    size = pseudo_observations(metric, largest, n_images, predictions.largest_change(metric))
    weights = predictions.weights(metric)
    groups = predictions.groups
    found = difference_over_seeds(*tables, sets, size, weights, groups)
    # The rule of three counts images in units of the largest difference that an unseen image can have.
    n_effective = int(found.n_images / size) if size else found.n_images
    difference = replace(found, n_images=n_effective, limit=metric.high - metric.low)
    errors = errors_over_seeds(tables, sets, metric, margin, size, weights, groups)
    return predictions.marked(difference, n_images), errors


def _without_interval(first_scores: tuple[float, ...], second_scores: tuple[float, ...]) -> Difference:
    """Return a difference with its mean only."""
    pairs = tuple(a - b for a, b in zip(first_scores, second_scores, strict=True))
    return Difference(pairs, summarise(pairs))


def _verdict_on(
    first: CandidateRow, second: CandidateRow, measure: Measure, difference: Difference, errors: Errors
) -> Verdict:
    metric = metric_named(measure.metric)
    return make_verdict(
        first.name,
        second.name,
        measure,
        difference,
        errors.margin,
        first.evidence + second.evidence,
        lower_is_better=not metric.higher_is_better,
        no_interval=difference.n > 0 and difference.centre is None,
        errors=errors.ratio,
        by_share=errors.by_share,
    )


def _with_required_seeds(
    verdict: Verdict, first: CandidateRow, second: CandidateRow, predictions: PredictionReader
) -> Verdict:
    """Attach the required number of seeds to an inconclusive verdict."""
    # No number of seeds shows a difference between identical models.
    is_open = verdict.kind == "inconclusive" and not verdict.same_models and verdict.by_share is None
    metric = metric_named(verdict.measure.metric)
    tables = _tables(first, second, metric, predictions) if is_open else None
    if tables is None:
        return verdict
    if training_sets_of(first.fits) is not None:
        return verdict  # the variances of training sets and of seeds would need separate numbers
    if _counts_groups(verdict):
        return verdict
    pilot = seed_pilot(tables[0] - tables[1])
    # With added seeds, the comparison is tested again on the same test set, at the level of the next look.
    confidence = verdict.difference.confidence
    if verdict.looks:
        confidence = look_confidence(verdict.look + len(verdict.later_looks) + 1)
    error = (1 - confidence) / verdict.n_comparisons
    return replace(verdict, required=required_seeds(pilot, verdict.margin, error))


def _with_required_folds(verdict: Verdict) -> Verdict:
    """Attach the required number of folds or images to an inconclusive verdict over folds."""
    difference, n = verdict.difference, verdict.difference.n_images
    # A sample size needs the measured variance of the images; an upper bound would give too large a number.
    if (
        verdict.kind != "inconclusive"
        or verdict.bounded
        or verdict.same_models
        or verdict.by_share is not None
        or _counts_groups(verdict)
    ):
        return verdict
    if difference.floor is None or difference.summary.sd is None or n < 2:
        return verdict
    # The variance on one image, without the contribution of the pseudo-observations.
    image = max(0.0, difference.floor.variance * n - PSEUDO_OBSERVATIONS / n)
    pilot = fold_pilot(difference.summary.sd**2, image, difference.n, n)
    return replace(verdict, required=required_folds(pilot, verdict.margin, _error(verdict)))


def _counts_groups(verdict: Verdict) -> bool:
    """Return whether more groups are needed instead of more images, so that a number of images would be wrong."""
    groups = verdict.difference.groups
    return groups is not None and groups.needs_more_groups


def _error(verdict: Verdict) -> float:
    """Return the significance level of one comparison, after a Bonferroni correction."""
    # Holm's correction has this level for the smallest p-value; its other levels are less strict.
    return (1 - verdict.difference.confidence) / verdict.n_comparisons
