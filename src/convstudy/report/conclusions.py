"""The conclusions in words: one sentence a question that anybody understands; none claims more than its figures.

What a sentence leaves out stands in the conclusion's notes, in the tables and on the charts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from convstudy.analysis import Analysis, CandidateRow, Contest
from convstudy.history.results import Results
from convstudy.metrics import ACCURACY
from convstudy.numbers import counted, listed, percent, with_spread
from convstudy.report import interaction_words, verdict_notes
from convstudy.report.failure_words import failures_text
from convstudy.report.metric_words import writer
from convstudy.report.optimism_words import search_optimism, test_set_text
from convstudy.report.standings import changes, standing
from convstudy.report.verdict_words import within
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
    said = [_with_failures(results, contest, _ABOUT[contest.question](contest)) for contest in analysis.asked]
    return (*said, *_about_run(analysis))


def _with_failures(results: Results, contest: Contest, said: Conclusion) -> Conclusion:
    """Return a conclusion with what failed fits mean for it."""
    return replace(said, statement=said.statement + failures_text(results, results.plan.stage(contest.stage)))


def _about_search(contest: Contest) -> Conclusion:
    head = f"Search {contest.name}"
    leader = contest.leader
    if leader is None:
        return Conclusion("search", head, _not_chosen(contest), _evidence(contest))
    score = leader.summary(contest.measure)
    n_epochs = {fit.until for fit in leader.fits if fit.until}
    far = f", {counted(n_epochs.pop(), 'epoch')}" if n_epochs else ""
    more = (*search_optimism(contest), *_course(contest))
    text = (
        f"{leader.name} ({_mean(contest, score)} on validation images, {_fits(leader, score, 'fold')}{far}"
        f"{_after_comma(_accuracy(contest, leader))}) "
        f"was chosen{_how(contest)}"
    )
    if all(verdict.difference.mean is None for verdict in contest.verdicts_on_leader):
        alone = "it was the only candidate" if len(contest.rows) == 1 else "no other was scored as far"
        return Conclusion("search", head, f"{text}; {alone}.", leader.evidence, more)
    # Folds are parts of one another's training images: what is clear on them may not be so on new ones.
    text += f"; it {standing(contest.verdicts_on_leader, 'fold', leader.n_done, ' on these folds')}."
    runner_up = contest.verdict_on(contest.runner_up.name) if contest.runner_up else None
    likely = verdict_notes.probability(runner_up) if runner_up else ""
    notes = (*_judged(contest), *([likely] if likely else []), *more)
    return Conclusion("search", head, text, _evidence_of_leader(contest), notes)


def _how(contest: Contest) -> str:
    """Return out of what a search that is no grid chose, with a space before it."""
    course = contest.course
    if course is None or course.method == "grid":
        return ""
    if course.method == "halving":
        return f" of {course.n_candidates} by halving"
    return f" of {course.n_candidates} drawn {'at random' if course.method == 'random' else 'by TPE'}"


def _course(contest: Contest) -> tuple[str, ...]:
    """Return what a search that is no grid trained, as a sentence."""
    course = contest.course
    if course is None or course.method == "grid":
        return ()
    epochs = counted(course.n_epochs, "epoch")
    beside = ""
    if course.share is not None and course.grid_epochs is not None:
        beside = f", {percent(course.share, 0)} of the grid's {course.grid_epochs:,}"
    if course.method == "halving":
        n_rungs = counted(sum(rung.decided for rung in course.rungs), "rung")
        return (f"Halving took {n_rungs} and {epochs}{beside}.",)
    return (f"The {course.n_candidates} candidates took {epochs}{beside}.",)


def _about_comparison(contest: Contest) -> Conclusion:
    head = f"Comparison {contest.name}"
    leader = contest.leader
    if leader is None:
        # Whoever was tested is judged all the same; without a chosen one no sentence can be about it.
        return Conclusion("compare", head, _not_chosen(contest), _evidence(contest), _judged(contest))
    tested = leader.summary(contest.measure)
    if tested.mean is None:
        text = f"{leader.name} was chosen by validation; its test score is still to come."
        return Conclusion("compare", head, text, leader.evidence)
    text = f"{leader.name} ({_tested(contest, leader)}) was chosen by validation"
    verdicts = contest.verdicts_on_leader
    notes = [
        f"{leader.name} has a validation {contest.metric.title} of "
        f"{with_spread(leader.validation[contest.metric.name], writer(contest.metric))} and scores "
        f"{_scored(contest, leader)}.",
        *_judged(contest),
    ]
    apart = verdict_notes.groups(contest)
    notes += [apart] if apart else []
    if not verdicts:
        return Conclusion(
            "compare", head, f"{text}; there is nothing else to compare.", leader.evidence, tuple(notes)
        )
    text += f"; it {standing(verdicts, 'seed', tested.n)}."
    return Conclusion("compare", head, text, _evidence_of_leader(contest), tuple(notes))


def _about_ablation(contest: Contest) -> Conclusion:
    base = contest.leader
    assert base is not None  # an ablation always has the network as it is
    if not contest.settled:
        return Conclusion("ablate", f"Ablation {contest.name}", _WAITS)
    head = f"Ablation of {base.network}"
    tested = base.summary(contest.measure)
    if tested.mean is None:
        return Conclusion("ablate", head, "the test scores are still to come.", _evidence(contest))
    told = changes(contest.verdicts, tested.n)
    seeds = _fits(base, tested, "seed")
    together = interaction_words.clause(contest.interactions)
    accuracy = _after_comma(_accuracy(contest, base))
    text = f"{_mean(contest, tested)} on test images as it is ({seeds}{accuracy}); {told}{together}."
    notes = (
        f"As it is, it scores {_scored(contest, base)}.",
        *_judged(contest),
        *(interaction_words.judged(verdict) for verdict in contest.interactions),
    )
    return Conclusion("ablate", head, text, _evidence(contest), notes)


def _about_final(contest: Contest) -> Conclusion:
    row = contest.rows[0]
    head = f"Final training of {row.network}"
    if not row.settled:
        return Conclusion("final", head, _WAITS)
    if row.summary(contest.measure).mean is None:
        return Conclusion("final", head, "its test score is still to come.", row.evidence)
    return Conclusion("final", head, f"it scores {_scored(contest, row)}.", row.evidence)


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


def _not_chosen(contest: Contest) -> str:
    course = contest.course
    rung = course.open_rung if course else None
    # Who was dropped before has nothing more to train.
    there = course.rungs[rung - 1].took_part if course and rung else [row.name for row in contest.rows]
    rows = [row for row in contest.rows if row.name in there]
    n_fits = sum(len(row.fits) for row in rows)
    n_missing = sum(row.n_missing + row.n_open for row in rows)
    if n_missing:
        of = f"in rung {rung} of {len(course.rungs)}, " if course and rung else ""
        return f"nothing is chosen yet; {of}{n_fits - n_missing} of {n_fits} fits are trained."
    return "every candidate has a failed fit, so none could be chosen."


def _mean(contest: Contest, summary: Summary) -> str:
    """Return a mean of the study's metric, with its name unless it is the accuracy."""
    if summary.mean is None:
        return "no score"
    return f"{_named(contest)}{writer(contest.metric)(summary.mean)}"


