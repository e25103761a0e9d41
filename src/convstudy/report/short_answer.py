"""The answer in one short line per question, for the terminal; the report has the full sentences and intervals.

A line names the selected candidate, its score, and the verdicts on it. It uses "better", "worse" and "equivalent" for
verdicts of that kind only. If a line is too long, it omits the intervals, then writes a count ("3 others") instead of
names, then omits the differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from convstudy.analysis import Analysis, CandidateRow, StageResult
from convstudy.metrics import ACCURACY
from convstudy.numbers import counted, listed, shortest, shortest_percent, with_spread
from convstudy.report.added_seeds_text import added_seeds_note
from convstudy.report.balance_text import imbalance_note, with_other_accuracy
from convstudy.report.collapse_text import collapse_clause
from convstudy.report.group_text import mark, run_note
from convstudy.report.metric_text import margin_of, metric_of, signed_by, unit_of, with_sign, writer
from convstudy.report.questions_text import short_notes, shown_verdicts
from convstudy.report.stages import stage_title
from convstudy.report.training_set_text import training_set_scope
from convstudy.report.verdict_text import VerdictLabel, verdict_label
from convstudy.stats import Verdict

LONGEST = 160
"""The largest number of characters of a line: two rows of an 80-column terminal. Long names can make it longer."""

_ADJECTIVES: dict[VerdictLabel, str] = {
    "worse": "worse",
    "better": "better",
    "equivalent": "equivalent",
    **dict.fromkeys(("inconclusive", "no spread"), "not significantly different"),
}
_VERBS: dict[VerdictLabel, tuple[str, str]] = {
    # of one candidate, of several
    **{label: (f"is {adjective}", f"are {adjective}") for label, adjective in _ADJECTIVES.items()},
    "behind": ("may be worse", "may be worse"),
    "ahead": ("may be better", "may be better"),
    "same": ("has the same weights and scores", "have the same weights and scores"),
    **dict.fromkeys(("no interval", "one seed", "no pair"), ("cannot be compared", "cannot be compared")),
}
_PREPOSITIONS: dict[VerdictLabel, str] = {
    **dict.fromkeys(("worse", "behind", "better", "ahead"), "than"),
    "equivalent": "to",
    "same": "as",
    "inconclusive": "from",
    "no spread": "from",
    **dict.fromkeys(("no interval", "one seed", "no pair"), "with"),
}


@dataclass(frozen=True)
class _Detail:
    """What a line shows for each group of verdicts: intervals, differences, and at most ``most_names`` names.

    A group with more names is shown as their number.
    """

    intervals: bool
    differences: bool
    most_names: int


_DETAILS = (
    _Detail(intervals=True, differences=True, most_names=3),
    _Detail(intervals=False, differences=True, most_names=3),
    _Detail(intervals=False, differences=True, most_names=1),
    _Detail(intervals=False, differences=False, most_names=1),
)


def short_answer(analysis: Analysis) -> tuple[str, ...]:
    """Return one line per question of the study, then a line if the run is unfinished or the test set is reused.

    Example of a line: ``Search kernel: kernel=5 (selected, 97.15 % on validation) is not significantly different from
    kernel=3 or kernel=7.``
    """
    lines = [_line(stage_result) for stage_result in analysis.main_results]
    return (*lines, *_about_run(analysis))


def _line(stage_result: StageResult) -> str:
    title = stage_title(stage_result)
    if not stage_result.settled:
        return f"{title}: not trained, because it depends on an earlier stage."
    best = stage_result.best
    n_failed = sum(row.n_failed for row in stage_result.rows)
    failed = f"; {counted(n_failed, 'fit')} failed" if n_failed else ""
    end = f"{collapse_clause(stage_result)}{failed}."
    if best is None:
        return f"{title}: {_not_selected(stage_result)}{end}"
    score = _score(stage_result, best)
    if not score:
        name = "the unchanged network" if stage_result.question == "ablate" else best.name
        if best.n_failed == len(best.fits) and not best.n_retryable:
            return f"{title}: all fits of {name} failed{end}"
        return f"{title}: {name} is not evaluated on the test set yet{end}"
    if stage_result.question == "final":
        return f"{title}: {score}{end}"
    ablation = stage_result.question == "ablate"
    verdicts = stage_result.verdicts if ablation else stage_result.verdicts_on_best
    head = f"{title} ({score}):" if ablation else f"{title}: {best.name} ({score})"
    scope = training_set_scope(verdicts)
    of_set = f", {scope}" if scope else ""
    lines = [
        f"{head} {_verdicts_text(verdicts, ablation, detail)}{_interactions(stage_result)}{of_set}{end}"
        for detail in _DETAILS
    ]
    longest = LONGEST + len(of_set)  # details are worth more than a shorter line
    return next((line for line in lines if len(line) <= longest), lines[-1])


def _not_selected(stage_result: StageResult) -> str:
    if stage_result.n_missing:
        return "nothing is selected yet"
    return "nothing is selected, because every candidate has a failed fit"


def _score(stage_result: StageResult, row: CandidateRow) -> str:
    """Return the mean score with its images: ``98.24 % on test``; empty without a score."""
    summary, metric = row.summary(stage_result.measure), stage_result.metric
    if summary.mean is None:
        return ""
    final = stage_result.question == "final"
    text = with_spread(summary, writer(metric)) if final else writer(metric)(summary.mean)
    named = "" if metric.name == ACCURACY else f"{metric.title} "
    selected = "selected, " if stage_result.question == "search" else ""
    seeds = f", {counted(summary.n, 'seed')}" if final else ""
    scores = with_other_accuracy(stage_result, row, f"{named}{text}")
    return f"{selected}{scores} on {stage_result.measure.part}{seeds}"


def _verdicts_text(verdicts: Sequence[Verdict], ablation: bool, detail: _Detail) -> str:
    """Join the clauses of all verdicts. The text continues after the candidate's name, in an ablation after a colon."""
    if not verdicts:
        return "no variants" if ablation else "has no other candidate to compare with"
    clauses = list(_clauses(verdicts, ablation, detail))
    return "; ".join(clauses) if ablation else listed(clauses)


