"""Text about failed fits, with synthetic records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.analysis import analyse
from convstudy.checks import check_run
from convstudy.history import Results
from convstudy.plan import resolve
from convstudy.record import Acceptance, Record
from convstudy.report import answer
from tests.report.synthetic import gathered, synthetic_results

WHEN = "2026-03-04T05:06:07.000+00:00"


def with_failure(stage: str, name: str, *, n_runs: int = 1, reason: str = "") -> Results:
    """Return results in which a candidate's first fit crashed in ``n_runs`` runs; a ``reason`` accepts the failure."""
    results = synthetic_results()
    fit = results.plan.stage(stage).candidate(name).fits[0]
    record = Record(
        fit.id, "failed", error_kind="crashed", error="killed", n_failed_runs=n_runs, accepted=bool(reason)
    )
    records = {**results.records, fit.id: record}
    plan, choices = resolve(results.study, records)
    test_evaluations = {fit_id: each for fit_id, each in results.test_evaluations.items() if fit_id != fit.id}
    accepted = (Acceptance(fit.id, "crashed", "killed", reason, WHEN),) if reason else ()
    return replace(
        results,
        plan=plan,
        choices=choices,
        records=records,
        test_evaluations=test_evaluations,
        acceptances=accepted,
    )


def test_search_with_an_unfinished_failed_fit_selects_nothing() -> None:
    search, compare, *_, failed, unfinished = answer(analyse(with_failure("search.kernel-size", "kernel=3")))
    assert search.startswith("Search kernel-size: nothing is selected yet. 8 of 9 fits are trained.")
    assert search.endswith(
        "1 failed fit may succeed in another run; until then, this stage selects nothing and no test image is read."
    )
    assert "may succeed" not in compare
    assert failed.startswith(
        "1 fit of 27 failed (crashed) and may succeed in another run: the same command trains it again"
    )
    assert unfinished.startswith("This run is unfinished")


def test_ablation_with_an_unfinished_failed_fit_delays_the_test_set() -> None:
    results = with_failure("ablate.best", "plain")
    ablation = next(line for line in answer(analyse(results)) if line.startswith("Ablation"))
    assert ablation.endswith("1 failed fit may succeed in another run; until then, no test image is read.")
    assert not results.complete


def test_same_error_in_three_runs_is_permanent() -> None:
    compare = answer(analyse(with_failure("compare.architectures", "three-conv", n_runs=3)))[1]
    assert "was selected on validation images" in compare
    assert compare.endswith("1 fit failed permanently, with the same error in 3 runs.")


def test_reason_of_an_accepted_failure_is_in_the_answer_and_the_protocol() -> None:
    results = with_failure("compare.architectures", "three-conv", reason="a | b <c>")
    assert answer(analyse(results))[1].endswith(
        "1 fit failed permanently, as a person accepted on 2026-03-04: “a | b <c>”."
    )
    tables = {table.name: table for table in gathered(results).tables}
    (row,) = tables["acceptances"].rows
    assert row[:6] == (WHEN, "compare.architectures: three-conv", "seed 0", "a | b <c>", "crashed", "killed")
    assert tables["failures"].rows[0][5] == "yes: accepted, see the protocol"


@pytest.mark.parametrize(("n_runs", "text"), [(1, "may succeed in another run"), (3, "failed permanently")])
def test_check_reports_whether_a_failure_is_permanent(n_runs: int, text: str) -> None:
    results = with_failure("compare.architectures", "three-conv", n_runs=n_runs)
    (found,) = [each for each in check_run(analyse(results)).reported if each.check == "failed-fit"]
    assert text in found.what


def test_kept_selection_is_reported() -> None:
    results = with_failure("compare.architectures", "three-conv")
    made = {choice.stage: choice.chosen for choice in synthetic_results().choices}
    made["compare.architectures"] = "one-conv"
    plan, choices = resolve(results.study, results.records, made)
    assert [choice.kept for choice in choices] == [False, True]
    kept = replace(results, plan=plan, choices=choices)
    compare = answer(analyse(kept))[1]
    assert "Comparison architectures: one-conv" in compare
    assert "This selection was made before any test-set evaluation and is kept" in compare
    assert "selects nothing" not in compare
    tables = {table.name: table for table in gathered(kept).tables}
    assert (
        "compare.architectures: this selection was made before any model had a test score"
        in tables["choices"].caption
    )
