"""Verdicts on pairs of candidates over seeds, from predictions per test image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.error_ratios import (
    Errors,
    errors_over_seeds,
    errors_without_predictions,
    fixed_margin,
)
from convstudy.analysis.looks import NO_LOOKS, LookReader
from convstudy.analysis.methods import holds, pseudo_observations
from convstudy.analysis.paired import counts_groups, paired_fits, paired_scores, verdict_on, without_interval
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.training_sets import difference_over_seeds, training_sets_of
from convstudy.metrics import LOG_LOSS, Metric, metric_named
from convstudy.stats.differences import Difference
from convstudy.stats.error_ratio import Share
from convstudy.stats.looks import look_confidence
from convstudy.stats.mcnemar import discordance
from convstudy.stats.measure import Measure
from convstudy.stats.pilot import seed_pilot
from convstudy.stats.sample_size import required_seeds
from convstudy.stats.two_way import (
    seeds_only_difference,
)
from convstudy.stats.verdicts import Verdict, corrected

if TYPE_CHECKING:
    from convstudy.stats.training_sets import TrainingSets
    from convstudy.stats.two_way import Values

VALIDATION, TEST = Measure("validation", "accuracy"), Measure("test", "accuracy")


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
            sets = training_sets_of([one for one, _ in paired_fits(first, second, Measure("test", LOG_LOSS))])
            compared = compare_tables(tables, sets, metric_named(LOG_LOSS), predictions, margin)
            verdict = verdict_on(first, second, Measure("test", LOG_LOSS), *compared)
            found.append(looks.at_look(verdict, first, second))
    return corrected(found)


def _tables(
    first: CandidateRow, second: CandidateRow, metric: Metric, predictions: PredictionReader
) -> tuple[Values, Values] | None:
    """Return the contributions of images to both candidates' metric, each of shape (seeds, images).

    ``None`` if predictions are missing, or the metric is undefined for a model.
    """
    import numpy as np

    tables = []
    pairs = paired_fits(first, second, Measure("test", metric.name))
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
        pairs = paired_fits(first, second, measure)
        both = paired_scores(pairs, measure)
        if proportions:
            difference = seeds_only_difference(*both, n_images)
            errors = errors_without_predictions(*both, metric, margin, n_images)
        else:
            difference = without_interval(*both)
            errors = Errors(fixed_margin(metric, margin, [fmean(each) for each in both if each]))
        difference = predictions.marked(difference, n_images)
        verdict = verdict_on(first, second, measure, difference, errors)
        return replace(verdict, bounded=bool(pairs) and proportions, same_models=same)
    sets = training_sets_of([one for one, _ in paired_fits(first, second, measure)])
    compared = compare_tables(tables, sets, metric, predictions, margin)
    verdict = replace(verdict_on(first, second, measure, *compared), same_models=same)
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
    if counts_groups(verdict):
        return verdict
    pilot = seed_pilot(tables[0] - tables[1])
    # With added seeds, the comparison is tested again on the same test set, at the level of the next look.
    confidence = verdict.difference.confidence
    if verdict.looks:
        confidence = look_confidence(verdict.look + len(verdict.later_looks) + 1)
    error = (1 - confidence) / verdict.n_comparisons
    return replace(verdict, required=required_seeds(pilot, verdict.margin, error))
