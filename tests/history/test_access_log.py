"""The test-set access log over all runs of a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from convstudy.data import Fold, Holdout
from convstudy.history import History
from convstudy.history.access_log import hypothesis_of
from convstudy.plan import make_plan
from tests.plan.made import record, study
from tests.run.studies import drop_record
from tests.scores import scores


def test_seeds_of_a_fit_test_one_hypothesis() -> None:
    fit = make_plan(study()).tested_fits[0]
    assert isinstance(fit.split, Holdout)
    again = replace(fit, seed=3, split=replace(fit.split, seed=3))
    assert again.id != fit.id
    assert hypothesis_of(again) == hypothesis_of(fit)
    for other in (
        replace(fit, recipe=fit.recipe.varied({"epochs": 3})),
        replace(fit, split=Holdout(0.3, 0)),
        replace(fit, split=Fold(0, 5, 0)),
        replace(fit, threads=2),
    ):
        assert hypothesis_of(other) != hypothesis_of(fit)


def test_access_log_has_the_evaluations_of_all_runs_in_order(tmp_path: Path) -> None:
    history = History.open(tmp_path, create=True)
    first, second = study(), study(name="changed", seeds=3)
    fits = make_plan(second).tested_fits
    assert len(fits) == 6  # two networks that depend on no choice, three seeds
    run_ids = [history.begin_run(first), history.begin_run(second)]
    for fit in fits:
        history.save_record(fit, record(fit))
    for number, fit in enumerate(fits):
        run = run_ids[number % 2]
        test_evaluation = history.begin_test_evaluation(run, fit, "digest", "why")
        if number != 5:
            history.end_test_evaluation(test_evaluation, scores(0.1, 0.9), 1.0)
    drop_record(history, fits[0].id)
    entries = history.results(run_ids[0]).access_log
    assert [entry.test_evaluation.fit_id for entry in entries] == [fit.id for fit in fits]
    assert [entry.run_id for entry in entries] == run_ids * 3
    assert [entry.is_scored for entry in entries] == [True] * 5 + [False]
    # The first fit has no record, so its own id is its hypothesis; it has the first seed, so the others have the same.
    assert entries[0].hypothesis == fits[0].id == entries[1].hypothesis == entries[2].hypothesis
    assert len({entry.hypothesis for entry in entries}) == 2
    history.close()
