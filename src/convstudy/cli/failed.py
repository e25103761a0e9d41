"""The fits of a run that failed, for a person and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convstudy.cli.names import names_of
from convstudy.figures import counted

if TYPE_CHECKING:
    from convstudy.store import Results


def failed_text(results: Results) -> str:
    """Return which fits failed, each error once with the fits that it ended; nothing where none did."""
    if not results.failed:
        return ""
    names = names_of(results.plan)
    by_error: dict[str, list[str]] = {}
    for record in results.failed:
        by_error.setdefault(f"{record.error_kind}: {record.error}", []).append(names[record.fit_id])
    lines = [f"{counted(len(results.failed), 'fit')} of {len(results.plan.fits):,} failed:"]
    for error, fits in by_error.items():
        lines += [f"  {line}" for line in error.splitlines()]
        lines += [f"    {fit}" for fit in fits]
    if not results.openings and any(not choice.chosen for choice in results.choices):
        lines.append(
            "No model is tested while a choice cannot be made; the same command tries these fits again."
        )
    return "\n".join(lines)


def failed_json(results: Results) -> list[dict[str, str]]:
    """Return the fits that failed, as plain values."""
    names = names_of(results.plan)
    return [
        {
            "fit_id": record.fit_id,
            "name": names[record.fit_id],
            "error_kind": record.error_kind,
            "error": record.error,
        }
        for record in results.failed
    ]
