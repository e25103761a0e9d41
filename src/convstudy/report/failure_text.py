"""Text about failed fits of a stage: fits that may succeed in another run, permanent failures, and why."""

from __future__ import annotations

from collections import Counter

from convstudy.history.results import Results
from convstudy.numbers import counted
from convstudy.plan import Stage
from convstudy.record import PERMANENT_ERRORS, RUNS_UNTIL_PERMANENT


def failures_text(results: Results, stage: Stage) -> str:
    """Describe the effect of failed fits on the answer of a stage, each sentence after a space; empty without any.

    Diverged fits are left out: the verdicts and the checks report them.
    """
    sentences = [*_unfinished(results, stage), *_final(results, stage), *_kept_selection(results, stage)]
    return "".join(f" {sentence}" for sentence in sentences)


def _with_outer_folds(results: Results, stage: Stage) -> list[Stage]:
    """Return the stage, followed by the stages of its outer folds if it is a nested search."""
    if stage.question != "search":
        return [stage]
    return [stage, *(each for each in results.plan.stages if each.nested_search == stage.name)]


def _fit_ids(results: Results, stage: Stage) -> list[str]:
    return list(dict.fromkeys(fit.id for each in _with_outer_folds(results, stage) for fit in each.fits))


def _unfinished(results: Results, stage: Stage) -> list[str]:
    found = [fit_id for fit_id in _fit_ids(results, stage) if _may_yet_succeed(results, fit_id)]
    if not found:
        return []
    choice = results.choice(stage.key)
    selection = "this stage selects nothing and " if stage.chooses and choice is None else ""
    return [
        f"{counted(len(found), 'failed fit')} may succeed in another run; until then, {selection}no test image is read."
    ]


def _may_yet_succeed(results: Results, fit_id: str) -> bool:
    record = results.records.get(fit_id)
    return record is not None and not record.final


def _final(results: Results, stage: Stage) -> list[str]:
    """Report the permanent failures that are not divergences, with the reason."""
    failed = {
        fit_id: results.records[fit_id]
        for fit_id in _fit_ids(results, stage)
        if fit_id in results.records and not results.records[fit_id].done
    }
    accepted = {each.fit_id: each for each in results.acceptances}
    reasons = Counter(
        (accepted[fit_id].accepted_at[:10], accepted[fit_id].reason)
        for fit_id, record in failed.items()
        if record.accepted and fit_id in accepted
    )
    sentences = [
        f"{counted(n, 'fit')} failed permanently, as a person accepted on {day}: “{reason}”."
        for (day, reason), n in reasons.items()
    ]
    n = sum(
        record.final and not record.accepted and record.error_kind not in PERMANENT_ERRORS
        for record in failed.values()
    )
    if n:
        sentences.append(
            f"{counted(n, 'fit')} failed permanently, with the same error in {RUNS_UNTIL_PERMANENT} runs."
        )
    return sentences


def _kept_selection(results: Results, stage: Stage) -> list[str]:
    choice = results.choice(stage.key)
    if choice is None or not choice.kept:
        return []
    return [
        "This selection was made before any test-set evaluation and is kept, although its records have changed since."
    ]
