"""What a notebook would have reported of this very study, beside what is honest: only from what is on record.

A notebook keeps the best figure that it came across: of the seeds, of the networks, of the epochs, of a search. Each is
the highest of several that luck made differ, and so too good for the next training. The test set is never scored epoch
by epoch, so that what choosing an epoch by it would bring is told of the validation images instead.
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
    "seed", "network", "seed and network", "epoch", "kept epoch", "nested search", "search", "halved search"
]


@dataclass(frozen=True)
class BiasedEstimate:
    """A figure that a notebook would have kept, and the one in its place.

    Attributes:
        kind: the best of what was kept; a ``"kept epoch"`` is one that the recipe keeps itself, by validation images.
        about: which candidate or search it is about.
        of: how many it was the best of.
        kept: the score that would have been reported.
        honest: the one to report instead.
        images: whether both are of the ``"test"`` or the ``"validation"`` images.
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
        """By how much the kept figure is better than the honest one."""
        return self.biased - self.unbiased if self.higher_is_better else self.unbiased - self.biased


def biased_estimates(
    results: Results, found: tuple[StageResult, ...], head: Headline | None
) -> tuple[BiasedEstimate, ...]:
    """Return what a notebook would have reported of the study's headline and of its searches.

    Args:
        results: the run.
        found: its contests.
        head: the candidate that the study comes down to, if it is known.
    """
    kept: list[BiasedEstimate] = []
    for stage_result in found:
        kept += _of_search(stage_result)
    if head is None:
        return tuple(kept)
    stage_result = next(stage_result for stage_result in found if stage_result.stage == head.stage.key)
    row = next(row for row in stage_result.rows if row.name == head.candidate.name)
    return (*_of_tests(stage_result, row), *_of_epochs(results, row, head.candidate.recipe.checkpoint), *kept)


def _of_tests(stage_result: StageResult, row: CandidateRow) -> Iterator[BiasedEstimate]:
    """Yield the best seed, the best network, and the best seed of any network."""
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
    every = [score for each in scored for score in each.scores(measure).values()]
    if len(own) > 1:
        yield BiasedEstimate("seed and network", row.name, len(every), _best(metric, every), mean, "test", up)


def _of_epochs(results: Results, row: CandidateRow, keep: str) -> Iterator[BiasedEstimate]:
    """Yield the best epoch by the validation images, beside the last one on the same images."""
    metric = metric_named(results.study.metric)
    histories = [results.records[fit.fit_id].history for fit in row.fits if fit.status == "done"]
    longest = max((len(history) for history in histories), default=0)
    if longest > 1:
        courses = [[epoch.validation[metric.name] for epoch in history] for history in histories]
        best = fmean(_best(metric, trace) for trace in courses)
        last = fmean(trace[-1] for trace in courses)
        kind: Kind = "kept epoch" if keep == "best" else "epoch"
        yield BiasedEstimate(kind, row.name, longest, best, last, "validation", metric.higher_is_better)


def _of_search(stage_result: StageResult) -> Iterator[BiasedEstimate]:
    """Yield a search's best score beside that on images that it did not see, or beside the corrected one."""
    nested, chosen, up = stage_result.nested, stage_result.selection, stage_result.metric.higher_is_better
    if nested is not None and nested.optimism is not None and nested.searched is not None:
        honest = nested.searched - nested.optimism if up else nested.searched + nested.optimism
        yield BiasedEstimate(
            "nested search",
            stage_result.name,
            len(stage_result.rows),
            nested.searched,
            honest,
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
    """Return the best of these values."""
    return min(values, key=metric.rank)
