"""Selection-biased estimates from the records of a study, each with an unbiased estimate from the same records.

A typical notebook reports the best of several scores: over seeds, networks, epochs, or the candidates of a search. A
new training would on average have a lower score than this maximum, because the maximum is partly due to chance. The
test set is not evaluated at each epoch, so the bias from selecting an epoch is shown on validation images.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.findings import Headline, StageResult
from convstudy.history.results import Results
from convstudy.metrics import Metric, metric_named

Kind = Literal[
    "seed",
    "network",
    "seed and network",
    "epoch",
    "selected epoch",
    "nested search",
    "search",
    "halved search",
]


@dataclass(frozen=True)
class BiasedEstimate:
    """A selection-biased score, and the unbiased score to report instead.

    Attributes:
        kind: what the selection was made from; ``"selected epoch"`` is the epoch that the recipe itself selects on
            validation images.
        about: the name of the candidate or the search.
        n_options: the number of options of the selection.
        biased: the best score, in units of the study's metric.
        unbiased: the score to report instead.
        images: the images on which both scores are measured.
        higher_is_better: the direction of the metric.
    """

    kind: Kind
    about: str
    n_options: int
    biased: float
    unbiased: float
    images: Literal["test", "validation"]
    higher_is_better: bool = True

    @property
    def difference(self) -> float:
        """The amount by which the biased score is better than the unbiased one."""
        return self.biased - self.unbiased if self.higher_is_better else self.unbiased - self.biased


def biased_estimates(
    results: Results, found: tuple[StageResult, ...], head: Headline | None
) -> tuple[BiasedEstimate, ...]:
    """Return the selection-biased estimates for the study's headline and its searches.

    Args:
        results: the results of the run.
        found: its stage results.
        head: the candidate that the report shows in detail, if it is known.
    """
    of_searches: list[BiasedEstimate] = []
    for stage_result in found:
        of_searches += _of_search(stage_result)
    if head is None:
        return tuple(of_searches)
    stage_result = next(stage_result for stage_result in found if stage_result.stage == head.stage.key)
    row = next(row for row in stage_result.rows if row.name == head.candidate.name)
    return (
        *_of_tests(stage_result, row),
        *_of_epochs(results, row, head.candidate.recipe.checkpoint),
        *of_searches,
    )


def _of_tests(stage_result: StageResult, row: CandidateRow) -> Iterator[BiasedEstimate]:
    """Yield the best seed, the best network, and the best seed of all networks."""
    measure, metric = stage_result.measure, stage_result.metric
    up = metric.higher_is_better
    mean = row.summary(measure).mean
    if mean is None or measure.part != "test":
        return
    own = list(row.scores(measure).values())
    if len(own) > 1:
        yield BiasedEstimate("seed", row.name, len(own), _best(metric, own), mean, "test", up)
    scored = [each for each in stage_result.rows if each.summary(measure).mean is not None]
    if stage_result.question != "compare" or len(scored) < 2:
        return
    means = [value for each in scored if (value := each.summary(measure).mean) is not None]
    yield BiasedEstimate("network", row.name, len(scored), _best(metric, means), mean, "test", up)
    # The maximum over all fits has the largest bias, because it selects both a network and a seed.
    every = [score for each in scored for score in each.scores(measure).values()]
    if len(own) > 1:
        yield BiasedEstimate("seed and network", row.name, len(every), _best(metric, every), mean, "test", up)


def _of_epochs(results: Results, row: CandidateRow, checkpoint: str) -> Iterator[BiasedEstimate]:
    """Yield the best epoch on validation images, with the last epoch as the unbiased score."""
    metric = metric_named(results.study.metric)
    histories = [results.records[fit.fit_id].history for fit in row.fits if fit.status == "done"]
    longest = max((len(history) for history in histories), default=0)
    if longest > 1:
        curves = [[epoch.validation[metric.name] for epoch in history] for history in histories]
        best = fmean(_best(metric, curve) for curve in curves)
        last = fmean(curve[-1] for curve in curves)
        kind: Kind = "selected epoch" if checkpoint == "best" else "epoch"
        yield BiasedEstimate(kind, row.name, longest, best, last, "validation", metric.higher_is_better)


def _of_search(stage_result: StageResult) -> Iterator[BiasedEstimate]:
    """Yield the best score of a search, with its nested cross-validation or its corrected score."""
    nested, chosen, up = stage_result.nested, stage_result.selection, stage_result.metric.higher_is_better
    if nested is not None and nested.optimism is not None and nested.searched is not None:
        unbiased = nested.searched - nested.optimism if up else nested.searched + nested.optimism
        yield BiasedEstimate(
            "nested search",
            stage_result.name,
            len(stage_result.rows),
            nested.searched,
            unbiased,
            "validation",
            up,
        )
    elif chosen is not None and chosen.corrected is not None:
        halves = stage_result.trace is not None and stage_result.trace.halved
        kind: Kind = "halved search" if halves else "search"
        yield BiasedEstimate(
            kind, stage_result.name, chosen.n_candidates, chosen.score, chosen.corrected, "validation", up
        )


def _best(metric: Metric, values: Sequence[float]) -> float:
    return min(values, key=metric.rank)
