"""Interactions: whether two variants of an ablation together do what each alone adds up to.

Four candidates make a 2 × 2 design (Yates 1937): the network as it is, either variant, and both. With x what is right
of one seed on one image, the figure of that seed and image is::

    right with both − right with the first − right with the second + right as it is

and its mean is the interaction: by how much both together come out above what the two differences add up to. Seeds and
images are crossed as in a difference of two candidates, and the interval is the same (``two_way``). Only the made-up
predictions differ. A difference takes values from −1 to 1 and an interaction from −2 to 2, so that what few images can
hide is twice as large: where both variants alone fail on an image that the others get right, its figure is 2. Hence two
whole images are added, one at 2 and one at −2, on which all seeds agree, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.methods import holds, pseudo_observations
from convstudy.analysis.predictions import PredictionReader
from convstudy.metrics import Metric
from convstudy.stats.differences import CONFIDENCE, Difference
from convstudy.stats.measure import Measure
from convstudy.stats.sample_size import required_seeds
from convstudy.stats.summary import summarise
from convstudy.stats.two_way import components, two_way_difference
from convstudy.stats.verdicts import Evidence, Verdict, corrected, judge

if TYPE_CHECKING:
    from convstudy.stats.two_way import Values

PSEUDO_OBSERVATIONS = (2.0, -2.0)
"""The figures of the images that are added."""


def interactions_of(
    pairs: Sequence[tuple[CandidateRow, CandidateRow, CandidateRow]],
    as_it_is: CandidateRow,
    metric: Metric,
    margin: float,
    predictions: PredictionReader,
) -> tuple[Verdict, ...]:
    """Return a verdict on each interaction, corrected for all of them as a family of their own.

    ``first`` and ``second`` are the two variants. "Better" says that together they come out higher than the two
    differences add up to, by more than the region, also where a lower value of the metric is better. "Tie" says that
    they add up within the region. Where predictions are lost the mean alone is known, and nothing is said of it.

    Args:
        pairs: both together, the first variant, the second one.
        as_it_is: the network that is varied.
        metric: the study's.
        margin: interactions up to this count as none.
        predictions: what each model made of each test image.
    """
    tables = {(a.name, b.name): _table((both, a, b, as_it_is), metric, predictions) for both, a, b in pairs}
    judged = corrected(
        [_alone((both, a, b, as_it_is), metric, tables[a.name, b.name], margin) for both, a, b in pairs]
    )
    if not holds("sample size", metric):
        return judged
    return tuple(_with_required_seeds(each, tables[each.first, each.second]) for each in judged)


def interaction_values(together: Values, first: Values, second: Values, as_it_is: Values) -> Values:
    """Return the figure of each seed and image; all five of shape (seeds, images)."""
    return together - first - second + as_it_is


def two_way_interaction(
    figures: Values,
    confidence: float = CONFIDENCE,
    size: float = 1.0,
    weights: Values | None = None,
    limit: float = 2.0,
) -> Difference:
    """Return an interaction, over new seeds and new images, with its interval.

    Args:
        figures: those of :func:`interaction_values`, shape (seeds, images).
        confidence: how often such an interval holds the true interaction.
        size: how far two models may differ on an image that was not seen: 1 where values are 0 or 1. The two whole
            images that are added have twice that, one each way.
        weights: of the images, shape (images,), where the figures are values times weights.
        limit: the ends of the interval do not go beyond ±this.

    Raises:
        ValueError: where there are no seeds.
    """
    found = two_way_difference(figures, 0 * figures, confidence, PSEUDO_OBSERVATIONS[0] * size, weights)
    pairs = tuple(float(mean) for mean in figures.mean(axis=1))
    return replace(
        found,
        pairs=pairs,
        summary=summarise(pairs),
        n_images=int(figures.shape[1] / size),
        limit=limit,
    )


def _alone(
    rows: tuple[CandidateRow, CandidateRow, CandidateRow, CandidateRow],
    metric: Metric,
    table: _Table | None,
    margin: float,
) -> Verdict:
    """Return the verdict on one interaction as if it were the only one."""
    _, first, second, _ = rows
    measure = Measure("test", metric.name)
    if table is None:
        scores = _shared_scores(rows, measure)
        means = tuple(both - a - b + base for both, a, b, base in scores.values())
        found = Difference(means, summarise(means))
    else:
        widest = 2 * (metric.high - metric.low)
        found = two_way_interaction(table.figures, size=table.size, weights=table.weights, limit=widest)
    evidence = sum((row.evidence for row in rows), Evidence())
    return judge(
        first.name,
        second.name,
        measure,
        found,
        margin,
        evidence,
        no_interval=metric.kind == "per set",
    )


@dataclass(frozen=True, eq=False)
class _Table:
    """The figures of an interaction, shape (seeds, images), and the size of its pseudo-observations."""

    figures: Values
    size: float
    weights: Values | None


def _table(rows: Sequence[CandidateRow], metric: Metric, predictions: PredictionReader) -> _Table | None:
    """Return the figures over the seeds that all four have; ``None`` where a model's predictions are missing."""
    import numpy as np

    fits = {(row.name, fit.part): fit.fit_id for row in rows for fit in row.fits}
    tables, measure = [], Measure("test", metric.name)
    for row in rows:
        read = [predictions.of(fits[row.name, part]) for part in _shared_scores(rows, measure)]
        figures = [None if each is None else each.metric_values(metric) for each in read]
        there = [each for each in figures if each is not None]
        if not there or len(there) < len(read):
            return None
        tables.append(np.stack(there).astype(np.float64))
    weights = predictions.weights(metric)
    largest, heaviest = (
        max(float(each.max()) for each in tables),
        1.0 if weights is None else float(weights.max()),
    )
    size = pseudo_observations(metric, largest, tables[0].shape[1], heaviest)
    return _Table(interaction_values(*tables), size, weights)


def _shared_scores(rows: Sequence[CandidateRow], measure: Measure) -> Mapping[str, tuple[float, ...]]:
    """Return seed -> the scores of all candidates, for the seeds that all have."""
    scores = [row.scores(measure) for row in rows]
    shared = [part for part in scores[0] if all(part in each for each in scores)]
    return {part: tuple(each[part] for each in scores) for part in shared}


def _with_required_seeds(judged: Verdict, table: _Table | None) -> Verdict:
    """Return a verdict that says too little with how many seeds would tell an interaction that matters."""
    if judged.kind != "inconclusive" or table is None:
        return judged
    error = (1 - judged.difference.confidence) / judged.n_comparisons
    squares = sum(figure**2 for figure in PSEUDO_OBSERVATIONS)
    return replace(judged, required=required_seeds(components(table.figures), judged.margin, error, squares))
