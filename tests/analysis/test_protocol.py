from __future__ import annotations

from dataclasses import replace

from convstudy.analysis import analyse
from convstudy.history.access_log import Entry
from convstudy.record import Evaluation
from convstudy.report.conclusions import answer
from convstudy.report.sections.protocol import access_log_table
from tests.report.synthetic import digest, synthetic_results
from tests.scores import scores
from tests.three_questions import three_questions


def test_protocol_reports_the_images_of_each_stage() -> None:
    found = analyse(synthetic_results()).protocol
    search, compare, ablate = found.stages
    assert (search.n_train + search.n_validation, search.n_test) == (1437, 0)
    assert search.how == "3 stratified folds, the same for every candidate"
    assert (compare.n_train + compare.n_validation, compare.n_test) == (1437, 360)
    assert compare.how.startswith("20 % held out")
    assert (ablate.n_candidates, ablate.n_fits) == (4, 12)


def test_protocol_reports_a_subset() -> None:
    study = three_questions().model_copy(update={"subset": 500})
    found = analyse(synthetic_results(study)).protocol
    assert found.stages[1].how.endswith("a subset of 500 training images")
    assert found.stages[1].n_train + found.stages[1].n_validation == 500


def test_evaluation_names_its_weights_and_all_candidates_that_share_them() -> None:
    results = synthetic_results(n_test_evaluations_before=7)
    found = analyse(results).protocol
    assert len(found.test_evaluations) == 18 == len(results.plan.tested_fits)
    assert [row.test_evaluation.evaluated_at for row in found.test_evaluations] == sorted(
        o.evaluated_at for o in results.test_evaluations.values()
    )
    assert all(
        row.test_evaluation.weights_digest == digest(row.test_evaluation.fit_id)
        for row in found.test_evaluations
    )
    shared = [row for row in found.test_evaluations if len(row.candidates) == 2]
    assert [row.part for row in shared] == ["seed 0", "seed 1", "seed 2"]
    assert all(row.candidates[1] == "ablate.best: unmodified network" for row in shared)
    assert (found.n_test_evaluations, found.n_test_evaluations_before) == (25, 7)


def test_choices_are_in_order_of_stages() -> None:
    assert [stage for stage, _ in analyse(synthetic_results()).protocol.choices] == [
        "search.kernel-size",
        "compare.architectures",
    ]
    assert analyse(synthetic_results(stop_after=2)).protocol.choices == ()


def _entry(test_evaluation: Evaluation, run_id: str, hypothesis: str) -> Entry:
    return Entry(test_evaluation, run_id, hypothesis)


def test_hypotheses_count_once_over_all_studies() -> None:
    made = synthetic_results()
    own = analyse(made).protocol.test_evaluations
    # 3 networks and 3 variants with 3 seeds each; "unmodified network" is the winner of the comparison.
    entries = [_entry(row.test_evaluation, made.run_id, row.candidates[0]) for row in own]
    other = Evaluation("f" * 16, "d" * 64, "another", "2026-01-01T00:00:00Z", 360, scores(0.1, 0.9))
    entries += [
        _entry(other, "another-1", "theirs"),
        _entry(replace(other, fit_id="e" * 16), "another-1", "theirs"),
        _entry(replace(other, fit_id="c" * 16, scores=None), "another-1", "incomplete"),
    ]
    results = replace(made, access_log=tuple(entries))
    found = analyse(results).protocol
    assert (found.n_hypotheses, found.n_hypotheses_elsewhere, found.n_evaluated) == (7, 1, 18)
    assert [entry.test_evaluation.fit_id for entry in found.others] == ["f" * 16, "e" * 16]
    assert answer(analyse(results))[-1].startswith(
        "In this runs folder, 7 different candidates have been scored on this test set, 1 of them by other runs."
    )
    alone = replace(made, access_log=tuple(entries[:18]))
    assert not any("scored on this test set" in line for line in answer(analyse(alone)))
    many = [_entry(replace(other, fit_id=f"{n:016d}"), "another-1", str(n)) for n in range(60)]
    table = access_log_table(analyse(replace(made, access_log=tuple(many))).protocol)
    assert len(table.rows) == 50
    assert table.rows[-1][3] == f"{59:016d}"
    assert "latest 50 of 60" in table.caption


def test_hypotheses_of_earlier_runs_are_reported_if_this_run_reuses_their_scores() -> None:
    made = synthetic_results()
    entries = tuple(
        _entry(row.test_evaluation, "earlier-1", row.candidates[0])
        for row in analyse(made).protocol.test_evaluations
    )
    results = replace(made, access_log=entries)
    found = analyse(results).protocol
    assert (found.n_hypotheses, found.n_hypotheses_elsewhere, found.n_evaluated, found.others) == (
        6,
        6,
        0,
        (),
    )
    assert answer(analyse(results))[-1].startswith(
        "In this runs folder, 6 different candidates have been scored on this test set, 6 of them"
    )


def test_evaluations_of_models_outside_the_plan_stay_in_the_log() -> None:
    made = synthetic_results()
    entries = [
        _entry(row.test_evaluation, made.run_id, row.candidates[0])
        for row in analyse(made).protocol.test_evaluations
    ]
    left = Evaluation("f" * 16, "d" * 64, "made", "2026-01-01T00:00:00Z", 360, scores(0.1, 0.9))
    found = analyse(replace(made, access_log=(*entries, _entry(left, made.run_id, "abandoned")))).protocol
    assert [entry.test_evaluation for entry in found.others] == [left]
    assert (found.n_hypotheses, found.n_hypotheses_elsewhere) == (7, 0)
    assert "earlier ones of this study" in access_log_table(found).caption
