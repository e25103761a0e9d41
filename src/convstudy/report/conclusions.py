"""The conclusions in words: one sentence a question that anybody understands; none claims more than its figures.

What a sentence leaves out stands in the conclusion's notes, in the tables and on the charts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from convstudy.analysis import Analysis, CandidateRow, StageResult
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY
from convstudy.numbers import counted, listed, percent, with_spread
from convstudy.report import interaction_text, verdict_notes
from convstudy.report.failure_text import failures_text
from convstudy.report.metric_text import writer
from convstudy.report.optimism_text import search_optimism, test_set_text
from convstudy.report.ranking_summary import changes, ranking_summary
from convstudy.report.verdict_text import within
from convstudy.stats import Evidence, MeasuredFit, Summary

_WAITS = "not trained, for it hangs on a choice that is not made."
NO_EVIDENCE = Evidence()


@dataclass(frozen=True)
class Conclusion:
    """One sentence, what it leaves out, and the fits and weights that both stand on.

    ``question`` is ``"search"``, ``"compare"``, ``"ablate"`` or ``"final"``, or ``"run"`` for what is to be known of
    the run itself. ``subject`` is what the statement is about, empty of a run; ``notes`` are sentences for those who
    want to know more.
    """

    question: str
    subject: str
    statement: str
    evidence: Evidence = NO_EVIDENCE
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Subject and statement."""
        return f"{self.subject}: {self.statement}" if self.subject else self.statement

    def as_json(self) -> dict[str, Any]:
        """Return the conclusion as plain values."""
        evidence = asdict(self.evidence)
        return {"question": self.question, "text": self.text, "evidence": evidence, "notes": list(self.notes)}


def answer(analysis: Analysis) -> tuple[str, ...]:
    """Return the study's answer in plain text: one line for each question, then what to know of the run."""
    return tuple(said.text for said in conclusions(analysis))


def conclusions(analysis: Analysis) -> tuple[Conclusion, ...]:
    """Return all conclusions: one for each question of the study, then failed fits and what is missing."""
    results = analysis.results
    said = [
        _with_failures(results, stage_result, _ABOUT[stage_result.question](stage_result))
        for stage_result in analysis.asked
    ]
    return (*said, *_about_run(analysis))


def _with_failures(results: Results, stage_result: StageResult, said: Conclusion) -> Conclusion:
    """Return a conclusion with what failed fits mean for it."""
    return replace(
        said, statement=said.statement + failures_text(results, results.plan.stage(stage_result.stage))
    )


def _about_search(stage_result: StageResult) -> Conclusion:
    head = f"Search {stage_result.name}"
    best = stage_result.best
    if best is None:
        return Conclusion("search", head, _not_chosen(stage_result), _evidence(stage_result))
    score = best.summary(stage_result.measure)
    n_epochs = {fit.epoch_budget for fit in best.fits if fit.epoch_budget}
    far = f", {counted(n_epochs.pop(), 'epoch')}" if n_epochs else ""
    more = (*search_optimism(stage_result), *_course(stage_result))
    text = (
        f"{best.name} ({_mean(stage_result, score)} on validation images, {_fits(best, score, 'fold')}{far}"
        f"{_after_comma(_accuracy(stage_result, best))}) "
        f"was chosen{_how(stage_result)}"
    )
    if all(verdict.difference.mean is None for verdict in stage_result.verdicts_on_best):
        alone = "it was the only candidate" if len(stage_result.rows) == 1 else "no other was scored as far"
        return Conclusion("search", head, f"{text}; {alone}.", best.evidence, more)
    # Folds are parts of one another's training images: what is clear on them may not be so on new ones.
    text += f"; it {ranking_summary(stage_result.verdicts_on_best, 'fold', best.n_done, ' on these folds')}."
    runner_up = stage_result.verdict_on(stage_result.runner_up.name) if stage_result.runner_up else None
    likely = verdict_notes.probability(runner_up) if runner_up else ""
    notes = (*_judged(stage_result), *([likely] if likely else []), *more)
    return Conclusion("search", head, text, _evidence_of_best(stage_result), notes)


def _how(stage_result: StageResult) -> str:
    """Return out of what a search that is no grid chose, with a space before it."""
    trace = stage_result.trace
    if trace is None or trace.method == "grid":
        return ""
    if trace.method == "halving":
        return f" of {trace.n_candidates} by halving"
    return f" of {trace.n_candidates} drawn {'at random' if trace.method == 'random' else 'by TPE'}"


