"""Interactions: whether the effect of two variants together is the sum of their separate effects.

Four candidates form a 2 × 2 factorial design (Yates 1937): the unmodified network, each variant, and both together.
With 1 for a correct and 0 for a wrong prediction, the value of a seed and an image is::

    both − first − second + unmodified

The mean of these values is the interaction: the effect of both together minus the sum of the two separate effects.
Seeds and images are crossed random effects, and the interval is computed as for a difference of two candidates
(``two_way``). Only the pseudo-observations are others. A difference has values from −1 to 1, an interaction from −2 to
2: the value is 2 if each variant alone is wrong on an image that the other two candidates classify correctly. Therefore
two images are added, one with the value 2 and one with −2 for every seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.looks import NO_LOOKS, LookReader
from convstudy.analysis.methods import holds, pseudo_observations
from convstudy.analysis.paired import counts_groups
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.training_sets import training_sets_of
from convstudy.metrics import Metric
from convstudy.stats.differences import CONFIDENCE, Difference
from convstudy.stats.measure import Measure
from convstudy.stats.pilot import seed_pilot
from convstudy.stats.sample_size import required_seeds
from convstudy.stats.summary import summarise
from convstudy.stats.two_way import two_way_difference
from convstudy.stats.verdicts import Evidence, Verdict, corrected, make_verdict

if TYPE_CHECKING:
    from convstudy.stats.training_sets import TrainingSets
    from convstudy.stats.two_way import Integers, Values

PSEUDO_OBSERVATIONS = (2.0, -2.0)
"""The values of the two added images."""


def interactions_of(
    pairs: Sequence[tuple[CandidateRow, CandidateRow, CandidateRow]],
    unmodified: CandidateRow,
    metric: Metric,
    margin: float,
    predictions: PredictionReader,
    looks: LookReader = NO_LOOKS,
) -> tuple[Verdict, ...]:
    """Return a verdict on each interaction, with Holm's correction over all interactions.

    ``first`` and ``second`` of a verdict are the two variants. "Better" means that both together score higher than the
    sum of the two effects by more than the margin, even if a lower value of the metric is better. "Equivalent" means
    that the interaction is within the margin. Without predictions only the mean is known, and the verdict is
    inconclusive.

    Args:
        pairs: (both variants together, first variant, second variant) for each interaction.
        unmodified: the network of the ablation.
        metric: the study's metric.
        margin: the equivalence margin, in units of the metric.
        predictions: the reader of test predictions.
        looks: the earlier tests of these candidates.
    """
    tables = {(a.name, b.name): _table((both, a, b, unmodified), metric, predictions) for both, a, b in pairs}
    verdicts = corrected(
        [
            looks.at_look(
                _without_correction(
                    (both, a, b, unmodified), metric, tables[a.name, b.name], margin, predictions
                ),
                *(both, a, b, unmodified),
            )
            for both, a, b in pairs
        ]
    )
    if not holds("sample size", metric):
        return verdicts
    return tuple(_with_required_seeds(each, tables[each.first, each.second]) for each in verdicts)


def interaction_values(together: Values, first: Values, second: Values, unmodified: Values) -> Values:
    """Return the interaction per seed and image; all arrays have shape (seeds, images)."""
    return together - first - second + unmodified


def two_way_interaction(
    values: Values,
    confidence: float = CONFIDENCE,
    size: float = 1.0,
    weights: Values | None = None,
    limit: float = 2.0,
    groups: Integers | None = None,
) -> Difference:
    """Return an interaction with its interval for new seeds and new images.

    Args:
        values: from :func:`interaction_values`, shape (seeds, images).
        confidence: the coverage of the interval.
        size: the largest difference of two models on an unseen image: 1 for values of 0 and 1. The two
            pseudo-observations are ±2 times this.
        weights: the weights of the images, shape (images,), if the values are multiplied by weights.
        limit: the interval is clipped to ±``limit``.
        groups: the group of each image, shape (images,).

    Raises:
        ValueError: if there are no seeds.
    """
    found = two_way_difference(values, 0 * values, confidence, PSEUDO_OBSERVATIONS[0] * size, weights, groups)
    pairs = tuple(float(mean) for mean in values.mean(axis=1))
    return replace(
        found,
        pairs=pairs,
        summary=summarise(pairs),
        n_images=int(found.n_images / size) if size else found.n_images,
        limit=limit,
    )


def _without_correction(
    rows: tuple[CandidateRow, CandidateRow, CandidateRow, CandidateRow],
    metric: Metric,
    table: _Table | None,
    margin: float,
    predictions: PredictionReader,
) -> Verdict:
    """Return the verdict on an interaction without a correction for others."""
    _, first, second, _ = rows
    measure = Measure("test", metric.name)
    if table is None:
        scores = _shared_scores(rows, measure)
        means = tuple(both - a - b + base for both, a, b, base in scores.values())
        found = Difference(means, summarise(means))
    else:
        widest = 2 * (metric.high - metric.low)
        values = table.values if table.sets is None else table.sets.rows(table.values)
        found = two_way_interaction(values, CONFIDENCE, table.size, table.weights, widest, predictions.groups)
        found = predictions.marked(found, values.shape[1])
        if table.sets is not None:
            found = table.sets.separated(found, tuple(float(mean) for mean in table.values.mean(axis=1)))
    evidence = sum((row.evidence for row in rows), Evidence())
    return make_verdict(
        first.name,
        second.name,
        measure,
        found,
        margin,
        evidence,
    )


@dataclass(frozen=True, eq=False)
class _Table:
    """The values of an interaction, shape (seeds, images), and the size of its pseudo-observations.

    ``sets`` has the training set of each seed, with ``resample = "training"``.
    """

    values: Values
    size: float
    weights: Values | None
    sets: TrainingSets | None


def _table(rows: Sequence[CandidateRow], metric: Metric, predictions: PredictionReader) -> _Table | None:
    """Return the values for the seeds that all four candidates have; ``None`` if predictions of a model are missing."""
    import numpy as np

    fits = {(row.name, fit.part): fit.fit_id for row in rows for fit in row.fits}
    tables, measure = [], Measure("test", metric.name)
    for row in rows:
        read = [predictions.of(fits[row.name, part]) for part in _shared_scores(rows, measure)]
        values = [None if each is None else each.metric_values(metric) for each in read]
        known = [each for each in values if each is not None]
        if not known or len(known) < len(read):
            return None
        tables.append(np.stack(known).astype(np.float64))
    weights = predictions.weights(metric)
    largest = max(float(each.max()) for each in tables)
    size = pseudo_observations(metric, largest, tables[0].shape[1], predictions.largest_change(metric))
    shared = _shared_scores(rows, measure)
    sets = training_sets_of([fit for fit in rows[0].fits if fit.part in shared])
    return _Table(interaction_values(*tables), size, weights, sets)


def _shared_scores(rows: Sequence[CandidateRow], measure: Measure) -> Mapping[str, tuple[float, ...]]:
    """Map each seed that all candidates have to their scores."""
    scores = [row.scores(measure) for row in rows]
    shared = [part for part in scores[0] if all(part in each for each in scores)]
    return {part: tuple(each[part] for each in scores) for part in shared}


def _with_required_seeds(verdict: Verdict, table: _Table | None) -> Verdict:
    """Attach the required number of seeds to an inconclusive verdict."""
    if verdict.kind != "inconclusive" or table is None or table.sets is not None or counts_groups(verdict):
        return verdict
    error = (1 - verdict.difference.confidence) / verdict.n_comparisons
    pilot = seed_pilot(table.values, PSEUDO_OBSERVATIONS[0] * table.size)
    return replace(verdict, required=required_seeds(pilot, verdict.margin, error))
