"""The conclusions as text: one short paragraph per question, which claims no more than the verdicts.

The notes of a conclusion, the tables and the charts have the details.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from convstudy.analysis import Analysis, CandidateRow, StageResult
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY, BALANCED_ACCURACY, metric_named
from convstudy.numbers import counted, listed, percent, with_spread
from convstudy.record import Record
from convstudy.report import interaction_text, verdict_notes
from convstudy.report.added_seeds_text import added_seeds_note
from convstudy.report.balance_text import TITLE, balanced_summary, imbalance_note
from convstudy.report.collapse_text import collapse_notes, collapse_sentences
from convstudy.report.failure_text import failures_text
from convstudy.report.group_text import counts_like, run_note, stage_note
from convstudy.report.metric_text import capital, writer
from convstudy.report.optimism_text import search_optimism, test_set_text
from convstudy.report.questions_text import short_notes, shown_verdicts
from convstudy.report.ranking_summary import changes, ranking_summary
from convstudy.report.training_set_text import training_set_scope
from convstudy.report.verdict_text import interval_text
from convstudy.stats import Evidence, MeasuredFit, Summary
from convstudy.studyfile.study import RUNG_METHODS

_NOT_TRAINED = "not trained, because it depends on a selection that has not been made."
NO_EVIDENCE = Evidence()


@dataclass(frozen=True)
class Conclusion:
    """A statement with its supporting fits.

    Attributes:
        question: ``"search"``, ``"compare"``, ``"ablate"`` or ``"final"``; ``"run"`` for a statement about the run
            itself, for example about failed fits.
        subject: the stage that the statement is about, for example ``"Search kernel-size"``; empty for the run.
        statement: one or more sentences.
        evidence: the fits, with the digests of their weights.
        notes: sentences with details.
    """

    question: str
    subject: str
    statement: str
    evidence: Evidence = NO_EVIDENCE
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The statement after its subject: ``"Search kernel-size: kernel=5 (...) was selected."``."""
        return f"{self.subject}: {self.statement}" if self.subject else self.statement

    def as_json(self) -> dict[str, Any]:
        evidence = asdict(self.evidence)
        return {"question": self.question, "text": self.text, "evidence": evidence, "notes": list(self.notes)}


def answer(analysis: Analysis) -> tuple[str, ...]:
    """Return the answer as lines of text: one per question of the study, then failed fits and an unfinished run."""
    return tuple(each.text for each in conclusions(analysis))


def conclusions(analysis: Analysis) -> tuple[Conclusion, ...]:
    """Return one conclusion per question of the study, then those about failed fits and an unfinished run."""
    results = analysis.results
    by_question = [
        _with_failures(results, stage_result, _CONCLUDE[stage_result.question](stage_result))
        for stage_result in analysis.main_results
    ]
    return (*by_question, *_about_run(analysis))


def _with_failures(results: Results, stage_result: StageResult, conclusion: Conclusion) -> Conclusion:
    """Add what failed fits and collapsed seeds mean for a conclusion."""
    failures = failures_text(results, results.plan.stage(stage_result.stage))
    return replace(
        conclusion,
        statement=f"{conclusion.statement}{collapse_sentences(stage_result)}{failures}",
        notes=(*conclusion.notes, *collapse_notes(stage_result)),
    )


