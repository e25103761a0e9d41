from __future__ import annotations

from dataclasses import replace

import pytest

from convstudy.analysis import TEST, VALIDATION, candidate_rows
from tests.report.synthetic import digest, synthetic_results


def test_rows_have_the_scores_of_the_selected_epoch() -> None:
    results = synthetic_results()
    stage = results.plan.stage("compare.architectures")
    rows = candidate_rows(results, stage)
    assert [row.name for row in rows] == ["one-conv", "two-conv", "three-conv"]
    for row, candidate in zip(rows, stage.candidates, strict=True):
        records = [results.records[fit.id] for fit in candidate.fits]
        selected = [record.history[record.selected_epoch - 1] for record in records if record.selected_epoch]
        assert len(selected) == 3
        assert row.train["log-loss"].mean == pytest.approx(
            sum(epoch.train["log-loss"] for epoch in selected) / 3
        )
        assert row.test["accuracy"].mean == pytest.approx(
            sum(results.test_evaluations[fit.id].scores["accuracy"] for fit in candidate.fits) / 3
        )
        assert row.weights_digests == tuple(digest(fit.id) for fit in candidate.fits)
        assert row.seconds.mean == pytest.approx(8 * 1.75)
        assert (row.n_done, row.n_failed, row.n_missing) == (3, 0, 0)
    assert [row.chosen for row in rows].count(True) == 1


def test_parameters_include_moving_averages_and_trainable_ones_do_not() -> None:
    results = synthetic_results()
    (row,) = [
        r
        for r in candidate_rows(results, results.plan.stage("compare.architectures"))
        if r.name == "one-conv"
    ]
    # conv 16 · (5² + 1) = 416; batch-norm 4 · 16 = 64, half of it trainable; dense 576 · 10 + 10 = 5,770.
    assert (row.n_parameters, row.n_trainable) == (416 + 64 + 5770, 416 + 32 + 5770)


def test_search_counts_folds_from_one_and_has_no_test_score() -> None:
    results = synthetic_results()
    row = candidate_rows(results, results.plan.stage("search.kernel-size"))[0]
    assert list(row.scores(VALIDATION)) == ["fold 1", "fold 2", "fold 3"]
    assert row.test["accuracy"].n == 0


def test_failed_fit_is_excluded_from_means() -> None:
    results = synthetic_results(fails=["plain"])
    row = candidate_rows(results, results.plan.stage("ablate.best"))[1]
    assert (row.name, row.n_done, row.n_failed, row.validation["accuracy"].n) == ("plain", 2, 1, 2)
    failed = row.fits[0]
    assert (failed.status, failed.error_kind, failed.validation) == ("failed", "diverged", None)
    assert list(row.scores(TEST)) == ["seed 1", "seed 2"]


def test_untrained_fits_are_missing() -> None:
    results = synthetic_results(stop_after=4)
    rows = candidate_rows(results, results.plan.stage("search.kernel-size"))
    assert [row.n_missing for row in rows] == [0, 2, 3]
    ablation = candidate_rows(results, results.plan.stage("ablate.best"))
    assert not any(row.settled for row in ablation)


def test_test_score_of_other_weights_is_ignored() -> None:
    """Otherwise a row could show the score of another model."""
    results = synthetic_results()
    stage = results.plan.stage("compare.architectures")
    fit = stage.candidates[0].fits[0]
    wrong = replace(results.test_evaluations[fit.id], weights_digest=digest("another model"))
    mixed = replace(results, test_evaluations={**results.test_evaluations, fit.id: wrong})
    row = candidate_rows(mixed, stage)[0]
    assert row.fits[0].test is None
    assert row.test["accuracy"].n == 2
