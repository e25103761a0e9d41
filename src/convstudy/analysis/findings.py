"""The study's questions answered: which candidate leads each stage, and how it stands against every other
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from convstudy.analysis.candidates import CandidateRow, candidate_rows
from convstudy.analysis.comparisons import (
    compare_folds,
    compare_losses,
    compare_seeds,
    fold_intervals,
    intervals_of,
)
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.interactions import interactions_of
from convstudy.analysis.nested import Nested, nested
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.searches import SearchTrace, search_trace
from convstudy.analysis.selection import Selection, selection
from convstudy.history.results import Results
from convstudy.metrics import LOG_LOSS, Metric, metric_named
from convstudy.plan import Candidate, Stage
from convstudy.plan.stages import UNCHANGED
from convstudy.stats.groups import groups, letters
from convstudy.stats.intervals import Interval
from convstudy.stats.measure import Measure
from convstudy.stats.verdicts import Verdict


@dataclass(frozen=True)
class StageResult:
    """A stage as a contest of one candidate, the ``best``, against each of the others.

    The leader is the one that the stage chose by validation; in an ablation it is the network as it is.

    Attributes:
        measure: what verdicts are on: the study's metric on validation images in a search, else on test images.
        runner_up: the candidate with the next best mean of the metric on validation images.
        verdicts: in a search "leader against other"; in an ablation "variant against the network as it is"; in a
            comparison every pair, those of the leader first, and where nobody leads every pair of those that were
            tested. They pair what both sides have, by seed or fold; a candidate that a search trained on fewer folds or
            epochs than the leader has none, and is no runner-up.
        losses: the same pairs by test loss.
        interactions: of an ablation that asks for them, each two variants together against what they add up to.
        intervals: of each candidate by its name, its test scores' intervals by metric.
        fold_intervals: of the mean validation score of each candidate of a search that has all its folds, by its
            name (Nadeau and Bengio's, :func:`convstudy.stats.resampled.fold_mean`).
        trace: how a search went about it.
        nested: what the outer folds of a nested search say of its score.
        selection: how much of a search's best score is due to its being the best of several.
    """

    stage: str
    question: str
    name: str
    measure: Measure
    rows: tuple[CandidateRow, ...]
    best: CandidateRow | None = None
    runner_up: CandidateRow | None = None
    verdicts: tuple[Verdict, ...] = ()
    losses: tuple[Verdict, ...] = ()
    interactions: tuple[Verdict, ...] = ()
    intervals: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    fold_intervals: Mapping[str, Interval] = field(default_factory=dict)
    trace: SearchTrace | None = None
    nested: Nested | None = None
    selection: Selection | None = None

    @property
    def metric(self) -> Metric:
        """The study's metric."""
        return metric_named(self.measure.metric)

    def interval(self, name: str, metric: str = "") -> Interval | None:
        """Return the interval of a candidate's test score in a metric, the study's unless given."""
        return self.intervals.get(name, {}).get(metric or self.measure.metric)

    @property
    def asked(self) -> bool:
        """Whether the study asks this itself; what judges a nested search only serves the search."""
        return self.question not in ("inner", "nested")

    def verdict_on(self, name: str) -> Verdict | None:
        """Return the verdict in which this candidate stands against the leader."""
        return next((v for v in self.verdicts_on_best if name in (v.first, v.second)), None)

    @property
    def verdicts_on_best(self) -> tuple[Verdict, ...]:
        """The verdicts in which the leader is one of the two."""
        best = self.best.name if self.best else ""
        return tuple(v for v in self.verdicts if best in (v.first, v.second))

    @property
    def ranking(self) -> tuple[CandidateRow, ...]:
        """The candidates that have a score, the best mean first."""
        scored = [row for row in self.rows if row.summary(self.measure).mean is not None]
        return tuple(sorted(scored, key=lambda row: self.metric.rank(row.summary(self.measure).mean or 0.0)))

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The largest groups of ranked candidates of which no two are told apart; of comparisons only."""
        if self.question != "compare" or not self.verdicts or self.metric.kind == "per set":
            return ()
        names = [row.name for row in self.ranking]
        return groups(names, [(v.first, v.second) for v in self.verdicts if v.is_significant])

    @property
    def letters(self) -> dict[str, str]:
        """The letters of each ranked candidate's groups."""
        return letters([row.name for row in self.ranking], self.groups)

    @property
    def settled(self) -> bool:
        """Whether no open choice of an earlier stage can change a candidate any more."""
        return all(row.settled for row in self.rows)


@dataclass(frozen=True)
class Headline:
    """The candidate that the study comes down to: whose mistakes, kernels and confusion the report shows."""

    stage: Stage
    candidate: Candidate


def stage_result(
    results: Results, stage: Stage, predictions: PredictionReader, held_out: HeldOutReader
) -> StageResult:
    """Return the contest of one stage; the readers are those of this run."""
    rows = candidate_rows(results, stage)
    metric, margin = metric_named(results.study.metric), results.study.margin
    validation, test = Measure("validation", metric.name), Measure("test", metric.name)
    if stage.question == "search":
        best = next((row for row in rows if row.chosen), None)
        others = tuple(row for row in rows if best is not None and row is not best and row.trained_like(best))
        verdicts = compare_folds(best, others, metric, margin, len(rows), held_out) if best else ()
        return StageResult(
            stage.key,
            stage.question,
            stage.name,
            validation,
            rows,
            best,
            _next_best(best, others, validation),
            verdicts,
            fold_intervals=fold_intervals(rows, metric),
            trace=search_trace(results, stage),
            nested=nested(results, stage, best),
            # A choice that stays has no score while its fits have no records.
            selection=selection(rows, best, metric, held_out)
            if best and best.validation[metric.name].mean is not None
            else None,
        )
    if not stage.tested:  # what judges a search
        return StageResult(stage.key, stage.question, stage.name, validation, rows)

    pairs: list[tuple[CandidateRow, CandidateRow]] = []
    runner_up = None
    combined: dict[str, tuple[str, ...]] = {}
    if stage.question == "ablate":
        best = next(row for row in rows if row.name == UNCHANGED)
        combined = {each.name: each.combines for each in stage.candidates if each.combines}
        pairs = [(row, best) for row in rows if row is not best and row.name not in combined]
    elif stage.question == "compare":
        best = next((row for row in rows if row.chosen), None)
        others = tuple(row for row in rows if row is not best)
        runner_up = _next_best(best, others, validation)
        # Where a failed fit left the choice open, the models that were tested can be compared all the same.
        tested = tuple(row for row in others if row.test["accuracy"].n)
        pairs = list(combinations((best, *others) if best else tested, 2))
    else:
        best = rows[0]
    intervals = {row.name: intervals_of(row, metric, predictions) for row in rows}
    named = {row.name: row for row in rows}
    together = [(named[both], named[first], named[second]) for both, (first, second) in combined.items()]
    return StageResult(
        stage.key,
        stage.question,
        stage.name,
        test,
        rows,
        best,
        runner_up,
        compare_seeds(pairs, metric, margin, predictions, results.dataset.n_test),
        compare_losses(pairs, predictions) if metric.name != LOG_LOSS else (),
        interactions_of(together, best, metric, margin, predictions) if together and best else (),
        intervals,
    )


def headline(results: Results) -> Headline | None:
    """Return the chosen candidate of the last comparison, else an ablation's network as it is, else the
    final one.

    ``None`` where it hangs on a choice that is not made, or has no fit that is done.
    """
    compared = [stage for stage in results.plan.stages if stage.question == "compare"]
    others = [stage for stage in results.plan.stages if stage.question in ("ablate", "final")]
    found: tuple[Stage, str] | None = None
    if compared:
        choice = results.choice(compared[-1].key)
        found = (compared[-1], choice.chosen) if choice and choice.chosen else None
    elif others:
        found = (others[0], others[0].candidates[0].name)
    if found is None:
        return None
    stage, name = found
    candidate = stage.candidate(name)
    done = [record for record in results.records_of(candidate) if record.done]
    return Headline(stage, candidate) if done and not candidate.depends_on else None


def _next_best(
    best: CandidateRow | None, others: tuple[CandidateRow, ...], measure: Measure
) -> CandidateRow | None:
    """Return the candidate that validation puts second, ``None`` where there is no first."""
    scored = [row for row in others if row.summary(measure).mean is not None]
    metric = metric_named(measure.metric)

    def rank(row: CandidateRow) -> tuple[float, float]:
        value, loss = row.summary(measure).mean, row.validation[LOG_LOSS].mean
        assert value is not None and loss is not None  # both are recorded together
        return (metric.rank(value), loss)

    return min(scored, key=rank, default=None) if best else None