def _about_search(stage_result: StageResult) -> Conclusion:
    subject = f"Search {stage_result.name}"
    best = stage_result.best
    if best is None:
        return Conclusion("search", subject, _not_selected(stage_result), _evidence(stage_result))
    score = best.summary(stage_result.measure)
    n_epochs = {fit.epoch_budget for fit in best.fits if fit.epoch_budget}
    epochs = f", {counted(n_epochs.pop(), 'epoch')}" if n_epochs else ""
    more = (*search_optimism(stage_result), *_cost(stage_result))
    text = (
        f"{best.name} ({_mean(stage_result, best)}, {_fits(best, score, 'fold')}{epochs}"
        f"{_after_comma(_accuracy(stage_result, best))}) was selected{_method(stage_result)}."
    )
    if all(verdict.difference.mean is None for verdict in stage_result.verdicts_on_best):
        alone = (
            "It was the only candidate."
            if len(stage_result.rows) == 1
            else "No other candidate has the same folds and epochs."
        )
        return Conclusion("search", subject, f"{text} {alone}", best.evidence, more)
    # Folds share training images: a difference that is significant on these folds may not hold for new ones.
    text += f" {ranking_summary(stage_result.verdicts_on_best, 'fold', best.n_done, ' on these folds')}."
    text += stage_note(stage_result)
    runner_up = stage_result.verdict_on(stage_result.runner_up.name) if stage_result.runner_up else None
    probability = verdict_notes.probability(runner_up) if runner_up else ""
    notes = (*_verdict_notes(stage_result), *([probability] if probability else []), *more)
    return Conclusion("search", subject, text, _evidence_of_best(stage_result), notes)


def _method(stage_result: StageResult) -> str:
    """Return a phrase with the method of a search, with a space before it; empty for a grid."""
    trace = stage_result.trace
    if trace is None or trace.method == "grid":
        return ""
    if trace.method in RUNG_METHODS:
        return f" from {trace.n_candidates} candidates by {RUNG_METHODS[trace.method]}"
    sampled = "random" if trace.method == "random" else "TPE"
    return f" from {trace.n_candidates} {sampled} candidates"


def _cost(stage_result: StageResult) -> tuple[str, ...]:
    """Report the number of epochs that a search trained, in one sentence; empty for a grid."""
    trace = stage_result.trace
    if trace is None or trace.method == "grid":
        return ()
    epochs = counted(trace.n_epochs, "epoch")
    compared = ""
    if trace.grid_fraction is not None and trace.grid_epochs is not None:
        compared = f", {percent(trace.grid_fraction, 0)} of the {trace.grid_epochs:,} epochs of the full grid"
    if trace.method in RUNG_METHODS:
        n_rungs = counted(sum(rung.decided for rung in trace.rungs), "rung")
        return (f"{capital(RUNG_METHODS[trace.method])} used {n_rungs} and {epochs}{compared}.",)
    return (f"The {trace.n_candidates} candidates used {epochs}{compared}.",)


def _about_comparison(stage_result: StageResult) -> Conclusion:
    subject = f"Comparison {stage_result.name}"
    best = stage_result.best
    if best is None:
        # Candidates with test scores are compared even without a selection; the notes have these verdicts.
        return Conclusion(
            "compare",
            subject,
            _not_selected(stage_result),
            _evidence(stage_result),
            _verdict_notes(stage_result),
        )
    tested = best.summary(stage_result.measure)
    if tested.mean is None:
        text = f"{best.name} was selected on validation images. It is not evaluated on the test set yet."
        return Conclusion("compare", subject, text, best.evidence)
    text = f"{best.name} ({_tested(stage_result, best)}) was selected on validation images."
    verdicts = stage_result.verdicts_on_best
    validation = with_spread(best.validation[stage_result.metric.name], writer(stage_result.metric))
    notes = [
        f"{best.name}: validation {stage_result.metric.title} {validation}; {_test_score(stage_result, best)}.",
        *_verdict_notes(stage_result),
    ]
    groups = verdict_notes.groups(stage_result)
    notes += [groups] if groups else []
    if not verdicts:
        return Conclusion(
            "compare", subject, f"{text} There is no other candidate.", best.evidence, tuple(notes)
        )
    scope = training_set_scope(verdicts)
    text += f" {ranking_summary(verdicts, 'seed', tested.n, lead=scope)}.{stage_note(stage_result)}"
    return Conclusion("compare", subject, text, _evidence_of_best(stage_result), tuple(notes))


