"""The status of a run and the number of its fits, as ``convstudy runs`` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from convstudy.plan import Plan
from convstudy.record import RecordSummary
from convstudy.store import StoredRun

RUNNING, COMPLETE, INTERRUPTED, FAILED_FITS = "running", "complete", "interrupted", "failed fits"
OUTDATED = "outdated"
"""The status of a run that another version of convstudy completed. In this version, its fits have other ids."""
UNREADABLE = "unreadable"
"""The status of a run whose study cannot be read; reading its results raises the error."""


@dataclass(frozen=True)
class RunSummary:
    """The status of a run and the number of its fits.

    Attributes:
        run_id: the id of the run.
        name: the name of its study.
        dataset: the name of the dataset; empty for an unreadable run.
        status: ``"running"``, ``"complete"``, ``"outdated"``, ``"interrupted"``, ``"failed fits"`` or
            ``"unreadable"``.
        n_fits, n_done, n_failed: the numbers of all, of completed and of failed fits of the plan; 0 for an unreadable
            run.
        created_at, updated_at: ISO 8601 in UTC.
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
    """Return the ids of a plan's fits that have a record, except fits of rungs or trials that are not decided yet."""
    placeholders = plan.placeholders
    return [fit.id for fit in plan.fits if fit.id not in placeholders and fit.id in record_summaries]


def summary_of(
    run: StoredRun, dataset: str, plan: Plan, record_summaries: Mapping[str, RecordSummary], is_written: bool
) -> RunSummary:
    """Return the status of a run and the number of its fits.

    Args:
        run: the stored run.
        dataset: the name of its dataset.
        plan: its plan, updated with every choice that can be made from the existing records.
        record_summaries: fit id -> record summary.
        is_written: whether a process holds the lock of the runs folder; otherwise no run can be running.
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
    """Return the summary of a run whose study cannot be read."""
    return RunSummary(run.run_id, run.name, "", UNREADABLE, 0, 0, 0, run.created_at, run.updated_at)
