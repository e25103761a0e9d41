"""Verdicts on the candidates of a search, over folds."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.error_ratios import (
    Errors,
    errors_over_folds,
    fixed_margin,
    share_probabilities,
)
from convstudy.analysis.held_out import (
    HeldOutReader,
    bound_of_pooled_images,
    pooled_contributions,
    variance_of_pooled,
)
from convstudy.analysis.methods import holds
from convstudy.analysis.paired import counts_groups, paired_fits, paired_scores, verdict_on, without_interval
from convstudy.metrics import Metric
from convstudy.stats.error_ratio import Share
from convstudy.stats.measure import Measure
from convstudy.stats.pilot import fold_pilot
from convstudy.stats.resampled import Probabilities, fold_difference, probabilities
from convstudy.stats.sample_size import required_folds
from convstudy.stats.two_way import (
    PSEUDO_OBSERVATIONS,
)
from convstudy.stats.verdicts import Verdict, corrected


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
        pairs = paired_fits(first, second, measure)
        # Nadeau and Bengio (2003) inflate the variance by this ratio, because training sets of folds overlap.
        ratio = max((a.n_validation / a.n_train for a, _ in pairs if a.n_train), default=0.0)
        first_scores, second_scores = paired_scores(pairs, measure)
        pooled = pooled_contributions(pairs, held_out, metric)
        pooled_groups = None if pooled is None else held_out.groups([one for one, _ in pairs])
        measured = None if pooled is None else variance_of_pooled(*pooled, pooled_groups)
        # Error rates bound the number of images on which two models differ, so the bound is for proportions only.
        bound = bound_of_pooled_images(pairs) if pairs and proportions else (None, 0)
        images, n_pooled, groups = measured or (*bound, None)
        if measured is None and not proportions:
            difference = without_interval(first_scores, second_scores)
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
        each = verdict_on(first, second, measure, difference, errors)
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


def _with_required_folds(verdict: Verdict) -> Verdict:
    """Attach the required number of folds or images to an inconclusive verdict over folds."""
    difference, n = verdict.difference, verdict.difference.n_images
    # A sample size needs the measured variance of the images; an upper bound would give too large a number.
    if (
        verdict.kind != "inconclusive"
        or verdict.bounded
        or verdict.same_models
        or verdict.by_share is not None
        or counts_groups(verdict)
    ):
        return verdict
    if difference.floor is None or difference.summary.sd is None or n < 2:
        return verdict
    # The variance on one image, without the contribution of the pseudo-observations.
    image = max(0.0, difference.floor.variance * n - PSEUDO_OBSERVATIONS / n)
    pilot = fold_pilot(difference.summary.sd**2, image, difference.n, n)
    # Holm's correction has this level for the smallest p-value; its other levels are less strict.
    error = (1 - difference.confidence) / verdict.n_comparisons
    return replace(verdict, required=required_folds(pilot, verdict.margin, error))
