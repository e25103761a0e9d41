"""Nested cross-validation: each outer fold scores the winner of a search that did not use its images.

The mean over the outer folds estimates the score of the search's winners without selection bias. The difference from
the search's own score is its optimism (Varma & Simon 2006; Cawley & Talbot 2010). Training sets of outer folds overlap,
so the interval is Nadeau and Bengio's, and never narrower than the interval from the sampling of all images alone
(:mod:`convstudy.stats.resampled`).

A winner is scored at the median of the epochs that its inner folds selected. Its best epoch on the outer fold cannot be
used, because the images that select this epoch would also score it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from convstudy.analysis.candidates import CandidateRow, FitRow, fit_row
from convstudy.analysis.held_out import HeldOutReader, pooled_accuracy
from convstudy.analysis.methods import holds
from convstudy.history.results import Results
from convstudy.metrics import metric_named
from convstudy.plan import Candidate, Stage
from convstudy.stats.differences import t_quantile
from convstudy.stats.intervals import Interval, score_ends
from convstudy.stats.resampled import fold_mean
from convstudy.stats.summary import Summary, summarise


@dataclass(frozen=True)
class OuterFold:
    """An outer fold.

    Attributes:
        number: the number of the fold, counted from 1.
        winner: the winner of the search without this fold; empty if there is none yet.
        searched: the winner's mean score over the inner folds, by which it was selected.
        epoch: the epoch at which the winner is scored: the median of its inner folds, or its last epoch if ``patience``
            stopped it earlier.
        score: the winner's score on the outer fold, in units of the study's metric.
        n_train: the number of images on which the winner was trained.
        n_images: the number of images of the outer fold.
    """

    number: int
    winner: str = ""
    searched: float | None = None
    epoch: int | None = None
    score: float | None = None
    n_train: int = 0
    n_images: int = 0


@dataclass(frozen=True)
class Nested:
    """The nested cross-validation of a search.

    Attributes:
        folds: all outer folds.
        score: the scores of the winners on their outer folds; empty until every fold has a score.
        interval: the interval of the mean score; ``None`` until every fold has a score, and for metrics other than
            proportions.
        searched: the mean score by which the search selected its own winner.
        same_budget: whether the search's winner and those of the outer folds have the same epoch budget.
        n_train: the number of images for training the winner of the first outer fold.
        n_train_searched: the number of images for training the search's winner on its first fold.
        higher_is_better: the direction of the metric.
    """

    folds: tuple[OuterFold, ...]
    score: Summary
    interval: Interval | None
    searched: float | None
    same_budget: bool
    n_train: int
    n_train_searched: int
    higher_is_better: bool = True

    @property
    def optimism(self) -> float | None:
        """The estimated bias of the search's own score; positive if it is too good, ``None`` if budgets differ."""
        if self.searched is None or self.score.mean is None or not self.same_budget:
            return None
        found = self.searched - self.score.mean
        return found if self.higher_is_better else -found

    @property
    def winners(self) -> dict[str, int]:
        """Winner -> number of outer folds, the most frequent first."""
        names = [fold.winner for fold in self.folds if fold.winner]
        return {
            name: names.count(name) for name in sorted(dict.fromkeys(names), key=lambda n: -names.count(n))
        }


def nested(
    results: Results, stage: Stage, best: CandidateRow | None, held_out: HeldOutReader
) -> Nested | None:
    """Evaluate a search by its outer folds; ``None`` if it is not nested.

    Args:
        results: the results of the run.
        stage: the search.
        best: its selected candidate, if there is one.
        held_out: the reader of validation predictions.
    """
    if not results.study.search[stage.name].nested:
        return None
    winners = results.plan.stage(f"nested.{stage.name}").candidates
    folds = tuple(
        _outer_fold(results, stage.name, number, won) for number, won in enumerate(winners, start=1)
    )
    scores = [fold.score for fold in folds if fold.score is not None]
    metric = metric_named(results.study.metric)
    is_complete = len(scores) == len(folds)
    reached = {fit.epoch_budget for won in winners for fit in won.fits}
    interval: Interval | None = None
    fits: list[FitRow] = []
    if is_complete and holds("Wilson", metric):
        fits = [
            fit_row(results, results.plan.stage(f"nested.{stage.name}"), won, won.fits[0]) for won in winners
        ]
        pooled = pooled_accuracy(fits, held_out, metric)
        counts = [fold.n_images for fold in folds]
        interval = fold_mean(scores, counts, 1 / (len(folds) - 1), pooled=_at(scores, counts, pooled))
    return Nested(
        folds=folds,
        score=summarise(scores if is_complete else ()),
        interval=interval and held_out.marked(interval, fits),
        searched=best.validation[metric.name].mean if best else None,
        same_budget=best is not None and {fit.epoch_budget for fit in best.fits} == reached,
        n_train=folds[0].n_train,
        n_train_searched=best.fits[0].n_train if best else 0,
        higher_is_better=metric.higher_is_better,
    )


def _at(scores: Sequence[float], counts: Sequence[int], pooled: Interval | None) -> Interval | None:
    """Return the interval of the pooled scores, with the effective number of images of ``pooled``.

    The predictions of outer fits are those of another epoch than the scores; their design effect serves for both.
    """
    if pooled is None or pooled.groups is None:
        return None
    mean = min(1.0, math.fsum(s * n for s, n in zip(scores, counts, strict=True)) / sum(counts))
    t2 = t_quantile(0.5 + pooled.confidence / 2, pooled.groups.n_groups - 1) ** 2
    low, high = score_ends(mean, pooled.groups.n_effective, t2)
    return replace(pooled, estimate=mean, low=low, high=high)


def _outer_fold(results: Results, search: str, number: int, won: Candidate) -> OuterFold:
    choice = results.choice(f"inner.{search}.{number}")
    if choice is None or not choice.chosen or won.depends_on:
        return OuterFold(number)
    # A stored choice can name a candidate without a score, if one of its fits has no record.
    searched = next(
        (score.value for score in choice.scores if score.name == choice.chosen),
        None,
    )
    record = results.records.get(won.fits[0].id)
    if record is None or not record.done:
        return OuterFold(number, choice.chosen, searched)
    inner = results.records_of(results.plan.stage(choice.stage).candidate(choice.chosen))
    selected = [each.selected.number for each in inner if each.done]
    # ``patience`` can stop the outer fit before that epoch.
    epoch = min(round(median(selected)), len(record.history)) if selected else len(record.history)
    return OuterFold(
        number,
        choice.chosen,
        searched,
        epoch,
        record.history[epoch - 1].validation[results.study.metric],
        record.n_train,
        record.n_validation,
    )
