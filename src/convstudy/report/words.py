"""The conclusions in words, made from figures; no sentence claims more than its figures."""

from __future__ import annotations

from dataclasses import dataclass

from convstudy.report.numbers import counted, listed, percent, points, with_spread
from convstudy.report.verdict_words import (
    clarity,
    groups,
    interval,
    judged,
    needed,
    needed_short,
    probability,
    within,
)
from convstudy.stats import CandidateRow, Contest, Evidence, Summary, Verdict, contests
from convstudy.store.results import Results

_WAITS = "not trained, for it hangs on a choice that is not made."
NO_EVIDENCE = Evidence()
_QUESTIONS = ("search", "compare", "final", "ablate")


@dataclass(frozen=True)
class Conclusion:
    """One sentence or two, and the fits and weights that they stand on.

    ``question`` is ``"search"``, ``"compare"``, ``"ablate"`` or ``"final"``, or ``"run"`` for what is to be known of
    the run itself.
    """

    question: str
    text: str
    evidence: Evidence = NO_EVIDENCE


def answer(results: Results, found: tuple[Contest, ...] | None = None) -> tuple[str, ...]:
    """Return the study's answer in plain text: one line per kind of question, then what to know of the run.

    ``found`` are the run's contests, where somebody has them already.
    """
    said = conclusions(results, found)
    lines = [" ".join(each.text for each in said if each.question == question) for question in _QUESTIONS]
    return (*(line for line in lines if line), *(each.text for each in said if each.question == "run"))


def conclusions(results: Results, found: tuple[Contest, ...] | None = None) -> tuple[Conclusion, ...]:
    """Return all conclusions: one for each question of the study, then failed fits and what is missing.

    ``found`` are the run's contests, where somebody has them already.
    """
    said = [_ABOUT[contest.question](contest) for contest in (found or contests(results))]
    return (*said, *_about_run(results))


def _about_search(contest: Contest) -> Conclusion:
    head = f"Search {contest.name}:"
    leader = contest.leader
    if leader is None:
        return Conclusion("search", f"{head} {_not_chosen(contest)}", _evidence(contest))
    folds = counted(leader.n_done, "fold")
    text = f"{head} {leader.name} scored best, {_accuracy(leader.validation_accuracy)} validation accuracy over {folds}"
    other = contest.runner_up
    verdict = contest.verdict_on(other.name) if other else None
    if other is None or verdict is None:
        return Conclusion("search", f"{text}; nothing else was scored.", leader.evidence)
    text += f"; next is {other.name} with {_accuracy(other.validation_accuracy)}. The difference is {interval(verdict)}"
    # Folds are parts of one another's training images: what is clear on them may not be so on new ones.
    there = " on these folds" if verdict.kind == "better" else ""
    text += f": {clarity(verdict)}{there}{needed(verdict)}."
    believed = probability(verdict)
    return Conclusion("search", f"{text} {believed}." if believed else text, verdict.evidence)


def _about_comparison(contest: Contest) -> Conclusion:
    head = f"Comparison {contest.name}:"
    leader = contest.leader
    if leader is None:
        return Conclusion("compare", f"{head} {_not_chosen(contest)}", _evidence(contest))
    text = (
        f"{head} {leader.name} was chosen by validation accuracy ({_accuracy(leader.validation_accuracy)}, "
        f"{counted(leader.n_done, 'seed')})"
    )
    if leader.test_accuracy.mean is None:
        return Conclusion("compare", f"{text}; its test score is still to come.", leader.evidence)
    text += f" and scores {_tested(contest, leader)}."
    other = contest.runner_up
    verdict = contest.verdict_on(other.name) if other else None
    if other is None or verdict is None or verdict.difference.mean is None:
        return Conclusion("compare", text, leader.evidence)
    text += f" The runner-up {other.name} scores {_accuracy(other.test_accuracy)} there; "
    text += f"the difference is {_judged(verdict, figures=True)}"
    others = [
        each
        for each in contest.verdicts_on_leader
        if each is not verdict and each.difference.mean is not None
    ]
    if others:
        text += ". " + ". ".join(f"The difference from {each.second} is {_judged(each)}" for each in others)
    evidence = sum((each.evidence for each in others), verdict.evidence)
    apart = groups(contest)
    return Conclusion("compare", f"{text}. {apart}" if apart else f"{text}.", evidence)


def _judged(verdict: Verdict, figures: bool = False) -> str:
    """Return the chosen one's difference from another, and what can be said of it."""
    against = ", against the choice that validation made" if verdict.kind == "worse" else ""
    return judged(verdict, against, figures)


