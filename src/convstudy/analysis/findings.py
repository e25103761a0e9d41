"""The result of each stage: the best candidate and the verdicts on the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

from convstudy.analysis.candidates import CandidateRow, candidate_rows
from convstudy.analysis.collapse import (
    StageCollapse,
    collapse_of,
    marked,
    marked_intervals,
    trained_pairs,
    with_pairs,
)
from convstudy.analysis.comparisons import compare_losses, compare_seeds
from convstudy.analysis.descriptive import described, why_descriptive, why_unfinished
from convstudy.analysis.error_ratios import fixed_margin
from convstudy.analysis.expected_best import ExpectedBest, expected_best
from convstudy.analysis.fold_comparisons import compare_folds
from convstudy.analysis.held_out import HeldOutReader
from convstudy.analysis.imbalance import balanced_scores
from convstudy.analysis.interactions import interactions_of
from convstudy.analysis.looks import LookReader
from convstudy.analysis.nested import Nested, nested
from convstudy.analysis.predictions import PredictionReader
from convstudy.analysis.score_intervals import fold_intervals, intervals_of
from convstudy.analysis.searches import SearchTrace, search_trace
from convstudy.analysis.selection import Selection, selection
from convstudy.history.results import Results
from convstudy.metrics import BALANCED_ACCURACY, LOG_LOSS, Metric, metric_named, recorded_with
from convstudy.plan import Candidate, Stage
from convstudy.plan.stages import UNCHANGED
from convstudy.stats.differences import CONFIDENCE
from convstudy.stats.groups import groups, letters
from convstudy.stats.intervals import Interval
from convstudy.stats.looks import shared_confidence
from convstudy.stats.measure import Measure
from convstudy.stats.summary import Summary
from convstudy.stats.verdicts import Verdict


@dataclass(frozen=True)
class StageResult:
    """The result of a stage: its candidates, the best one, and the verdicts.

    Attributes:
        stage: the key of the stage, for example ``"search.kernel-size"``.
        question: ``"search"``, ``"compare"``, ``"ablate"`` or ``"final"``; ``"inner"`` or ``"nested"`` for the outer
            folds of a search.
        name: the name of the stage.
        measure: what the verdicts compare: the study's metric, on validation images for a search, else on test images.
        rows: the candidates, in the order of the study.
        best: the candidate that the stage selected on validation images; for an ablation, the unmodified network.
        runner_up: the candidate with the second-best mean on validation images.
        verdicts: the verdicts, paired by seed or fold. A search compares the best candidate with each other candidate
            with the same folds and epochs. An ablation compares each variant with the unmodified network. A comparison
            compares all pairs, those of the best candidate first. If there is no best candidate, it compares the pairs
            with test scores.
        losses: verdicts on the same pairs by test log-loss.
        interactions: verdicts on pairs of variants, for an ablation with ``interactions``.
        intervals: candidate -> metric -> 95 % interval of the mean test score.
        corrected_intervals: the same intervals, corrected for all candidates that were scored on this test set so far
            (Bonferroni); empty if this is the only one.
        fold_intervals: candidate -> 95 % interval of the mean validation score, for candidates of a search with all
            folds (Nadeau and Bengio, :func:`convstudy.stats.resampled.fold_mean`).
        trace: the search trace.
        nested: the nested cross-validation of a search.
        selection: the selection bias of a search's best score.
        expected: the expected best validation score of a search by its number of trials.
        balanced: candidate -> balanced accuracy on the images that the verdicts compare on; empty unless the training
            classes are imbalanced and the study has another metric. For a search, only of the best candidate.
        collapse: the seeds that did not train, and what follows for the comparisons; ``None`` for a search.
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
    expected: ExpectedBest | None = None
    balanced: Mapping[str, Summary] = field(default_factory=dict)
    corrected_intervals: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    collapse: StageCollapse | None = None

    @property
    def metric(self) -> Metric:
        """The study's metric."""
        return metric_named(self.measure.metric)

    def interval(self, name: str, metric: str = "") -> Interval | None:
        """Return the interval of a mean test score; ``None`` without one.

        Args:
            name: the name of the candidate.
            metric: the name of the metric; the study's metric by default.
        """
        return self.intervals.get(name, {}).get(metric or self.measure.metric)

    @property
    def is_main(self) -> bool:
        """Whether the study file asks for this stage. Stages of outer folds are only parts of a search."""
        return self.question not in ("inner", "nested")

    @property
    def remaining(self) -> tuple[CandidateRow, ...]:
        """The candidates that can still be selected: those of the open rung of a halving search, otherwise all."""
        rung = self.trace.open_rung if self.trace else None
        if self.trace is None or rung is None:
            return self.rows
        # Candidates that were eliminated in earlier rungs have no more fits to train.
        names = self.trace.rungs[rung - 1].evaluated
        return tuple(row for row in self.rows if row.name in names)

    @property
    def n_missing(self) -> int:
        """The number of fits of the remaining candidates that are not trained, or failed and can be trained again."""
        return sum(row.n_missing + row.n_retryable for row in self.remaining)

    def verdict_of(self, first: str, second: str) -> Verdict | None:
        """Return the verdict on a pair of candidates."""
        return next((v for v in self.verdicts if (v.first, v.second) == (first, second)), None)

    def verdict_on(self, name: str) -> Verdict | None:
        """Return the verdict on a candidate and the best one."""
        return next((v for v in self.verdicts_on_best if name in (v.first, v.second)), None)

    @property
    def verdicts_on_best(self) -> tuple[Verdict, ...]:
        """The verdicts on pairs with the best candidate."""
        best = self.best.name if self.best else ""
        return tuple(v for v in self.verdicts if best in (v.first, v.second))

    @property
    def ranking(self) -> tuple[CandidateRow, ...]:
        """The candidates with a score, the best mean first."""
        scored = [row for row in self.rows if row.summary(self.measure).mean is not None]
        return tuple(sorted(scored, key=lambda row: self.metric.rank(row.summary(self.measure).mean or 0.0)))

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The maximal groups of ranked candidates without a significant difference; only for comparisons."""
        # Only a comparison has verdicts on all pairs.
        if self.question != "compare" or not self.verdicts:
            return ()
        if any(verdict.no_interval for verdict in self.verdicts):
            return ()
        names = [row.name for row in self.ranking]
        return groups(names, [(v.first, v.second) for v in self.verdicts if v.is_significant])

    @property
    def letters(self) -> dict[str, str]:
        """Candidate -> the letters of its groups, as in a compact letter display."""
        return letters([row.name for row in self.ranking], self.groups)

    @property
    def settled(self) -> bool:
        """Whether all candidates are settled: every selection on which the stage depends has been made."""
        return all(row.settled for row in self.rows)


@dataclass(frozen=True)
class Headline:
    """The candidate that the report shows in detail: its errors, kernels and confusion matrix."""

    stage: Stage
    candidate: Candidate


def stage_result(
    results: Results, stage: Stage, predictions: PredictionReader, held_out: HeldOutReader
) -> StageResult:
    """Compute the result of a stage.

    Args:
        results: the results of the run.
        stage: a stage of its plan.
        predictions: the reader of this run's test predictions.
        held_out: the reader of this run's validation predictions.
    """
    rows = candidate_rows(results, stage)
    metric, margin = metric_named(results.study.metric), results.study.margin
    validation, test = Measure("validation", metric.name), Measure("test", metric.name)
    if stage.question == "search":
        best = next((row for row in rows if row.chosen), None)
        # Candidates that earlier rungs eliminated have fewer folds or epochs, so their scores are not comparable.
        others = tuple(
            row for row in rows if best is not None and row is not best and row.is_comparable_to(best)
        )
        search = results.study.search[stage.name]
        why = why_descriptive(results.dataset, search.folds)
        verdicts = compare_folds(best, others, metric, margin, len(rows), held_out) if best else ()
        verdicts = described(verdicts, why)
        outer = nested(results, stage, best, held_out)
        if outer is not None and why_descriptive(results.dataset, search.outer_folds or search.folds):
            outer = replace(outer, interval=None)
        trace = search_trace(results, stage)
        selected = None
        # A stored choice can name a candidate without a score, if its fits have no records.
        if best and best.validation[metric.name].mean is not None:
            selected = selection(rows, best, metric, held_out)
            selected = replace(selected, interval=None) if why else selected
        return StageResult(
            stage.key,
            stage.question,
            stage.name,
            validation,
            rows,
            best,
            _next_best(best, others, validation),
            verdicts,
            fold_intervals={} if why else fold_intervals(rows, metric, held_out),
            trace=trace,
            nested=outer,
            selection=selected,
            expected=expected_best(rows, best, trace, metric),
            balanced=balanced_scores(results, [best] if best else [], "validation", predictions, held_out),
        )
    if not stage.tested:  # the outer folds of a search
        return StageResult(stage.key, stage.question, stage.name, validation, rows)

    pairs: list[tuple[CandidateRow, CandidateRow]] = []
    runner_up = None
    combined: dict[str, tuple[str, ...]] = {}
    if stage.question == "ablate":
        best = next(row for row in rows if row.name == UNCHANGED)
        combined = {each.name: each.combines for each in stage.candidates if each.combines}
        # Combinations of two variants are compared as interactions, not as variants.
        pairs = [(row, best) for row in rows if row is not best and row.name not in combined]
    elif stage.question == "compare":
        best = next((row for row in rows if row.chosen), None)
        others = tuple(row for row in rows if row is not best)
        runner_up = _next_best(best, others, validation)
        # If a failed fit prevents a selection, the models with test scores are compared nevertheless.
        tested = tuple(row for row in others if row.test["accuracy"].n)
        pairs = list(combinations((best, *others) if best else tested, 2))
    else:
        best = rows[0]
    balanced = balanced_scores(results, rows, "test", predictions, held_out)
    names = (*recorded_with(metric.name), *([BALANCED_ACCURACY] if balanced else []))
    why = why_descriptive(results.dataset) or predictions.why_refused()
    why = why or why_unfinished(stage, results.untested)
    intervals = {} if why else {row.name: intervals_of(row, names, predictions) for row in rows}
    named = {row.name: row for row in rows}
    looks, loss_margin = LookReader.of(results), results.study.margin_of(LOG_LOSS)
    collapse = collapse_of(results, stage, rows, held_out)
    losses = compare_losses(pairs, predictions, looks, loss_margin) if metric.name != LOG_LOSS else ()
    interactions: tuple[Verdict, ...] = ()
    together = [(named[both], named[first], named[second]) for both, (first, second) in combined.items()]
    if together and best:
        # An interaction has no errors: a share is that of the errors of the unmodified network.
        own_margin = fixed_margin(metric, margin, [best.test[metric.name].mean])
        interactions = interactions_of(together, best, metric, own_margin, predictions, looks)
    corrected: dict[str, Mapping[str, Interval]] = {}
    if looks.n_hypotheses > 1 and not why:
        confidence = shared_confidence(CONFIDENCE, looks.n_hypotheses)
        corrected = {row.name: intervals_of(row, names, predictions, confidence) for row in rows}

    def asked(family: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        return described(looks.for_questions(family, rows), why)

    # Verdicts among seeds that trained are claims of the same family, so Holm's correction counts them.
    trained = trained_pairs(pairs, collapse)
    compared = asked(
        compare_seeds(pairs, metric, margin, predictions, results.dataset.n_test, looks, trained)
    )
    verdicts, conditional = compared[: len(pairs)], compared[len(pairs) :]
    return StageResult(
        stage.key,
        stage.question,
        stage.name,
        test,
        rows,
        best,
        runner_up,
        marked(verdicts, collapse),
        # If log-loss is the study's metric, the verdicts are already about losses.
        marked(asked(losses), collapse),
        marked(asked(interactions), collapse, combined, best.name if best else ""),
        marked_intervals(intervals, collapse),
        balanced=balanced,
        corrected_intervals=marked_intervals(corrected, collapse),
        collapse=with_pairs(collapse, pairs, test, conditional),
    )


def headline(results: Results) -> Headline | None:
    """Return the best candidate of the last comparison.

    Without a comparison, it is the unmodified network of an ablation; without an ablation, it is the candidate of the
    final stage. ``None`` if this candidate depends on a selection that has not been made, or has no completed fit.
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
    """Return the second-best candidate on validation images; ``None`` if there is no best one."""
    scored = [row for row in others if row.summary(measure).mean is not None]
    metric = metric_named(measure.metric)

    # Losses break ties, as in the selection (``plan.ranking``).
    def rank(row: CandidateRow) -> tuple[float, float]:
        value, loss = row.summary(measure).mean, row.validation[LOG_LOSS].mean
        assert value is not None and loss is not None  # both are recorded together
        return (metric.rank(value), loss)

    return min(scored, key=rank, default=None) if best else None
