"""The stored choices of a run are final once one of their models has a test score."""

from __future__ import annotations

from collections.abc import Collection

from convstudy.history.outcomes import AsAccepted
from convstudy.history.resolving import resolved
from convstudy.plan import make_plan
from convstudy.record import Acceptance, Record
from tests.plan.made import failed, finished, record, study


def _better(kernel: int) -> dict[str, Record]:
    """Return the records of a study in whose search this kernel is best."""
    return finished(study(), lambda c, fit: record(fit, 0.9 if c.values.get("kernel") == kernel else 0.5))[2]


def _never() -> Collection[str]:
    raise AssertionError("no test score needs to be looked up")


def test_records_choose_if_there_are_no_stored_choices() -> None:
    for kernel in (3, 5):
        plan, choices = resolved(study(), _better(kernel), {}, _never)
        assert (choices[0].stage, choices[0].chosen) == ("search.kernel", f"kernel={kernel}")
        assert plan.stage("compare.all").candidates


def test_stored_choices_equal_to_the_records_need_no_test_score() -> None:
    _, choices = resolved(study(), _better(3), {}, _never)
    made = {choice.stage: choice.chosen for choice in choices}
    assert resolved(study(), _better(3), made, _never)[1] == choices


def test_stored_choice_stays_once_its_model_has_a_test_score() -> None:
    plan, choices = resolved(study(), _better(3), {}, _never)
    made = {choice.stage: choice.chosen for choice in choices}
    tested = plan.tested_fits[0].id
    without_score = resolved(study(), _better(5), made, lambda: ())
    assert without_score[1][0].chosen == "kernel=5"
    kept = resolved(study(), _better(5), made, lambda: {tested})
    assert kept[1][0].chosen == "kernel=3"


def test_accepted_failure_counts_as_final_for_the_run_that_accepted_it() -> None:
    first, second = make_plan(study()).fits[:2]
    crash = Record(first.id, "failed", error_kind="crashed", error="killed", n_failed_runs=1)
    stored = {first.id: crash, second.id: failed(second)}
    accepted = AsAccepted(stored, [Acceptance(first.id, "crashed", "killed", "too large", "2026-01-01")])
    assert not crash.final and accepted[first.id].final
    assert accepted[second.id] == stored[second.id] and len(accepted) == 2
