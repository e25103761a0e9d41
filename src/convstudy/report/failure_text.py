"""What failed fits mean for the answer of a stage, in sentences: what waits for them, and what counts without them."""

from __future__ import annotations

from collections import Counter

from convstudy.history.results import Results
from convstudy.numbers import counted
from convstudy.plan import Stage
from convstudy.record import LASTING_ERRORS, RUNS_UNTIL_LASTING


def failures_text(results: Results, stage: Stage) -> str:
    """Return what failed fits mean for the answer of a stage, with a space in front; nothing where none failed.

    The verdicts and the checks report diverged fits.
    """
    sentences = [*_open(results, stage), *_counted(results, stage), *_kept(results, stage)]
    return "".join(f" {sentence}" for sentence in sentences)


def _judging(results: Results, stage: Stage) -> list[Stage]:
    """Return the stage, and the stages that judge it if it is a nested search."""
    if stage.question != "search":
        return [stage]
    return [stage, *(each for each in results.plan.stages if each.judges == stage.name)]


def _fit_ids(results: Results, stage: Stage) -> list[str]:
    return list(dict.fromkeys(fit.id for each in _judging(results, stage) for fit in each.fits))


def _open(results: Results, stage: Stage) -> list[str]:
    found = [fit_id for fit_id in _fit_ids(results, stage) if _may_yet_succeed(results, fit_id)]
    if not found:
        return []
    choice = results.choice(stage.key)
    what = "nothing is chosen here and " if stage.chooses and choice is None else ""
    before = "before they do" if len(found) > 1 else "before it does"
    return [f"{counted(len(found), 'failed fit')} may yet succeed; {what}no test image is read {before}."]


def _may_yet_succeed(results: Results, fit_id: str) -> bool:
    record = results.records.get(fit_id)
    return record is not None and not record.final


def _counted(results: Results, stage: Stage) -> list[str]:
    """Return which failures count as final although they are no divergence, and why."""
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
        f"{counted(n, 'failed fit')} {_verb(n)} as failed for good because a person accepted this on {day}: “{reason}”."
        for (day, reason), n in reasons.items()
    ]
    n = sum(
        record.final and not record.accepted and record.error_kind not in LASTING_ERRORS
        for record in failed.values()
    )
    if n:
        sentences.append(
            f"{counted(n, 'fit')} failed with the same error in {RUNS_UNTIL_LASTING} runs and {_verb(n)} as failed for "
            "good."
        )
    return sentences


def _verb(n: int) -> str:
    return "counts" if n == 1 else "count"


def _kept(results: Results, stage: Stage) -> list[str]:
    choice = results.choice(stage.key)
    if choice is None or not choice.kept:
        return []
    return [
        "This choice was made before a model had a test score and stays as it was; the records that it rests on have "
        "changed since."
    ]
