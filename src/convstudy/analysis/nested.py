"""A nested search judged: what its winners score on images that the search which named them did not see.

The mean over the outer folds says how good the search's winners are, the search's own score how good its winner seemed;
the difference is the optimism of the choice (Varma & Simon 2006; Cawley & Talbot 2010). Outer training parts overlap as
those of any folds do, so that the interval is Nadeau and Bengio's, and never narrower than that of all their images
together (:mod:`convstudy.stats.resampled`).

A winner is scored at the epoch that its inner folds agree on, the median of those that count there. The epoch at which
it is best on the outer fold itself would be chosen by the images that judge it.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.methods import holds
from convstudy.history.results import Results
from convstudy.metrics import metric_named
from convstudy.plan import Candidate, Stage
from convstudy.stats.intervals import Interval
from convstudy.stats.resampled import fold_mean
from convstudy.stats.summary import Summary, summarise


@dataclass(frozen=True)
class OuterFold:
    """One outer fold.

    Attributes:
        number: from 1.
        winner: who won the search without this fold; empty where nobody has, or not yet.
        searched: the winner's mean score over the inner folds, by which it won.
        epoch: at which the winner is scored there: its inner folds' median, or its last one where ``patience``
            ended its training before.
        score: the winner's value of the study's metric on the outer fold.
        n_train, n_images: images that the winner was trained on, and images of the outer fold.
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
    """What the outer folds say of a search.

    Attributes:
        folds: every outer fold.
        score: of the winners on their outer folds; ``mean`` is ``None`` until every fold has one.
        interval: of that mean; ``None`` until every fold has a score, and for metrics that are no proportion.
        searched: the mean score that the search itself chose its winner by.
        higher_is_better: the direction of the metric.
        as_far: whether the search's winner and those of the outer folds were trained up to the same epoch.
        n_train: on how many images the winners of the outer folds were trained, the first one's number.
        n_train_searched: on how many the search's own winner was, on its first fold.
    """

    folds: tuple[OuterFold, ...]
    score: Summary
    interval: Interval | None
    searched: float | None
    as_far: bool
    n_train: int
    n_train_searched: int
    higher_is_better: bool = True

    @property
    def optimism(self) -> float | None:
        """By how much the search's own score is too good, as far as the outer folds tell; of equal training only."""
        if self.searched is None or self.score.mean is None or not self.as_far:
            return None
        found = self.searched - self.score.mean
        return found if self.higher_is_better else -found

    @property
    def winners(self) -> dict[str, int]:
        """Who won how many of the outer folds' searches, the most frequent first."""
        names = [fold.winner for fold in self.folds if fold.winner]
        return {
            name: names.count(name) for name in sorted(dict.fromkeys(names), key=lambda n: -names.count(n))
        }


def nested(results: Results, stage: Stage, best: CandidateRow | None) -> Nested | None:
    """Return what the outer folds say of a search; ``None`` where it is not nested.

    Args:
        results: the run.
        stage: the search.
        best: the candidate that it chose, if it has.
    """
    if not results.study.search[stage.name].nested:
        return None
    winners = results.plan.stage(f"nested.{stage.name}").candidates
    folds = tuple(
        _outer_fold(results, stage.name, number, won) for number, won in enumerate(winners, start=1)
    )
    scores = [fold.score for fold in folds if fold.score is not None]
    metric = metric_named(results.study.metric)
    whole = len(scores) == len(folds)
    reached = {fit.epoch_budget for won in winners for fit in won.fits}
    return Nested(
        folds=folds,
        score=summarise(scores if whole else ()),
        interval=(
            fold_mean(scores, [fold.n_images for fold in folds], 1 / (len(folds) - 1))
            if whole and holds("Wilson", metric)
            else None
        ),
        searched=best.validation[metric.name].mean if best else None,
        as_far=best is not None and {fit.epoch_budget for fit in best.fits} == reached,
        n_train=folds[0].n_train,
        n_train_searched=best.fits[0].n_train if best else 0,
        higher_is_better=metric.higher_is_better,
    )


def _outer_fold(results: Results, search: str, number: int, won: Candidate) -> OuterFold:
    """Return what one outer fold says."""
    choice = results.choice(f"inner.{search}.{number}")
    if choice is None or not choice.chosen or won.depends_on:
        return OuterFold(number)
    # A choice that stays has no score while a fit of it has no record.
    searched = next(
        (score.value for score in choice.scores if score.name == choice.chosen),
        None,
    )
    record = results.records.get(won.fits[0].id)
    if record is None or not record.done:
        return OuterFold(number, choice.chosen, searched)
    inner = results.records_of(results.plan.stage(choice.stage).candidate(choice.chosen))
    selected = [each.selected.number for each in inner if each.done]
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