def _clauses(verdicts: Sequence[Verdict], ablation: bool, detail: _Detail) -> Iterator[str]:
    """Yield one clause for each group of verdicts with the same label."""
    groups: dict[tuple[str, str], list[tuple[VerdictLabel, Verdict]]] = {}
    order = get_args(VerdictLabel)
    for verdict in sorted(verdicts, key=lambda each: order.index(verdict_label(each))):
        label = verdict_label(verdict)
        groups.setdefault((_VERBS[label][0], _why(label, verdict)), []).append((label, verdict))
    after_is = False
    for (_, why), found in groups.items():
        label, several = found[0][0], len(found) > 1
        names = _names([each for _, each in found], ablation, label, detail)
        after = _differences([each for _, each in found], label, detail)
        if ablation:
            yield f"{names} {_VERBS[label][several]}{why}{after}"
        else:
            # Folds share training images: a clear difference on them need not hold on new images.
            folds = " on these folds" if _over_folds(found[0][1]) and label in ("better", "worse") else ""
            # One subject needs one "is": "is better than a and equivalent to b".
            is_adjective = label in _ADJECTIVES
            verb = _ADJECTIVES[label] if after_is and is_adjective else _VERBS[label][0]
            after_is = is_adjective
            yield f"{verb}{folds} {_PREPOSITIONS[label]} {names}{why}{after}"


def _over_folds(verdict: Verdict) -> bool:
    return verdict.measure.part == "validation"


def _names(found: Sequence[Verdict], ablation: bool, label: VerdictLabel, detail: _Detail) -> str:
    names = [verdict.first if ablation else verdict.second for verdict in found]
    several = len(names) > 1
    # A list of names that have commas themselves cannot be read.
    if len(names) > detail.most_names or (several and any("," in name for name in names)):
        return counted(len(names), "variant" if ablation else "other")
    either = not ablation and _PREPOSITIONS[label] in ("from", "with")
    return listed(names, "or" if either else "and")


def _why(label: VerdictLabel, verdict: Verdict) -> str:
    metric = metric_of(verdict)
    percent = metric.unit == "percent"
    margin = f"{shortest(verdict.margin * 100 if percent else verdict.margin)}{unit_of(metric)}"
    if verdict.by_share is not None:
        margin = margin_of(verdict)
    noun = "fold" if _over_folds(verdict) else "seed"
    return {
        "equivalent": f" within {margin}",
        "no interval": " (descriptive only)" if verdict.descriptive else " (predictions are missing)",
        "one seed": f" (one {noun})",
        "no pair": f" (no {noun} in common)",
    }.get(label, "")


def _differences(found: Sequence[Verdict], label: VerdictLabel, detail: _Detail) -> str:
    """Return, in parentheses, the difference of one verdict with its interval, or the range of several."""
    if not detail.differences or label not in ("better", "worse", "ahead", "behind"):
        return ""
    metric = metric_of(found[0])
    means = sorted(each.difference.mean for each in found if each.difference.mean is not None)
    ends = list(dict.fromkeys(with_sign(metric, mean) for mean in (means[0], means[-1])))
    text = f"{' to '.join(ends)}{unit_of(metric)}"
    difference = found[0].difference
    if detail.intervals and len(found) == 1 and difference.low is not None and difference.high is not None:
        low, high = (signed_by(metric, end) for end in (difference.low, difference.high))
        name = (
            "unreliable interval" if found[0].n_collapsed else f"{shortest_percent(difference.confidence)} CI"
        )
        text += f", {name} {low} to {high}{mark(difference.groups)}"
    return f" (inconclusive: {text})" if label in ("ahead", "behind") else f" ({text})"


def _interactions(stage_result: StageResult) -> str:
    found = [each for each in stage_result.interactions if each.difference.n > 1 and not each.no_interval]
    if not found:
        return ""
    n = sum(verdict.is_significant for verdict in found)
    of = f"{n} of {counted(len(found), 'interaction')}" if n else "no interaction"
    return f"; {of} {'are' if n > 1 else 'is'} significant"


def _about_run(analysis: Analysis) -> Iterator[str]:
    results, protocol = analysis.results, analysis.protocol
    if note := added_seeds_note(analysis):
        yield f"Seeds: {note}"
    if note := imbalance_note(analysis):
        yield f"Note: {note}"
    if note := run_note(analysis):
        yield f"Note: {note}"
    if protocol.test_evaluations and protocol.n_hypotheses_elsewhere:
        n = counted(protocol.n_hypotheses_elsewhere, "candidate")
        yield f"Note: other runs in this folder scored {n} on the same test set."
    for sentence in short_notes(shown_verdicts(analysis.main_results)):
        yield f"Note: {sentence}"
    if not results.complete:
        fits = results.plan.fits
        n_settled = len(results.plan.settled_fits)
        reason = "not every model is evaluated on the test set"
        if not results.is_trained:
            reason = f"{results.n_final:,} of {counted(len(fits), 'fit')} are trained"
        elif n_settled < len(fits):
            n_missing = f"{len(fits) - n_settled:,} of {counted(len(fits), 'fit')}"
            reason = f"a stage selected nothing, so {n_missing} cannot be trained"
        yield f"Unfinished: {reason}."