def _course(stage_result: StageResult) -> tuple[str, ...]:
    """Return what a search that is no grid trained, as a sentence."""
    trace = stage_result.trace
    if trace is None or trace.method == "grid":
        return ()
    epochs = counted(trace.n_epochs, "epoch")
    beside = ""
    if trace.share is not None and trace.grid_epochs is not None:
        beside = f", {percent(trace.share, 0)} of the grid's {trace.grid_epochs:,}"
    if trace.method == "halving":
        n_rungs = counted(sum(rung.decided for rung in trace.rungs), "rung")
        return (f"Halving took {n_rungs} and {epochs}{beside}.",)
    return (f"The {trace.n_candidates} candidates took {epochs}{beside}.",)


def _about_comparison(stage_result: StageResult) -> Conclusion:
    head = f"Comparison {stage_result.name}"
    best = stage_result.best
    if best is None:
        # Whoever was tested is judged all the same; without a chosen one no sentence can be about it.
        return Conclusion(
            "compare", head, _not_chosen(stage_result), _evidence(stage_result), _judged(stage_result)
        )
    tested = best.summary(stage_result.measure)
    if tested.mean is None:
        text = f"{best.name} was chosen by validation; its test score is still to come."
        return Conclusion("compare", head, text, best.evidence)
    text = f"{best.name} ({_tested(stage_result, best)}) was chosen by validation"
    verdicts = stage_result.verdicts_on_best
    notes = [
        f"{best.name} has a validation {stage_result.metric.title} of "
        f"{with_spread(best.validation[stage_result.metric.name], writer(stage_result.metric))} and scores "
        f"{_scored(stage_result, best)}.",
        *_judged(stage_result),
    ]
    apart = verdict_notes.groups(stage_result)
    notes += [apart] if apart else []
    if not verdicts:
        return Conclusion(
            "compare", head, f"{text}; there is nothing else to compare.", best.evidence, tuple(notes)
        )
    text += f"; it {ranking_summary(verdicts, 'seed', tested.n)}."
    return Conclusion("compare", head, text, _evidence_of_best(stage_result), tuple(notes))


def _about_ablation(stage_result: StageResult) -> Conclusion:
    base = stage_result.best
    assert base is not None  # an ablation always has the network as it is
    if not stage_result.settled:
        return Conclusion("ablate", f"Ablation {stage_result.name}", _WAITS)
    head = f"Ablation of {base.network}"
    tested = base.summary(stage_result.measure)
    if tested.mean is None:
        return Conclusion("ablate", head, "the test scores are still to come.", _evidence(stage_result))
    told = changes(stage_result.verdicts, tested.n)
    seeds = _fits(base, tested, "seed")
    together = interaction_text.clause(stage_result.interactions)
    accuracy = _after_comma(_accuracy(stage_result, base))
    text = f"{_mean(stage_result, tested)} on test images as it is ({seeds}{accuracy}); {told}{together}."
    notes = (
        f"As it is, it scores {_scored(stage_result, base)}.",
        *_judged(stage_result),
        *(interaction_text.judged(verdict) for verdict in stage_result.interactions),
    )
    return Conclusion("ablate", head, text, _evidence(stage_result), notes)


def _about_final(stage_result: StageResult) -> Conclusion:
    row = stage_result.rows[0]
    head = f"Final training of {row.network}"
    if not row.settled:
        return Conclusion("final", head, _WAITS)
    if row.summary(stage_result.measure).mean is None:
        return Conclusion("final", head, "its test score is still to come.", row.evidence)
    return Conclusion("final", head, f"it scores {_scored(stage_result, row)}.", row.evidence)


_ABOUT = {
    "search": _about_search,
    "compare": _about_comparison,
    "ablate": _about_ablation,
    "final": _about_final,
}


