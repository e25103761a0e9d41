"""The failed fits of a run, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from convstudy.numbers import counted
from convstudy.plan.names import names_of
from convstudy.record import RUNS_UNTIL_PERMANENT

if TYPE_CHECKING:
    from convstudy.history import Results
    from convstudy.record import Record


def failed_text(results: Results, again: str = "", accepting: bool = False) -> str:
    """List the failed fits, grouped by error, with a hint; empty if no fit failed.

    Args:
        results: the results of the run.
        again: the command that runs the study again.
        accepting: whether this command has ``--accept-failures``.
    """
    parts: list[str] = []
    n_fits = counted(len(results.plan.fits), "fit")
    if results.unfinished:
        n = f"{len(results.unfinished):,}"
        them = "it" if len(results.unfinished) == 1 else "them"
        by_error = _by_error(results, results.unfinished)
        parts.append(f"{n} of {n_fits} failed; another run can still train {them}:\n{by_error}")
        parts.append(
            "Until then, their stages select nothing, dependent stages wait, and no test image is read.\n"
            + (_once_accepted(again) if accepting else _once_trained(again))
        )
    failed = [record for record in results.failed if record.final]
    if failed:
        parts.append(f"{len(failed):,} of {n_fits} failed:\n{_by_error(results, failed)}")
    return "\n".join(parts)


def unrestored_text(again: str) -> str:
    """Explain a run without failed fits in which the weights of a model are lost and training it again failed."""
    return (
        "The weights of a model are lost and training it again failed, so no model is tested.\n"
        f"hint: run the same command again: {again}\n"
        "  With --accept-failures REASON such a fit counts as failed."
    )


def _once_trained(again: str) -> str:
    return (
        f"hint: run the same command again; it trains only the missing fits{f': {again}' if again else '.'}\n"
        f"  A fit that fails with the same error in {RUNS_UNTIL_PERMANENT} runs counts as permanently failed. To count "
        "it as failed now,\n  add --accept-failures REASON; the report prints the reason."
    )


def _once_accepted(again: str) -> str:
    return (
        "These failures are new; --accept-failures accepts only failures of earlier runs.\n"
        f"hint: run the same command again to accept these too: {again}\n"
        "  Without --accept-failures it trains these fits again."
    )


def _by_error(results: Results, failed: Iterable[Record]) -> str:
    names = names_of(results.plan)
    accepted = {each.fit_id: each for each in results.acceptances}
    by_error: dict[str, list[str]] = {}
    for record in failed:
        fit = names[record.fit_id]
        if record.accepted and record.fit_id in accepted:
            acceptance = accepted[record.fit_id]
            fit += f" (accepted {acceptance.accepted_at[:10]}: {acceptance.reason})"
        elif record.n_failed_runs > 1:
            fit += f" (in {record.n_failed_runs} runs)"
        by_error.setdefault(f"{record.error_kind}: {record.error}", []).append(fit)
    lines: list[str] = []
    for error, fits in by_error.items():
        lines += [f"  {line}" for line in error.splitlines()]
        lines += [f"    {fit}" for fit in fits]
    return "\n".join(lines)


def failed_json(results: Results) -> list[dict[str, Any]]:
    """Return the failed fits as JSON values."""
    names = names_of(results.plan)
    accepted = {each.fit_id: each for each in results.acceptances}
    return [
        {
            "fit_id": record.fit_id,
            "name": names[record.fit_id],
            "error_kind": record.error_kind,
            "error": record.error,
            "may_yet_succeed": not record.final,
            "n_failed_runs": record.n_failed_runs,
            "accepted": asdict(accepted[record.fit_id]) if record.fit_id in accepted else None,
        }
        for record in results.failed
    ]
