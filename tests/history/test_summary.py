"""The summary of a run: its status follows from the stored status, the lock and the records."""

from __future__ import annotations

import pytest

from convstudy.history.summary import COMPLETE, FAILED_FITS, INTERRUPTED, OUTDATED, RUNNING, summary_of
from convstudy.plan import make_plan
from convstudy.record import RecordSummary
from convstudy.store import StoredRun
from tests.plan.made import study


@pytest.mark.parametrize(
    ("written", "is_written", "n_missing", "status"),
    [
        (RUNNING, True, 0, RUNNING),
        (RUNNING, False, 0, INTERRUPTED),
        (COMPLETE, False, 0, COMPLETE),
        (COMPLETE, False, 1, OUTDATED),
        (FAILED_FITS, True, 1, FAILED_FITS),
    ],
)
def test_status_of_a_run_follows_from_its_records_and_lock(
    written: str, is_written: bool, n_missing: int, status: str
) -> None:
    plan = make_plan(study(search={}, ablate={}))
    stored = StoredRun("made-1", "made", {}, written, "2026-01-01", "2026-01-02")
    fits = plan.fits[n_missing:]
    record_summaries = {
        fit.id: RecordSummary(fit.id, "failed" if n == 0 else "done") for n, fit in enumerate(fits)
    }
    found = summary_of(stored, "digits", plan, record_summaries, is_written)
    assert (found.run_id, found.name, found.dataset, found.status) == ("made-1", "made", "digits", status)
    assert (found.n_fits, found.n_done, found.n_failed) == (6, 5 - n_missing, 1)
