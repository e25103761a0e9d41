"""Collapsed seeds of a stage: their rates, the verdicts among seeds that trained, and who wins over pairs of seeds.

Whether a fit has collapsed depends on validation scores only (:mod:`convstudy.stats.collapse`), so no test score can
decide which seeds a conditional verdict leaves out. A fit whose loss diverged has no score; it counts as a seed that
did not train.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from convstudy.analysis.candidates import CandidateRow, FitRow
from convstudy.analysis.held_out import HeldOutReader
from convstudy.data import Split
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, Metric, metric_named
from convstudy.plan import Stage
from convstudy.stats.collapse import ValidationScore, collapse_rate, collapsed, fisher_exact, is_near_chance
from convstudy.stats.grouped import grouped_mean
from convstudy.stats.image_groups import group_indices
from convstudy.stats.intervals import Interval
from convstudy.stats.measure import Measure
from convstudy.stats.superiority import win_probability
from convstudy.stats.verdicts import Verdict

DIVERGED = "diverged"
_MAX_CELLS = 2_000_000
"""The limit of images times classes for the score of a constant prediction, for memory."""

Pair = tuple[CandidateRow, CandidateRow]


@dataclass(frozen=True)
class CollapsedSeed:
    """A seed that did not train.

    Attributes:
        part: the seed, for example ``"seed 3"``.
        score: its validation score in the metric of the rule; ``None`` if its loss diverged.
        learned: the learned fraction: 0 at chance, 1 for a perfect model; ``None`` if its loss diverged.
    """

    part: str
    score: float | None = None
    learned: float | None = None


@dataclass(frozen=True)
class CandidateCollapse:
    """The seeds of a candidate that did not train.

    Attributes:
        candidate: its name.
        seeds: the collapsed and diverged seeds, in order.
        n_seeds: the number of completed and diverged fits.
        is_near_chance: whether even its best seeds are not clearly above chance, so that its seeds cross the limit of
            the rule together.
    """

    candidate: str
    seeds: tuple[CollapsedSeed, ...]
    n_seeds: int
    is_near_chance: bool = False

    @property
    def may_be_weak(self) -> bool:
        """Whether most seeds are at chance and even the best ones are not clearly above it.

        If other seeds trained, a seed at chance has collapsed, even if few validation images leave doubt on them.
        """
        return self.is_near_chance and 2 * len(self.collapsed_parts) > self.n_seeds

    @property
    def collapsed_parts(self) -> frozenset[str]:
        """The seeds that completed training and collapsed."""
        return frozenset(seed.part for seed in self.seeds if seed.score is not None)

    @property
    def rate(self) -> Interval | None:
        """The rate of seeds that did not train, with its exact interval; ``None`` without seeds."""
        return collapse_rate(len(self.seeds), self.n_seeds) if self.n_seeds else None


@dataclass(frozen=True)
class PairCollapse:
    """Two candidates of which at least one has seeds that did not train.

    Attributes:
        first, second: their names.
        fisher_p: the p-value of Fisher's exact test that both rates are equal; ``None`` if one has no seeds, or
            if both are near chance.
        wins: the probability that a random seed of the first has a better test score than one of the second.
        trained: the verdict among pairs of seeds that both trained; ``None`` if fewer than two such pairs exist, or if
            no completed fit collapsed.
    """

    first: str
    second: str
    fisher_p: float | None
    wins: Interval | None
    trained: Verdict | None = None


@dataclass(frozen=True)
class StageCollapse:
    """The collapsed seeds of a stage.

    Attributes:
        metric: the name of the metric of the rule.
        candidates: all candidates with completed or diverged fits, in the order of the study.
        pairs: the compared pairs in which a seed did not train.
    """

    metric: str
    candidates: tuple[CandidateCollapse, ...]
    pairs: tuple[PairCollapse, ...] = ()

    @property
    def affected(self) -> tuple[CandidateCollapse, ...]:
        """The candidates with a seed that did not train."""
        return tuple(each for each in self.candidates if each.seeds)

    def n_collapsed(self, *names: str) -> int:
        """Return the number of collapsed seeds of some candidates, without diverged ones."""
        return sum(len(each.collapsed_parts) for each in self.candidates if each.candidate in names)


def collapse_of(
    results: Results, stage: Stage, rows: Sequence[CandidateRow], held_out: HeldOutReader
) -> StageCollapse:
    """Apply the rule to the seeds of each candidate of a stage.

    The rule uses the study's metric. For a metric in which lower is better it uses accuracy, because a loss can be
    worse than at chance although the network has learned the classes.

    Args:
        results: the results of the run.
        stage: a stage whose candidates are trained over seeds.
        rows: its candidates.
        held_out: the reader of the run's validation predictions, for the number of images per class.
    """
    of_study = metric_named(results.study.metric)
    metric = of_study if of_study.higher_is_better else metric_named(ACCURACY)
    splits = {fit.id: fit.split for candidate in stage.candidates for fit in candidate.fits}
    counts = _ClassCounts(results, held_out, splits)
    return StageCollapse(metric.name, tuple(_of_candidate(row, metric, counts) for row in rows))


def trained_pairs(pairs: Iterable[Pair], found: StageCollapse) -> list[Pair]:
    """Return the pairs with a collapsed seed, without the collapsed seeds, if two pairs of seeds are left.

    With several training sets, pairs of two of them must be left: one set shows no variation between sets.
    """
    parts = {each.candidate: each.collapsed_parts for each in found.candidates}
    left = []
    for pair in pairs:
        if not any(parts[row.name] for row in pair):
            continue
        first, second = (_without(row, parts[row.name]) for row in pair)
        tested = [{fit.part: fit for fit in row.fits if fit.test is not None} for row in (first, second)]
        common = [fit for part, fit in tested[0].items() if part in tested[1]]
        if len({fit.part if fit.training_set is None else fit.training_set for fit in common}) >= 2:
            left.append((first, second))
    return left


def with_pairs(
    found: StageCollapse, pairs: Iterable[Pair], measure: Measure, trained: Sequence[Verdict]
) -> StageCollapse:
    """Return the collapses with the comparisons of pairs.

    Args:
        found: the collapsed seeds.
        pairs: the compared pairs of the stage.
        measure: the study's metric on test images.
        trained: the verdicts on :func:`trained_pairs`.
    """
    of_candidate = {each.candidate: each for each in found.candidates}
    conditional = {(verdict.first, verdict.second): verdict for verdict in trained}
    compared = []
    for first, second in pairs:
        one, other = of_candidate[first.name], of_candidate[second.name]
        if not (one.seeds or other.seeds):
            continue
        counts = [(len(each.seeds), each.n_seeds) for each in (one, other)]
        is_tested = all(n for _, n in counts) and not (one.is_near_chance and other.is_near_chance)
        p = fisher_exact(counts[0], counts[1]) if is_tested else None
        wins = win_probability(_ranked(first, measure), _ranked(second, measure))
        compared.append(
            PairCollapse(first.name, second.name, p, wins, conditional.get((first.name, second.name)))
        )
    return replace(found, pairs=tuple(compared))


def marked(
    verdicts: Iterable[Verdict],
    found: StageCollapse,
    combined: Mapping[str, tuple[str, ...]] | None = None,
    unmodified: str = "",
) -> tuple[Verdict, ...]:
    """Return verdicts with the number of their collapsed seeds; with any, there is no required sample size.

    Args:
        verdicts: verdicts of the stage.
        found: its collapsed seeds.
        combined: for interactions: the candidate with both changes -> the names of the single changes.
        unmodified: for interactions: the name of the unmodified network.
    """
    together = {parts: name for name, parts in (combined or {}).items()}
    marked_verdicts = []
    for each in verdicts:
        n = found.n_collapsed(each.first, each.second)
        if combined:
            n += found.n_collapsed(together.get((each.first, each.second), ""), unmodified)
        marked_verdicts.append(replace(each, n_collapsed=n, required=None) if n else each)
    return tuple(marked_verdicts)


def marked_intervals(
    intervals: Mapping[str, Mapping[str, Interval]], found: StageCollapse
) -> dict[str, dict[str, Interval]]:
    """Return candidate -> metric -> interval, not reliable for candidates with collapsed seeds."""
    return {
        name: {
            metric: replace(interval, reliable=found.n_collapsed(name) == 0)
            for metric, interval in each.items()
        }
        for name, each in intervals.items()
    }


class _ClassCounts:
    """The number of validation images per class of each fit. The labels of a split are read once."""

    def __init__(self, results: Results, held_out: HeldOutReader, splits: Mapping[str, Split]) -> None:
        self._results = results
        self._held_out = held_out
        self._splits = splits
        self._of_split: dict[Split, tuple[int, ...]] = {}

    def of(self, fit: FitRow) -> tuple[int, ...]:
        split = self._splits[fit.fit_id]
        if split not in self._of_split:
            counts = self._held_out.class_counts(fit.fit_id)
            if counts is None:  # do not cache this: another fit of the split may have recorded the labels
                return self._without_labels(fit.n_validation)
            self._of_split[split] = counts
        return self._of_split[split]

    def counted(self, fit: FitRow) -> float:
        """Return the factor from the number of validation images to their effective number: 1 without groups."""
        held = self._held_out.of(fit.fit_id)
        if held is None or held.groups is None:
            return 1.0
        indices = group_indices(held.groups, len(held.correct))
        if indices is None or indices.max() < 1:
            return 1.0
        found = grouped_mean(held.correct[None].astype("float64"), indices).groups
        return found.n_effective / found.n_images

    def _without_labels(self, n_images: int) -> tuple[int, ...]:
        """Return counts in the proportions of the training images, or equal ones, because splits are stratified."""
        images, n_classes = self._results.images, self._results.dataset.n_classes
        known = images.train.class_counts if images is not None else (1,) * n_classes
        return tuple(max(1, round(count * n_images / sum(known))) for count in known)


@lru_cache(maxsize=1000)
def _chance(metric_name: str, counts: tuple[int, ...]) -> float:
    """Return the score of a model that predicts the proportions of the classes for every image."""
    import numpy as np

    n_images, n_classes = sum(counts), len(counts)
    keep = min(1.0, _MAX_CELLS / (n_images * n_classes))
    kept = [min(count, math.ceil(count * keep)) for count in counts]
    labels = np.repeat(np.arange(n_classes), kept)
    proportions = np.asarray(counts, dtype=np.float64) / n_images
    value = metric_named(metric_name).value(labels, np.tile(proportions, (len(labels), 1)))
    return 0.0 if math.isnan(value) else value


def _of_candidate(row: CandidateRow, metric: Metric, counts: _ClassCounts) -> CandidateCollapse:
    done = [fit for fit in row.fits if fit.status == "done"]
    scores = [_score(fit, metric, counts.of(fit), counts.counted(fit)) for fit in done]
    seeds = {
        fit.part: CollapsedSeed(fit.part, score.value, score.learned)
        for fit, score, failed in zip(done, scores, collapsed(scores), strict=True)
        if failed
    }
    diverged = [fit for fit in row.fits if fit.error_kind == DIVERGED]
    seeds |= {fit.part: CollapsedSeed(fit.part) for fit in diverged}
    ordered = tuple(seeds[fit.part] for fit in row.fits if fit.part in seeds)
    return CandidateCollapse(row.name, ordered, len(done) + len(diverged), is_near_chance(scores))


def _score(fit: FitRow, metric: Metric, counts: tuple[int, ...], counted: float) -> ValidationScore:
    """Return the validation score of a fit; each of its images counts as ``counted`` independent images."""
    value = fit.score(Measure("validation", metric.name))
    assert value is not None  # a completed fit has validation scores
    n_images = float(fit.n_validation)
    present = [count for count in counts if count]
    if metric.classes == "all":
        # A mean over classes has the variance of a balanced set with the harmonic mean of the class sizes.
        n_images = len(present) ** 2 / sum(1 / count for count in present)
    return ValidationScore(value, _chance(metric.name, counts), metric.high, n_images * counted)


def _without(row: CandidateRow, parts: frozenset[str]) -> CandidateRow:
    return replace(row, fits=tuple(fit for fit in row.fits if fit.part not in parts))


def _ranked(row: CandidateRow, measure: Measure) -> list[float]:
    """Return a candidate's test scores, higher is better; −inf for a diverged fit."""
    metric = metric_named(measure.metric)
    scores = [-metric.rank(score) for score in row.scores(measure).values()]
    return scores + [-math.inf for fit in row.fits if fit.error_kind == DIVERGED]
