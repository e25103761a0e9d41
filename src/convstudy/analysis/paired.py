"""The fits, scores and verdict of a pair of candidates, shared by comparisons over folds and over seeds."""

from __future__ import annotations

from convstudy.analysis.candidates import CandidateRow, FitRow
from convstudy.analysis.error_ratios import Errors
from convstudy.metrics import metric_named
from convstudy.stats.differences import Difference
from convstudy.stats.measure import Measure
from convstudy.stats.summary import summarise
from convstudy.stats.verdicts import Verdict, make_verdict


def paired_fits(first: CandidateRow, second: CandidateRow, measure: Measure) -> list[tuple[FitRow, FitRow]]:
    """Pair the fits of two candidates by seed or fold, if both have a score."""
    by_part = {fit.part: fit for fit in second.fits if fit.score(measure) is not None}
    return [
        (fit, by_part[fit.part])
        for fit in first.fits
        if fit.score(measure) is not None and fit.part in by_part
    ]


def paired_scores(
    pairs: list[tuple[FitRow, FitRow]], measure: Measure
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Split pairs of fits into the scores of the first and of the second candidate."""
    scores = [(a.score(measure), b.score(measure)) for a, b in pairs]
    found = [(a, b) for a, b in scores if a is not None and b is not None]
    return tuple(a for a, _ in found), tuple(b for _, b in found)


def without_interval(first_scores: tuple[float, ...], second_scores: tuple[float, ...]) -> Difference:
    """Return a difference with its mean only."""
    pairs = tuple(a - b for a, b in zip(first_scores, second_scores, strict=True))
    return Difference(pairs, summarise(pairs))


def verdict_on(
    first: CandidateRow, second: CandidateRow, measure: Measure, difference: Difference, errors: Errors
) -> Verdict:
    """Return the verdict on a difference, without a correction for other pairs."""
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


def counts_groups(verdict: Verdict) -> bool:
    """Return whether more groups are needed instead of more images, so that a number of images would be wrong."""
    groups = verdict.difference.groups
    return groups is not None and groups.needs_more_groups