def _about_run(analysis: Analysis) -> tuple[Conclusion, ...]:
    results, said = analysis.results, []
    if results.unfinished:
        found = results.unfinished
        kinds = listed(sorted({record.error_kind or "failed" for record in found}))
        them, they_count = ("it", "it counts") if len(found) == 1 else ("them", "they count")
        text = (
            f"{counted(len(found), 'fit')} of {len(results.plan.fits)} failed ({kinds}) and may yet succeed: the same "
            f"command trains {them} again, and with --accept-failures REASON {they_count} as failed for good."
        )
        said.append(
            Conclusion("run", "", text, Evidence(tuple(MeasuredFit(record.fit_id) for record in found)))
        )
    failed = [record for record in results.failed if record.final]
    if failed:
        kinds = listed(sorted({record.error_kind or "failed" for record in failed}))
        text = (
            f"{counted(len(failed), 'fit')} of {len(results.plan.fits)} failed ({kinds}); no mean counts "
            f"{'it' if len(failed) == 1 else 'them'}, and a candidate with a failed fit is not chosen."
        )
        said.append(
            Conclusion("run", "", text, Evidence(tuple(MeasuredFit(record.fit_id) for record in failed)))
        )
    said += [Conclusion("run", "", text) for text in [test_set_text(analysis.protocol)] if text]
    if not results.complete:
        n_fits, settled = len(results.plan.fits), results.plan.settled_fits
        there = {fit_id for fit_id, record in results.records.items() if record.final}
        n_there = sum(fit.id in there for fit in results.plan.fits)
        if any(fit.id not in there for fit in settled):
            text = f"This run is unfinished: {n_there} of {n_fits} fits are trained; what is said may change."
        elif len(settled) < n_fits:
            text = (
                f"A choice could not be made, so {n_fits - len(settled)} of {n_fits} fits were not trained."
            )
        else:
            text = "This run is unfinished: not every model was scored on the test images yet."
        said.append(Conclusion("run", "", text))
    return tuple(said)


def _not_chosen(stage_result: StageResult) -> str:
    trace = stage_result.trace
    rung = trace.open_rung if trace else None
    # Who was dropped before has nothing more to train.
    there = trace.rungs[rung - 1].evaluated if trace and rung else [row.name for row in stage_result.rows]
    rows = [row for row in stage_result.rows if row.name in there]
    n_fits = sum(len(row.fits) for row in rows)
    n_missing = sum(row.n_missing + row.n_open for row in rows)
    if n_missing:
        of = f"in rung {rung} of {len(trace.rungs)}, " if trace and rung else ""
        return f"nothing is chosen yet; {of}{n_fits - n_missing} of {n_fits} fits are trained."
    return "every candidate has a failed fit, so none could be chosen."


def _mean(stage_result: StageResult, summary: Summary) -> str:
    """Return a mean of the study's metric, with its name unless it is the accuracy."""
    if summary.mean is None:
        return "no score"
    return f"{_named(stage_result)}{writer(stage_result.metric)(summary.mean)}"


def _named(stage_result: StageResult) -> str:
    return "" if stage_result.metric.name == ACCURACY else f"{stage_result.metric.title} "


def _accuracy(stage_result: StageResult, row: CandidateRow) -> str:
    """Return the mean accuracy where the study's metric is another one."""
    mean = (row.validation if stage_result.measure.part == "validation" else row.test)[ACCURACY].mean
    return "" if stage_result.metric.name == ACCURACY or mean is None else f"accuracy {percent(mean)}"


def _after_comma(text: str) -> str:
    return f", {text}" if text else ""


def _fits(row: CandidateRow, summary: Summary, noun: str) -> str:
    """Return over how many seeds or folds a mean is: ``5 seeds``, ``4 of 5 seeds`` where one is missing."""
    if summary.n == len(row.fits):
        return counted(summary.n, noun)
    return f"{summary.n} of {counted(len(row.fits), noun)}"


def _tested(stage_result: StageResult, row: CandidateRow) -> str:
    """Return a candidate's mean test score and the seeds that it is over, for brackets."""
    score = row.summary(stage_result.measure)
    accuracy = _after_comma(_accuracy(stage_result, row))
    return f"{_mean(stage_result, score)} on test images, {_fits(row, score, 'seed')}{accuracy}"


def _scored(stage_result: StageResult, row: CandidateRow) -> str:
    """Return a candidate's test score with its spread, the seeds that it is over, and its interval."""
    score = row.summary(stage_result.measure)
    told = ["one seed" if score.n == 1 else _fits(row, score, "seed")]
    told += [within(stage_result.interval(row.name), stage_result.metric), _accuracy(stage_result, row)]
    more = ", ".join(text for text in told if text)
    text = f"{_named(stage_result)}{with_spread(score, writer(stage_result.metric))}"
    return f"{text} on the sealed test images{f' ({more})' if more else ''}"


def _judged(stage_result: StageResult) -> tuple[str, ...]:
    """Return the verdicts on the leader in full, a sentence each; on every pair where nobody leads."""
    found = stage_result.verdicts_on_best if stage_result.best else stage_result.verdicts
    return tuple(verdict_notes.judged(verdict) for verdict in found)


def _evidence_of_best(stage_result: StageResult) -> Evidence:
    return sum((verdict.evidence for verdict in stage_result.verdicts_on_best), Evidence())


def _evidence(stage_result: StageResult) -> Evidence:
    return sum((row.evidence for row in stage_result.rows), Evidence())