def _about_ablation(contest: Contest) -> Conclusion:
    base = contest.leader
    assert base is not None  # an ablation always has the network as it is
    if not contest.settled:
        return Conclusion("ablate", f"Ablation {contest.name}: {_WAITS}")
    head = f"Ablation of {base.network}:"
    if base.test_accuracy.mean is None:
        return Conclusion("ablate", f"{head} the test scores are still to come.", _evidence(contest))
    parts = []
    for kind, words in (
        ("worse", "{} clearly worse"),
        ("better", "{} clearly better"),
        ("tie", "{} no different in practice"),
        ("unclear", "{} too uncertain to call"),
        ("too few to say", "with one seed {} not to be told from the luck of seeds"),
    ):
        found = [verdict for verdict in contest.verdicts if verdict.kind == kind]
        scored = [verdict for verdict in found if verdict.difference.mean is not None]
        if scored:
            names = listed([f"{v.first} {_points_short(v)}" for v in scored])
            parts.append(words.format(f"{names} {'is' if len(scored) == 1 else 'are'}"))
    unscored = [row.name for row in contest.rows if row is not base and row.test_accuracy.mean is None]
    if unscored:
        parts.append(f"{listed(unscored)} {'has' if len(unscored) == 1 else 'have'} no test score")
    text = f"{head} as it is, it scores {_tested(contest, base)}. {_changes(contest)}: {'; '.join(parts)}."
    if any(verdict.needed for verdict in contest.verdicts):
        text += " What would tell, were the true difference what it seems, stands in brackets."
    return Conclusion("ablate", text, _evidence(contest))


def _changes(contest: Contest) -> str:
    """Return what the figures of an ablation's variants are."""
    shares = [
        f"{v.difference.confidence * 100:g} %" for v in contest.verdicts if v.difference.low is not None
    ]
    return f"What each change does to that, in points{f' ({shares[0]} interval)' if shares else ''}"


def _about_final(contest: Contest) -> Conclusion:
    row = contest.rows[0]
    head = f"Final training of {row.network}:"
    if not row.settled:
        return Conclusion("final", f"{head} {_WAITS}")
    if row.test_accuracy.mean is None:
        return Conclusion("final", f"{head} its test score is still to come.", row.evidence)
    seeds = counted(row.test_accuracy.n, "seed")
    return Conclusion("final", f"{head} it scores {_tested(contest, row)} over {seeds}.", row.evidence)


_ABOUT = {
    "search": _about_search,
    "compare": _about_comparison,
    "ablate": _about_ablation,
    "final": _about_final,
}


def _about_run(results: Results) -> tuple[Conclusion, ...]:
    said = []
    failed = results.failed
    if failed:
        kinds = listed(sorted({record.error_kind or "failed" for record in failed}))
        text = (
            f"{counted(len(failed), 'fit')} of {len(results.plan.fits)} failed ({kinds}); no mean counts "
            f"{'it' if len(failed) == 1 else 'them'}, and a candidate with a failed fit is not chosen."
        )
        said.append(Conclusion("run", text, Evidence(tuple(record.fit_id for record in failed))))
    if not results.complete:
        n_fits, settled = len(results.plan.fits), results.plan.settled_fits
        n_there = sum(fit.id in results.records for fit in results.plan.fits)
        if any(fit.id not in results.records for fit in settled):
            text = f"This run is unfinished: {n_there} of {n_fits} fits are trained; what is said may change."
        elif len(settled) < n_fits:
            text = (
                f"A choice could not be made, so {n_fits - len(settled)} of {n_fits} fits were not trained."
            )
        else:
            text = "This run is unfinished: not every model was scored on the test images yet."
        said.append(Conclusion("run", text))
    return tuple(said)


def _not_chosen(contest: Contest) -> str:
    n_fits = sum(len(row.fits) for row in contest.rows)
    n_missing = sum(row.n_missing for row in contest.rows)
    if n_missing:
        return f"nothing is chosen yet; {n_fits - n_missing} of {n_fits} fits are trained."
    return "every candidate has a failed fit, so none could be chosen."


def _accuracy(summary: Summary) -> str:
    return with_spread(summary, percent)


def _tested(contest: Contest, row: CandidateRow) -> str:
    told = ["one seed"] if row.test_accuracy.n == 1 else []
    told += [within(contest.accuracy_intervals.get(row.name))]
    more = ", ".join(text for text in told if text)
    return f"{_accuracy(row.test_accuracy)} on the sealed test images{f' ({more})' if more else ''}"


def _points_short(verdict: Verdict) -> str:
    difference = verdict.difference
    assert difference.mean is not None  # callers leave out what has no pair
    if difference.low is None or difference.high is None:
        return points(difference.mean)
    more = f"; {needed_short(verdict)}" if verdict.needed else ""
    return f"{points(difference.mean)} ({points(difference.low)} to {points(difference.high)}{more})"


def _evidence(contest: Contest) -> Evidence:
    return sum((row.evidence for row in contest.rows), Evidence())
