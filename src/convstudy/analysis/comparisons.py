"""Pairs of a run's candidates judged: over folds by their scores, over seeds image by image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow, FitRow
from convstudy.analysis.held_out import HeldOutReader, most_of_pooled_images, pooled_images
from convstudy.analysis.predictions import PredictionReader
from convstudy.stats.crossed import (
    accuracy_interval,
    components,
    crossed_difference,
    loss_interval,
    seeds_only_difference,
)
from convstudy.stats.intervals import Interval
from convstudy.stats.mcnemar import discordance
from convstudy.stats.measure import Measure
from convstudy.stats.needed import needed_images, needed_seeds
from convstudy.stats.resampled import fold_difference, fold_mean, probabilities
from convstudy.stats.verdicts import Verdict, corrected, judge

if TYPE_CHECKING:
    from convstudy.stats.crossed import Figures

VALIDATION, TEST = Measure("validation", "accuracy"), Measure("test", "accuracy")


def compare_folds(
    first: CandidateRow,
    others: tuple[CandidateRow, ...],
    region: float,
    n_candidates: int,
    held_out: HeldOutReader,
) -> tuple[Verdict, ...]:
    """Return the verdicts on a search's best candidate against the others, by validation accuracy.

    Intervals are never narrower than the images of all folds together allow; where predictions are missing, the
    images' part is the largest that the error rates allow, and the verdict is ``bounded``.

    The best was found by these very scores, so that all pairs of the search's ``n_candidates`` count as compared, those
    that it dropped on its way too, and not only the best one's.
    """
    found = []
    for second in others:
        pairs = _shared(first, second, VALIDATION)
        ratio = max((a.n_validation / a.n_train for a, _ in pairs if a.n_train), default=0.0)
        mine, theirs = _both(pairs, VALIDATION)
        measured = pooled_images(pairs, held_out)
        images, n_pooled = measured or (most_of_pooled_images(pairs) if pairs else (None, 0))
        difference = fold_difference(mine, theirs, ratio, images=images, n_images=n_pooled)
        each = judge(
            first.name,
            second.name,
            VALIDATION,
            difference,
            region,
            first.evidence + second.evidence,
        )
        each = replace(
            each, bounded=bool(pairs) and measured is None, same_models=first.shares_models(second)
        )
        found.append(replace(each, probabilities=probabilities(difference, region)))
    judged = corrected(found, n_candidates * (n_candidates - 1) // 2) if found else ()
    return tuple(map(_with_needed_images, judged))


def compare_seeds(
    pairs: list[tuple[CandidateRow, CandidateRow]],
    region: float,
    predictions: PredictionReader,
    n_images: int,
) -> tuple[Verdict, ...]:
    """Return the verdicts on these pairs of candidates by test accuracy, each corrected for all of them.

    Args:
        pairs: who is compared with whom.
        region: differences of accuracy up to this count as none.
        predictions: what each model made of each test image.
        n_images: how many test images there are.
    """
    judged = corrected([_by_images(a, b, region, predictions, n_images) for a, b in pairs])
    rows = {(a.name, b.name): (a, b) for a, b in pairs}
    return tuple(_with_needed_seeds(each, *rows[each.first, each.second], predictions) for each in judged)


def compare_losses(
    pairs: list[tuple[CandidateRow, CandidateRow]], predictions: PredictionReader
) -> tuple[Verdict, ...]:
    """Return the verdicts on these pairs by test loss, for those whose predictions are all there.

    There is no region for losses: "better" says that the loss is lower, by however little.
    """
    found = []
    for first, second in pairs:
        tables = _tables(first, second, predictions, losses=True)
        if tables is not None:
            difference = crossed_difference(*tables)
            evidence = first.evidence + second.evidence
            loss = Measure("test", "log-loss")
            found.append(
                judge(first.name, second.name, loss, difference, 0.0, evidence, lower_is_better=True)
            )
    return corrected(found)


def intervals_of(row: CandidateRow, predictions: PredictionReader) -> tuple[Interval | None, Interval | None]:
    """Return the intervals of a candidate's test accuracy and test loss, ``None`` where predictions are lost."""
    import numpy as np

    read = [predictions.of(fit.fit_id) for fit in row.fits if fit.test is not None]
    found = [each for each in read if each is not None]
    if not found or len(found) < len(read):
        return None, None
    accuracy = accuracy_interval(np.stack([each.right for each in found]).astype(np.float64))
    losses = [each.losses for each in found if each.losses is not None]
    return accuracy, loss_interval(np.stack(losses)) if len(losses) == len(found) else None


def fold_intervals(rows: tuple[CandidateRow, ...]) -> dict[str, Interval]:
    """Return the interval of the mean validation accuracy of each candidate that has all its folds, by its name."""
    found = {}
    for row in rows:
        scores = list(row.scores(VALIDATION).values())
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
    first: CandidateRow, second: CandidateRow, predictions: PredictionReader, losses: bool = False
) -> tuple[Figures, Figures] | None:
    """Return both candidates' figures, each of shape (seeds, images); ``None`` where a model's are missing."""
    import numpy as np

    tables = []
    pairs = _shared(first, second, TEST)
    for side in zip(*pairs, strict=True):
        read = [predictions.of(fit.fit_id) for fit in side]
        figures = [None if each is None else each.losses if losses else each.right for each in read]
        there = [each for each in figures if each is not None]
        if len(there) < len(figures):
            return None
        tables.append(np.stack(there).astype(np.float64))
    return (tables[0], tables[1]) if tables else None


def _by_images(
    first: CandidateRow, second: CandidateRow, region: float, predictions: PredictionReader, n_images: int
) -> Verdict:
    """Return the verdict on one pair as if it were the only one."""
    evidence, same = first.evidence + second.evidence, first.shares_models(second)
    tables = _tables(first, second, predictions)
    if tables is None:
        pairs = _shared(first, second, TEST)
        difference = seeds_only_difference(*_both(pairs, TEST), n_images)
        judged = judge(first.name, second.name, TEST, difference, region, evidence)
        return replace(judged, bounded=bool(pairs), same_models=same)
    models = tuple(discordance(a > 0, b > 0) for a, b in zip(*tables, strict=True))
    judged = judge(first.name, second.name, TEST, crossed_difference(*tables), region, evidence)
    return replace(judged, models=models, same_models=same)


def _with_needed_seeds(
    judged: Verdict, first: CandidateRow, second: CandidateRow, predictions: PredictionReader
) -> Verdict:
    """Return a verdict that says too little with how many seeds would tell what matters."""
    asked = judged.kind == "unclear" and not judged.same_models
    tables = _tables(first, second, predictions) if asked else None
    if tables is None:
        return judged
    found = components(tables[0] - tables[1])
    return replace(judged, needed=needed_seeds(found, judged.region, _error(judged)))


def _with_needed_images(judged: Verdict) -> Verdict:
    """Return a verdict over folds that says too little with how many images would tell what matters."""
    if judged.kind != "unclear" or judged.bounded or judged.same_models:
        return judged
    return replace(judged, needed=needed_images(judged.difference, judged.region, _error(judged)))


def _error(judged: Verdict) -> float:
    """Return how often a claim may be wrong, all comparisons of the question considered."""
    return (1 - judged.difference.confidence) / judged.n_comparisons