def _about_ablation(stage_result: StageResult) -> Conclusion:
    base = stage_result.best
    assert base is not None  # an ablation always has the unmodified network
    if not stage_result.settled:
        return Conclusion("ablate", f"Ablation {stage_result.name}", _NOT_TRAINED)
    subject = f"Ablation of {base.network}"
    tested = base.summary(stage_result.measure)
    if tested.mean is None:
        return Conclusion("ablate", subject, "not evaluated on the test set yet.", _evidence(stage_result))
    interactions = interaction_text.clause(stage_result.interactions)
    seeds, accuracy = _fits(base, tested, "seed"), _after_comma(_accuracy(stage_result, base))
    scope = training_set_scope(stage_result.verdicts)
    changed = f"{scope}{', ' if scope else ''}{changes(stage_result.verdicts, tested.n)}"
    text = (
        f"the unmodified network has {_mean(stage_result, base)} ({seeds}{accuracy}); "
        f"{changed}{interactions}.{stage_note(stage_result)}"
    )
    notes = (
        f"Unmodified network: {_test_score(stage_result, base)}.",
        *_verdict_notes(stage_result),
        *(interaction_text.interaction_note(verdict) for verdict in stage_result.interactions),
    )
    return Conclusion("ablate", subject, text, _evidence(stage_result), notes)


def _about_final(stage_result: StageResult) -> Conclusion:
    row = stage_result.rows[0]
    subject = f"Final training of {row.network}"
    if not row.settled:
        return Conclusion("final", subject, _NOT_TRAINED)
    if row.summary(stage_result.measure).mean is None:
        return Conclusion("final", subject, "not evaluated on the test set yet.", row.evidence)
    return Conclusion("final", subject, f"{_test_score(stage_result, row)}.", row.evidence)


_CONCLUDE = {
    "search": _about_search,
    "compare": _about_comparison,
    "ablate": _about_ablation,
    "final": _about_final,
}


def _about_run(analysis: Analysis) -> tuple[Conclusion, ...]:
    results, found = analysis.results, []
    n_fits = len(results.plan.fits)
    unfinished, failed = results.unfinished, [record for record in results.failed if record.final]
    if unfinished:
        it, failures = ("it", "failure") if len(unfinished) == 1 else ("them", "failures")
        text = (
            f"{_failed(unfinished, n_fits)} and may succeed in another run: the same command trains {it} again; "
            f"--accept-failures REASON makes the {failures} permanent."
        )
        found.append(Conclusion("run", "", text, _evidence_of_records(unfinished)))
    if failed:
        excluded = "is" if len(failed) == 1 else "are"
        text = (
            f"{_failed(failed, n_fits)} and {excluded} excluded from all means. A candidate with a failed fit cannot "
            "be selected."
        )
        found.append(Conclusion("run", "", text, _evidence_of_records(failed)))
    note = capital(imbalance_note(analysis))
    notes = [capital(text) for text in short_notes(shown_verdicts(analysis.main_results))]
    seeds, groups = added_seeds_note(analysis), capital(run_note(analysis))
    texts = (f"Seeds: {seeds}" if seeds else "", note, groups, test_set_text(analysis.protocol), *notes)
    found += [Conclusion("run", "", text) for text in texts if text]
    if not results.complete:
        found.append(Conclusion("run", "", _unfinished(results)))
    return tuple(found)


def _failed(records: Sequence[Record], n_fits: int) -> str:
    kinds = listed(sorted({record.error_kind or "failed" for record in records}))
    return f"{counted(len(records), 'fit')} of {n_fits} failed ({kinds})"


def _unfinished(results: Results) -> str:
    n_fits, settled = len(results.plan.fits), results.plan.settled_fits
    if not results.is_trained:
        return f"This run is unfinished: {results.n_final} of {n_fits} fits are trained. The conclusions may change."
    if len(settled) < n_fits:
        n_untrained = n_fits - len(settled)
        return f"A selection could not be made, so {n_untrained} of {n_fits} fits were not trained."
    return "This run is unfinished: some models are not evaluated on the test set yet."


def _not_selected(stage_result: StageResult) -> str:
    trace = stage_result.trace
    rung = trace.open_rung if trace else None
    n_fits = sum(len(row.fits) for row in stage_result.remaining)
    n_missing = stage_result.n_missing
    if n_missing:
        rung_text = f" of rung {rung} of {len(trace.rungs)}" if trace and rung else ""
        return f"nothing is selected yet. {n_fits - n_missing} of {n_fits} fits{rung_text} are trained."
    return "nothing is selected, because every candidate has a failed fit."


