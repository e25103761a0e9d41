"""Networks compared with baselines that cost nothing: majority class, linear model, nearest neighbours.

Baselines and networks are scored on the same images: test images for comparisons, ablations and final trainings,
validation images of all folds for searches. Each network is compared with the best baseline on these images; the best
of three is slightly too good by chance, so the comparison favours the baseline. A baseline has no seed. The interval
therefore covers other seeds of the network and other images, for this baseline.

Baselines predict a class and no probabilities: studies with another metric than balanced accuracy compare accuracy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.collapse import marked
from convstudy.analysis.comparisons import compare_tables
from convstudy.analysis.descriptive import described, why_descriptive, why_unfinished
from convstudy.analysis.error_ratios import Errors, errors_over_folds
from convstudy.analysis.findings import StageResult
from convstudy.analysis.held_out import HeldOutReader, variance_of_pooled
from convstudy.analysis.looks import LookReader
from convstudy.analysis.methods import pseudo_observations
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.training_sets import training_sets_of
from convstudy.data import BASELINES, Split
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, BALANCED_ACCURACY, Metric, metric_named
from convstudy.stats.differences import Difference
from convstudy.stats.error_ratio import Share
from convstudy.stats.grouped import grouped_mean, grouped_proportion
from convstudy.stats.image_groups import group_indices
from convstudy.stats.intervals import Interval
from convstudy.stats.measure import Measure
from convstudy.stats.resampled import fold_difference, fold_mean
from convstudy.stats.two_way import accuracy_interval
from convstudy.stats.verdicts import Verdict, corrected, make_verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BaselineScore:
    """The score of a baseline.

    Attributes:
        name: ``"majority class"``, ``"linear model"`` or ``"nearest neighbours"``.
        score: its accuracy or balanced accuracy, a fraction; for folds, the mean.
        interval: its 95 % interval for new images; ``None`` if there is none.
        n_train: the number of images that it was fitted to; the smallest number of all folds.
    """

    name: str
    score: float
    interval: Interval | None
    n_train: int


@dataclass(frozen=True)
class StageBaselines:
    """The baselines of a stage, and the networks compared with the best of them.

    Attributes:
        stage: the key of the stage.
        measure: the metric and the part of the images on which they are scored.
        n_images: the number of these images.
        scores: the baselines, in the order of :data:`convstudy.data.BASELINES`.
        verdicts: network − best baseline, for each network with predictions, with Holm's correction over them; for a
            search, of the selected candidate.
    """

    stage: str
    measure: Measure
    n_images: int
    scores: tuple[BaselineScore, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def best(self) -> BaselineScore:
        """The baseline with the highest score, the first one if several are equal."""
        return max(self.scores, key=lambda each: each.score)


@dataclass(frozen=True, eq=False)
class _Part:
    """What the baselines predict on the images of one split, shape (n,), and their values, shape (baselines, n)."""

    images: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    values: Values
    weights: Values
    n_train: tuple[int, ...]


def baseline_metric(results: Results) -> Metric:
    """Return the metric that baselines and networks are compared by: balanced accuracy if the study has it."""
    name = results.study.metric
    return metric_named(name if name == BALANCED_ACCURACY else ACCURACY)


def stage_baselines(
    results: Results, stage_result: StageResult, predictions: PredictionReader, held_out: HeldOutReader
) -> StageBaselines | None:
    """Compare the networks of a stage with the baselines; ``None`` if the baselines are not computed.

    Args:
        results: the results of the run.
        stage_result: a search with a selected candidate, or a stage whose models are evaluated on the test set.
        predictions: the reader of test predictions.
        held_out: the reader of validation predictions.
    """
    metric = baseline_metric(results)
    margin = results.study.margin_of(metric.name)
    if stage_result.question == "search":
        found = _over_folds(results, stage_result, metric, margin, held_out)
    elif results.plan.stage(stage_result.stage).tested:
        found = _on_test_images(results, stage_result, metric, margin, predictions)
    else:
        return None
    if stage_result.question == "search":
        why = why_descriptive(results.dataset, results.study.search[stage_result.name].folds)
    else:
        why = why_descriptive(results.dataset) or predictions.why_refused()
        why = why or why_unfinished(results.plan.stage(stage_result.stage), results.untested)
    if found is None:
        return None
    if stage_result.collapse is not None:
        found = replace(found, verdicts=marked(found.verdicts, stage_result.collapse))
    if not why:
        return found
    scores = tuple(replace(each, interval=None) for each in found.scores)
    return replace(found, scores=scores, verdicts=described(found.verdicts, why))


def _on_test_images(
    results: Results,
    stage_result: StageResult,
    metric: Metric,
    margin: float | Share,
    predictions: PredictionReader,
) -> StageBaselines | None:
    import numpy as np

    fits = results.plan.stage(stage_result.stage).candidates[0].fits
    part = _part(results, fits[0].split, metric)
    if part is None:
        return None
    measure = Measure("test", metric.name)
    weights = None if metric.weigh is None else part.weights
    scores = tuple(
        BaselineScore(
            name,
            float(values.mean()),
            predictions.marked(
                accuracy_interval(values[None], weights=weights, groups=predictions.groups), len(part.labels)
            ),
            part.n_train[number],
        )
        for number, (name, values) in enumerate(zip(BASELINES, part.values, strict=True))
    )
    best = max(range(len(scores)), key=lambda number: scores[number].score)
    looks, found = LookReader.of(results), []
    for row in stage_result.rows:
        table = _table(row, part, metric, predictions)
        if table is None:
            continue
        sets = training_sets_of([fit for fit in row.fits if fit.test is not None])
        baseline = np.broadcast_to(part.values[best], table.shape)
        difference, errors = compare_tables((table, baseline), sets, metric, predictions, margin)
        verdict = _verdict(row, scores[best].name, measure, difference, errors)
        found.append(looks.at_look(verdict, row))
    return StageBaselines(stage_result.stage, measure, len(part.labels), scores, corrected(found))


def _table(row: CandidateRow, part: _Part, metric: Metric, predictions: PredictionReader) -> Values | None:
    """Return the values of a network, shape (seeds, images); ``None`` unless all its predictions are available."""
    import numpy as np

    read = [predictions.of(fit.fit_id) for fit in row.fits if fit.test is not None]
    known = [each for each in read if each is not None and np.array_equal(each.labels, part.labels)]
    if not known or len(known) < len(read):
        return None
    values = [each.metric_values(metric) for each in known]
    return np.stack([each for each in values if each is not None])


def _over_folds(
    results: Results,
    stage_result: StageResult,
    metric: Metric,
    margin: float | Share,
    held_out: HeldOutReader,
) -> StageBaselines | None:
    best = stage_result.best
    if best is None or best.n_done < len(best.fits):
        return None
    splits = [fit.split for fit in results.plan.stage(stage_result.stage).candidate(best.name).fits]
    read = [_part(results, split, metric) for split in splits]
    parts = [part for part in read if part is not None]
    if len(parts) < len(read):
        return None
    ratio = max(fit.n_validation / fit.n_train for fit in best.fits)
    sizes = [len(part.labels) for part in parts]
    folds = [[float(part.values[number].mean()) for part in parts] for number in range(len(BASELINES))]
    scores = tuple(
        BaselineScore(
            name,
            sum(folds[number]) / len(parts),
            _fold_interval(best, parts, number, ratio, held_out) if metric.counts else None,
            min(part.n_train[number] for part in parts),
        )
        for number, name in enumerate(BASELINES)
    )
    top = max(range(len(scores)), key=lambda number: scores[number].score)
    measure = Measure("validation", metric.name)
    found = _fold_difference(best, parts, top, metric, margin, held_out)
    verdicts = () if found is None else (_verdict(best, scores[top].name, measure, *found),)
    return StageBaselines(stage_result.stage, measure, sum(sizes), scores, verdicts)


def _fold_difference(
    row: CandidateRow,
    parts: list[_Part],
    number: int,
    metric: Metric,
    margin: float | Share,
    held_out: HeldOutReader,
) -> tuple[Difference, Errors] | None:
    """Compare a candidate and a baseline over folds; ``None`` if predictions are missing."""
    import numpy as np

    own, theirs = [], []
    for fit, part in zip(row.fits, parts, strict=True):
        read = held_out.of(fit.fit_id)
        values = None if read is None else read.metric_values(metric)
        if read is None or values is None or not np.array_equal(read.images, part.images):
            return None
        own.append(values.astype(np.float64))
        theirs.append(part.values[number])
    images = np.concatenate([part.images for part in parts])
    _, index, times = np.unique(images, return_inverse=True, return_counts=True)
    size = pseudo_observations(metric, 1.0, len(times), max(float(part.weights.max()) for part in parts))
    first, second = (np.bincount(index, np.concatenate(values)) / times for values in (own, theirs))
    network, baseline = ([float(values.mean()) for values in each] for each in (own, theirs))
    # Nadeau and Bengio (2003) inflate the variance by this ratio, because training sets of folds overlap.
    ratio = max(fit.n_validation / fit.n_train for fit in row.fits)
    groups = held_out.groups(row.fits)
    source, n_images, counted = variance_of_pooled(first, second, size, groups)
    difference = fold_difference(
        network, baseline, ratio, images=source, n_images=n_images, limit=1.0, groups=counted
    )
    errors = errors_over_folds(
        network, baseline, ratio, (first, second, size), metric, margin, n_images, groups
    )
    return held_out.marked(difference, row.fits), errors


def _fold_interval(
    row: CandidateRow, parts: list[_Part], number: int, ratio: float, held_out: HeldOutReader
) -> Interval | None:
    """Return the interval of a baseline's mean accuracy over folds; groups of images count as such."""
    import numpy as np

    scores = [float(part.values[number].mean()) for part in parts]
    groups, pooled = held_out.groups(row.fits), None
    if groups is not None:
        index, times = held_out.image_index(row.fits)
        indices = group_indices(groups, len(times))
        if indices is not None and indices.max() > 0:
            values = np.concatenate([part.values[number] for part in parts])
            pooled = grouped_proportion(grouped_mean((np.bincount(index, values) / times)[None], indices))
    found = fold_mean(scores, [len(part.labels) for part in parts], ratio, pooled=pooled)
    return None if found is None else held_out.marked(found, row.fits)


def _verdict(
    row: CandidateRow, baseline: str, measure: Measure, difference: Difference, errors: Errors
) -> Verdict:
    return make_verdict(
        row.name,
        baseline,
        measure,
        difference,
        errors.margin,
        row.evidence,
        errors=errors.ratio,
        by_share=errors.by_share,
    )


def _part(results: Results, split: Split, metric: Metric) -> _Part | None:
    """Return the values of the baselines on the images of a split; ``None`` if they are missing or do not fit."""
    import numpy as np

    arrays = results.baseline(split)
    if arrays is None:
        return None
    images, labels, predicted = (arrays[name].astype(np.int64) for name in ("images", "labels", "predicted"))
    n_train = arrays["n_train"]
    n = len(BASELINES)
    fits = (
        predicted.shape == (n, len(labels))
        and len(images) == len(labels) > 1
        and len(n_train) == n
        and 0 <= int(labels.min()) <= int(labels.max()) < results.dataset.n_classes
    )
    if not fits:
        return None
    weights = metric.weights(labels)
    values = (predicted == labels) * weights
    counts: list[int] = n_train.tolist()
    return _Part(images, labels, values, weights, tuple(counts))
