from __future__ import annotations

from convstudy.spec import load_study
from convstudy.stats import protocol
from tests.report.made_up import digest, made_up_results


def test_who_saw_which_images() -> None:
    told = protocol(made_up_results())
    search, compare, ablate = told.stages
    assert (search.n_train + search.n_validation, search.n_test) == (1437, 0)
    assert search.how == "3 stratified folds, the same for every candidate"
    assert (compare.n_train + compare.n_validation, compare.n_test) == (1437, 360)
    assert compare.how.startswith("20 % held out")
    assert (ablate.n_candidates, ablate.n_fits) == (4, 12)


def test_a_subset_is_said() -> None:
    study = load_study("digits").model_copy(update={"subset": 500})
    told = protocol(made_up_results(study))
    assert told.stages[1].how.endswith("a subset of 500 training images")
    assert told.stages[1].n_train + told.stages[1].n_validation == 500


def test_each_opening_names_its_weights_and_all_that_share_them() -> None:
    results = made_up_results(n_openings_before=7)
    told = protocol(results)
    assert len(told.openings) == 18 == len(results.plan.tested_fits)
    assert [row.opening.opened_at for row in told.openings] == sorted(
        o.opened_at for o in results.openings.values()
    )
    assert all(row.opening.weights_digest == digest(row.opening.fit_id) for row in told.openings)
    shared = [row for row in told.openings if len(row.candidates) == 2]
    assert [row.part for row in shared] == ["seed 0", "seed 1", "seed 2"]
    assert all(row.candidates[1] == "ablate.best: as it is" for row in shared)
    assert (told.n_openings, told.n_openings_before) == (25, 7)


def test_choices_stand_in_order() -> None:
    assert [stage for stage, _ in protocol(made_up_results()).choices] == [
        "search.kernel-size",
        "compare.architectures",
    ]
    assert protocol(made_up_results(stop_after=2)).choices == ()