def _mean(stage_result: StageResult, row: CandidateRow) -> str:
    """Format a mean score with its name: ``97.15 % mean validation accuracy``.

    For imbalanced classes, the balanced accuracy comes before the accuracy.
    """
    summary, balanced = row.summary(stage_result.measure), balanced_summary(stage_result, row)
    if summary.mean is None:
        return "no score"
    of = f"{'mean ' if summary.n > 1 else ''}{stage_result.measure.part}"
    text = f"{writer(stage_result.metric)(summary.mean)} {of} {stage_result.metric.title}"
    if balanced is None or balanced.mean is None or stage_result.metric.name != ACCURACY:
        return text
    return f"{percent(balanced.mean)} {of} {TITLE}, {text}"


def _accuracy(stage_result: StageResult, row: CandidateRow) -> str:
    """Format the mean accuracy, for imbalanced classes after the balanced one; empty if the metric is the accuracy."""
    mean = (row.validation if stage_result.measure.part == "validation" else row.test)[ACCURACY].mean
    if stage_result.metric.name == ACCURACY or mean is None:
        return ""
    balanced = balanced_summary(stage_result, row)
    first = "" if balanced is None or balanced.mean is None else f"{TITLE} {percent(balanced.mean)}, "
    return f"{first}accuracy {percent(mean)}"


def _after_comma(text: str) -> str:
    return f", {text}" if text else ""


def _fits(row: CandidateRow, summary: Summary, noun: str) -> str:
    """Format the number of seeds or folds of a mean: ``5 seeds``, ``4 of 5 seeds`` if one is missing."""
    if summary.n == len(row.fits):
        return counted(summary.n, noun)
    return f"{summary.n} of {counted(len(row.fits), noun)}"


def _tested(stage_result: StageResult, row: CandidateRow) -> str:
    """Format a mean test score for use in parentheses: ``99.60 % mean test accuracy, 5 seeds``."""
    score = row.summary(stage_result.measure)
    accuracy = _after_comma(_accuracy(stage_result, row))
    return f"{_mean(stage_result, row)}, {_fits(row, score, 'seed')}{accuracy}"


def _test_score(stage_result: StageResult, row: CandidateRow) -> str:
    """Format a test score in full: ``test accuracy 99.60 ± 0.05 % (5 seeds, 95 % CI 99.48 to 99.72 %)``."""
    score, found = row.summary(stage_result.measure), stage_result.interval(row.name)
    details = (
        _fits(row, score, "seed"),
        interval_text(found, stage_result.metric),
        counts_like([found.groups]) if found else "",
        _accuracy(stage_result, row),
    )
    value = with_spread(score, writer(stage_result.metric))
    text = f"test {stage_result.metric.title} {value} ({', '.join(filter(None, details))})"
    balanced = balanced_summary(stage_result, row)
    if balanced is None or stage_result.metric.name != ACCURACY:
        return text
    metric = metric_named(BALANCED_ACCURACY)
    interval = interval_text(stage_result.interval(row.name, BALANCED_ACCURACY), metric)
    return f"test {TITLE} {with_spread(balanced, percent)}{f' ({interval})' if interval else ''}, {text}"


def _verdict_notes(stage_result: StageResult) -> tuple[str, ...]:
    """Describe the verdicts on the best candidate, or on every pair if there is no best candidate."""
    found = stage_result.verdicts_on_best if stage_result.best else stage_result.verdicts
    return tuple(verdict_notes.verdict_note(verdict) for verdict in found)


def _evidence_of_best(stage_result: StageResult) -> Evidence:
    return sum((verdict.evidence for verdict in stage_result.verdicts_on_best), Evidence())


def _evidence_of_records(records: Sequence[Record]) -> Evidence:
    return Evidence(tuple(MeasuredFit(record.fit_id) for record in records))


def _evidence(stage_result: StageResult) -> Evidence:
    return sum((row.evidence for row in stage_result.rows), Evidence())
