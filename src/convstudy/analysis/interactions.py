"""Interactions: whether two variants of an ablation together do what each alone adds up to.

Four candidates make a 2 × 2 design (Yates 1937): the network as it is, either variant, and both. With x what is right
of one seed on one image, the figure of that seed and image is::

    right with both − right with the first − right with the second + right as it is

and its mean is the interaction: by how much both together come out above what the two differences add up to. Seeds and
images are crossed as in a difference of two candidates, and the interval is the same (``crossed``). Only the made-up
predictions differ. A difference takes values from −1 to 1 and an interaction from −2 to 2, so that what few images can
hide is twice as large: where both variants alone fail on an image that the others get right, its figure is 2. Hence two
whole images are added, one at 2 and one at −2, on which all seeds agree, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.methods import holds
from convstudy.analysis.predictions import PredictionReader
from convstudy.metrics import Metric
from convstudy.stats.crossed import components, crossed_difference
from convstudy.stats.differences import CONFIDENCE, Difference
from convstudy.stats.measure import Measure
from convstudy.stats.needed import needed_seeds
from convstudy.stats.summary import summarise
from convstudy.stats.verdicts import Evidence, Verdict, corrected, judge

if TYPE_CHECKING:
    from convstudy.stats.crossed import Figures

MADE_UP = (2.0, -2.0)
"""The figures of the images that are added."""


def interactions_of(
    pairs: Sequence[tuple[CandidateRow, CandidateRow, CandidateRow]],
    as_it_is: CandidateRow,
    metric: Metric,
    region: float,
    predictions: PredictionReader,
) -> tuple[Verdict, ...]:
    """Return a verdict on each interaction, corrected for all of them as a family of their own.

    ``first`` and ``second`` are the two variants, "better" says that together they come out higher than the two
    differences add up to, by more than the region, and "tie" that they add up within it. Where predictions are lost
    the mean alone is known, and nothing is said of it.

    Args:
        pairs: both together, the first variant, the second one.
        as_it_is: the network that is varied.
        metric: the study's.
        region: interactions up to this count as none.
        predictions: what each model made of each test image.
    """
    tables = {(a.name, b.name): _table((both, a, b, as_it_is), metric, predictions) for both, a, b in pairs}
    judged = corrected(
        [_alone((both, a, b, as_it_is), metric, tables[a.name, b.name], region) for both, a, b in pairs]
    )
    if not holds("sample size", metric):
        return judged
    return tuple(_with_needed_seeds(each, tables[each.first, each.second]) for each in judged)


def interaction_figures(together: Figures, first: Figures, second: Figures, as_it_is: Figures) -> Figures:
    """Return the figure of each seed and image; all five of shape (seeds, images)."""
    return together - first - second + as_it_is


def crossed_interaction(
    figures: Figures, confidence: float = CONFIDENCE, proportions: bool = True
) -> Difference:
    """Return an interaction, over new seeds and new images, with its interval.

    Args:
        figures: those of :func:`interaction_figures`, shape (seeds, images).
        confidence: how often such an interval holds the true interaction.
        proportions: whether all five are of values of 0 or 1; then the two whole images are added.

    Raises:
        ValueError: where there are no seeds.
    """
    padded = _with_made_up_images(figures) if proportions else figures
    found = crossed_difference(padded, 0 * padded, confidence)
    pairs = tuple(float(mean) for mean in figures.mean(axis=1))
    return replace(
        found,
        pairs=pairs,
        summary=summarise(pairs),
        n_images=figures.shape[1],
        limit=2.0 if proportions else None,
    )


def _with_made_up_images(figures: Figures) -> Figures:
    import numpy as np

    return np.hstack((figures, np.tile(MADE_UP, (len(figures), 1))))


def _alone(
    rows: tuple[CandidateRow, CandidateRow, CandidateRow, CandidateRow],
    metric: Metric,
    table: Figures | None,
    region: float,
) -> Verdict:
    """Return the verdict on one interaction as if it were the only one."""
    _, first, second, _ = rows
    measure = Measure("test", metric.name)
    if table is None:
        scores = _shared_scores(rows, measure)
        means = tuple(both - a - b + base for both, a, b, base in scores.values())
        found = Difference(means, summarise(means))
    else:
        found = crossed_interaction(table, proportions=holds("pseudo-observations", metric))
    evidence = sum((row.evidence for row in rows), Evidence())
    return judge(
        first.name,
        second.name,
        measure,
        found,
        region,
        evidence,
        lower_is_better=not metric.higher_is_better,
        no_interval=metric.kind == "per set",
    )


def _table(rows: Sequence[CandidateRow], metric: Metric, predictions: PredictionReader) -> Figures | None:
    """Return the figures over the seeds that all four have; ``None`` where a model's predictions are missing."""
    import numpy as np

    fits = {(row.name, fit.part): fit.fit_id for row in rows for fit in row.fits}
    tables, measure = [], Measure("test", metric.name)
    for row in rows:
        read = [predictions.of(fits[row.name, part]) for part in _shared_scores(rows, measure)]
        figures = [None if each is None else each.figures(metric) for each in read]
        there = [each for each in figures if each is not None]
        if not there or len(there) < len(read):
            return None
        tables.append(np.stack(there).astype(np.float64))
    return interaction_figures(*tables)


def _shared_scores(rows: Sequence[CandidateRow], measure: Measure) -> Mapping[str, tuple[float, ...]]:
    """Return seed -> the scores of all candidates, for the seeds that all have."""
    scores = [row.scores(measure) for row in rows]
    shared = [part for part in scores[0] if all(part in each for each in scores)]
    return {part: tuple(each[part] for each in scores) for part in shared}


def _with_needed_seeds(judged: Verdict, table: Figures | None) -> Verdict:
    """Return a verdict that says too little with how many seeds would tell an interaction that matters."""
    if judged.kind != "unclear" or table is None:
        return judged
    error = (1 - judged.difference.confidence) / judged.n_comparisons
    made_up = sum(figure**2 for figure in MADE_UP)
    return replace(judged, needed=needed_seeds(components(table), judged.region, error, made_up))
