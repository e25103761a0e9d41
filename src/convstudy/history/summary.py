"""A run in one line, and the words for how it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convstudy.plan import Plan
from convstudy.record import RecordSummary
from convstudy.store import StoredRun

RUNNING, COMPLETE, INTERRUPTED, FAILED_FITS = "running", "complete", "interrupted", "failed fits"
OUTDATED = "outdated"
"""A complete run of another version of convstudy, whose fits have other ids in this one."""
UNREADABLE = "unreadable"
"""A run whose study cannot be read; the error is that of its results."""


@dataclass(frozen=True)
class RunSummary:
    """A run in one line.

    ``status`` is ``"running"``, ``"complete"``, ``"outdated"``, ``"interrupted"``, ``"failed fits"`` or
    ``"unreadable"``: then ``dataset`` is empty, and no fit is counted.
    """

    run_id: str
    name: str
    dataset: str
    status: str
    n_fits: int
    n_done: int
    n_failed: int
    created_at: str
    updated_at: str


def trained(plan: Plan, record_summaries: Mapping[str, RecordSummary]) -> list[str]:
    """Return the ids of a plan's fits that have a record, without those that only stand in for others."""
    placeholders = plan.placeholders
    return [fit.id for fit in plan.fits if fit.id not in placeholders and fit.id in record_summaries]


def summary_of(
    run: StoredRun, dataset: str, plan: Plan, record_summaries: Mapping[str, RecordSummary], is_written: bool
) -> RunSummary:
    """Return a run in one line.

    Args:
        run: the run as it was written down.
        dataset: the name of its study's dataset.
        plan: its plan with every choice that the records allow.
        record_summaries: the records in brief.
        is_written: whether a process writes to the runs folder now; without one no run is running.
    """
    found = [record_summaries[fit_id] for fit_id in trained(plan, record_summaries)]
    status = run.status
    if status == RUNNING and not is_written:
        status = INTERRUPTED
    if status == COMPLETE and len(found) < len(plan.fits):
        status = OUTDATED
    n_done = sum(record.done for record in found)
    n_failed = len(found) - n_done
    return RunSummary(
        run.run_id,
        run.name,
        dataset,
        status,
        len(plan.fits),
        n_done,
        n_failed,
        run.created_at,
        run.updated_at,
    )


def unreadable(run: StoredRun) -> RunSummary:
    """Return a run in one line of which only its row in the database is known."""
    return RunSummary(run.run_id, run.name, "", UNREADABLE, 0, 0, 0, run.created_at, run.updated_at)