def _named(contest: Contest) -> str:
    return "" if contest.metric.name == ACCURACY else f"{contest.metric.title} "


def _accuracy(contest: Contest, row: CandidateRow) -> str:
    """Return the mean accuracy where the study's metric is another one."""
    mean = (row.validation if contest.measure.part == "validation" else row.test)[ACCURACY].mean
    return "" if contest.metric.name == ACCURACY or mean is None else f"accuracy {percent(mean)}"


def _after_comma(text: str) -> str:
    return f", {text}" if text else ""


def _fits(row: CandidateRow, summary: Summary, noun: str) -> str:
    """Return over how many seeds or folds a mean is: ``5 seeds``, ``4 of 5 seeds`` where one is missing."""
    if summary.n == len(row.fits):
        return counted(summary.n, noun)
    return f"{summary.n} of {counted(len(row.fits), noun)}"


def _tested(contest: Contest, row: CandidateRow) -> str:
    """Return a candidate's mean test score and the seeds that it is over, for brackets."""
    score = row.summary(contest.measure)
    accuracy = _after_comma(_accuracy(contest, row))
    return f"{_mean(contest, score)} on test images, {_fits(row, score, 'seed')}{accuracy}"


def _scored(contest: Contest, row: CandidateRow) -> str:
    """Return a candidate's test score with its spread, the seeds that it is over, and its interval."""
    score = row.summary(contest.measure)
    told = ["one seed" if score.n == 1 else _fits(row, score, "seed")]
    told += [within(contest.interval(row.name), contest.metric), _accuracy(contest, row)]
    more = ", ".join(text for text in told if text)
    text = f"{_named(contest)}{with_spread(score, writer(contest.metric))}"
    return f"{text} on the sealed test images{f' ({more})' if more else ''}"


def _judged(contest: Contest) -> tuple[str, ...]:
    """Return the verdicts on the leader in full, a sentence each; on every pair where nobody leads."""
    found = contest.verdicts_on_leader if contest.leader else contest.verdicts
    return tuple(verdict_notes.judged(verdict) for verdict in found)


def _evidence_of_leader(contest: Contest) -> Evidence:
    return sum((verdict.evidence for verdict in contest.verdicts_on_leader), Evidence())


def _evidence(contest: Contest) -> Evidence:
    return sum((row.evidence for row in contest.rows), Evidence())
