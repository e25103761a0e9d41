"""The expected best validation score of a search by its number of trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from convstudy.analysis.candidates import CandidateRow
from convstudy.analysis.searches import SearchTrace
from convstudy.metrics import Metric
from convstudy.stats.expected_best import BestOf, best_of, median_bounds

MAX_POINTS = 50
"""With more trials, only some numbers of trials have a point."""

Kind = Literal["grid", "first rung", "random", "tpe"]
"""What an order of the trials means: a grid in random order; the first rung of screening or halving; a random search,
whose trials are in random order; TPE, whose later trials depend on earlier ones."""


@dataclass(frozen=True)
class Trials:
    """The best of n trials.

    Attributes:
        best: the expected best of n trials and its range over orders of the trials.
        new_low, new_high: the 95 % interval of the median best of n of a new random search of the same space; ``None``
            for other methods.
    """

    best: BestOf
    new_low: float | None = None
    new_high: float | None = None


@dataclass(frozen=True)
class ExpectedBest:
    """The expected best validation score of a search.

    Attributes:
        kind: what an order of the trials means.
        n: the number of trials: the candidates with all scores.
        n_left_out: the number of candidates without all scores, for example because a fit failed.
        points: the best of 1, 2, ..., n trials.
    """

    kind: Kind
    n: int
    n_left_out: int
    points: tuple[Trials, ...]

    def at(self, n: int) -> Trials:
        """Return the point with the largest number of trials up to ``n``."""
        return [point for point in self.points if point.best.n <= max(1, n)][-1]

    def fewest_within(self, margin: float) -> int:
        """Return the number of trials whose expected best is within a margin of the best of all."""
        last = self.points[-1].best.expected
        # The margin itself is within, up to rounding.
        return next(p.best.n for p in self.points if abs(p.best.expected - last) <= margin * (1 + 1e-9))


def expected_best(
    rows: Sequence[CandidateRow], best: CandidateRow | None, trace: SearchTrace | None, metric: Metric
) -> ExpectedBest | None:
    """Return the expected best score by the number of trials; ``None`` before the choice, or with one trial.

    A search with rungs compares all candidates only in its first rung; there are its trials.

    Args:
        rows: the candidates of the search.
        best: its winner.
        trace: its trace.
        metric: the study's metric.
    """
    if best is None or trace is None:
        return None
    if trace.rungs:
        kind: Kind = "first rung"
        found = [score.value for score in trace.rungs[0].scores if score.value is not None]
    else:
        kind = "tpe" if trace.method == "tpe" else "random" if trace.method == "random" else "grid"
        means = [row.validation[metric.name].mean for row in rows if _is_complete(row, best)]
        found = [mean for mean in means if mean is not None]
    if len(found) < 2:
        return None
    points = tuple(_trials(found, n, kind, metric) for n in numbers_of_trials(len(found)))
    return ExpectedBest(kind, len(found), trace.n_candidates - len(found), points)


def numbers_of_trials(n: int) -> tuple[int, ...]:
    """Return increasing numbers of trials from 1 to n, at most about ``MAX_POINTS``, denser near 1.

    >>> numbers_of_trials(5)
    (1, 2, 3, 4, 5)
    """
    if n <= MAX_POINTS:
        return tuple(range(1, n + 1))
    spaced = (round(n ** (k / (MAX_POINTS - 1))) for k in range(MAX_POINTS))
    return tuple(sorted({*spaced, n}))


def _is_complete(row: CandidateRow, best: CandidateRow) -> bool:
    return row.is_comparable_to(best) and row.n_done == len(row.fits)


def _trials(scores: Sequence[float], n: int, kind: Kind, metric: Metric) -> Trials:
    found = best_of(scores, n, metric.higher_is_better)
    if kind != "random":
        return Trials(found)
    sign = 1.0 if metric.higher_is_better else -1.0
    limits = (metric.low, metric.high) if metric.higher_is_better else (-metric.high, -metric.low)
    ends = sorted(sign * end for end in median_bounds([sign * score for score in scores], n, limits))
    return Trials(found, ends[0], ends[1])
