"""What the report says of failed fits, by made-up records."""

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
    """Return results in which a candidate's first fit crashed in some runs, and was accepted if there is a reason."""
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


def test_a_search_that_waits_for_a_failed_fit_says_so() -> None:
    search, compare, *_, failed, unfinished = answer(analyse(with_failure("search.kernel-size", "kernel=3")))
    assert search.startswith("Search kernel-size: nothing is chosen yet; 8 of 9 fits are trained.")
    assert search.endswith(
        "1 failed fit may yet succeed; nothing is chosen here and no test image is read before it does."
    )
    assert "may yet succeed" not in compare
    assert failed.startswith(
        "1 fit of 27 failed (crashed) and may yet succeed: the same command trains it again"
    )
    assert unfinished.startswith("This run is unfinished")


def test_an_ablation_chooses_nothing_but_waits_with_the_test_images() -> None:
    results = with_failure("ablate.best", "plain")
    ablation = next(line for line in answer(analyse(results)) if line.startswith("Ablation"))
    assert ablation.endswith("1 failed fit may yet succeed; no test image is read before it does.")
    assert not results.complete


def test_the_same_error_in_three_runs_counts_and_is_said_next_to_the_verdict() -> None:
    compare = answer(analyse(with_failure("compare.architectures", "three-conv", n_runs=3)))[1]
    assert "was chosen by validation" in compare
    assert compare.endswith("1 fit failed with the same error in 3 runs and counts as failed for good.")


def test_the_reason_of_an_accepted_failure_stands_next_to_the_verdict_and_in_the_protocol() -> None:
    results = with_failure("compare.architectures", "three-conv", reason="a | b <c>")
    assert answer(analyse(results))[1].endswith(
        "1 failed fit counts as failed for good because a person accepted this on 2026-03-04: “a | b <c>”."
    )
    tables = {table.name: table for table in gathered(results).tables}
    (row,) = tables["acceptances"].rows
    assert row[:6] == (WHEN, "compare.architectures: three-conv", "seed 0", "a | b <c>", "crashed", "killed")
    assert tables["failures"].rows[0][5] == "yes: accepted, see the protocol"


@pytest.mark.parametrize(("n_runs", "said"), [(1, "may yet succeed"), (3, "could not be finished")])
def test_the_check_says_whether_a_failure_counts(n_runs: int, said: str) -> None:
    results = with_failure("compare.architectures", "three-conv", n_runs=n_runs)
    (found,) = [each for each in check_run(analyse(results)).reported if each.check == "failed-fit"]
    assert said in found.what


def test_a_choice_that_stays_as_it_was_made_says_so() -> None:
    results = with_failure("compare.architectures", "three-conv")
    made = {choice.stage: choice.chosen for choice in synthetic_results().choices}
    made["compare.architectures"] = "one-conv"
    plan, choices = resolve(results.study, results.records, made)
    assert [choice.kept for choice in choices] == [False, True]
    kept = replace(results, plan=plan, choices=choices)
    compare = answer(analyse(kept))[1]
    assert "Comparison architectures: one-conv" in compare
    assert "This choice was made before a model had a test score and stays as it was" in compare
    assert "nothing is chosen here" not in compare
    tables = {table.name: table for table in gathered(kept).tables}
    assert "Of compare.architectures: the choice was made before" in tables["choices"].caption
