"""Nested searches: their number of fits, the images of these fits, and the winners on the outer folds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.checks import check_plan
from convstudy.data import BUILT_IN_DATASETS, Fold, Outer, split_indices
from convstudy.plan import Candidate, Fit, epochs_added, make_plan, resolve
from convstudy.record import Record
from convstudy.studyfile import Recipe, Search, Study
from tests.plan.made import ONE, finished, record, study

LABELS = BUILT_IN_DATASETS["digits"].load().train.labels


def _study(kernels: tuple[int, ...] = (2, 3, 5), **search: Any) -> Study:
    values: dict[str, Any] = {"parameters": {"kernel": kernels}, "folds": 2, "nested": True, **search}
    asked = {"kernel": Search(network="one", **values)}
    return study(network={"one": ONE}, search=asked, compare={}, ablate={})


def _kernel(candidate: Candidate) -> int:
    return int(candidate.values["kernel"])


def _by_kernel(candidate: Candidate, fit: Fit) -> Record:
    """Return a record with which kernel 5 wins, except kernel 3 in the inner search without the first outer fold."""
    split = fit.split
    inside = isinstance(split, Fold) and split.within is not None and split.within.index == 0
    best = 3 if inside else 5
    return record(fit, 0.9 - 0.1 * abs(_kernel(candidate) - best))


def test_plan_without_nested_search_has_no_inner_stages() -> None:
    assert [stage.key for stage in make_plan(study()).stages] == [
        "search.kernel",
        "compare.all",
        "ablate.best",
    ]


def test_nested_search_has_expected_number_of_fits() -> None:
    plan = make_plan(_study(folds=3, outer_folds=4))
    assert [stage.key for stage in plan.stages] == [
        "search.kernel",
        "final.one",
        *(f"inner.kernel.{number}" for number in (1, 2, 3, 4)),
        "nested.kernel",
    ]
    assert [len(stage.fits) for stage in plan.stages] == [9, 2, 9, 9, 9, 9, 4]
    # 3 kernels on 3 folds, 2 seeds of the winner, 4 inner searches, 4 winners on their outer folds.
    assert len(plan.fits) == 9 + 2 + 4 * 9 + 4
    assert len(plan.settled_fits) == 9 + 4 * 9
    nested = plan.stage("nested.kernel")
    assert [c.depends_on for c in nested.candidates] == [(f"inner.kernel.{n}",) for n in (1, 2, 3, 4)]
    assert not any(stage.tested for stage in plan.stages if stage.question in ("inner", "nested"))
    assert not nested.chooses
    assert check_plan(plan).warnings == ()


def test_inner_and_nested_stages_name_their_search() -> None:
    """The name of a search can contain a dot, so the key "inner.kernel.1" does not identify the search."""
    stages = make_plan(_study(nested=True, folds=2)).stages
    nested = [(stage.question, stage.nested_search) for stage in stages if stage.nested_search]
    assert nested == [("inner", "kernel"), ("inner", "kernel"), ("nested", "kernel")]


def test_outer_winners_share_fits_with_search_for_equal_fold_counts() -> None:
    plan, choices, records = finished(_study(), _by_kernel)
    assert {choice.stage: choice.chosen for choice in choices} == {
        "search.kernel": "kernel=5",
        "inner.kernel.1": "kernel=3",
        "inner.kernel.2": "kernel=5",
    }
    first, second = plan.stage("nested.kernel").candidates
    search = plan.stage("search.kernel")
    assert first.fits == search.candidate("kernel=3").fits[:1]
    assert second.fits == search.candidate("kernel=5").fits[1:]
    assert [fit.split for fit in (*first.fits, *second.fits)] == [Fold(0, 2, 0), Fold(1, 2, 0)]
    assert len(records) == len(plan.fits) == 6 + 2 + 2 * 6  # the winners on the outer folds add no fits
    # The final training uses the choice of the search itself, not those of the inner searches.
    assert plan.stage("final.one").candidates[0].values == {"kernel": 5}


def test_outer_winner_depends_on_its_inner_search_only() -> None:
    asked = _study()
    plan = make_plan(asked, {"inner.kernel.2": "kernel=3"})
    first, second = plan.stage("nested.kernel").candidates
    assert (first.depends_on, second.depends_on) == (("inner.kernel.1",), ())
    assert second.fits == plan.stage("search.kernel").candidate("kernel=3").fits[1:]
    assert (first.name, second.name) == ("outer fold 1", "outer fold 2")


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 4), st.none() | st.integers(2, 5), st.none() | st.integers(200, 1437))
def test_inner_fits_never_use_images_of_their_outer_fold(
    folds: int, outer_folds: int | None, subset: int | None
) -> None:
    plan = make_plan(_study((3, 5), folds=folds, outer_folds=outer_folds, subset=subset))
    nested = plan.stage("nested.kernel")
    n_outer = outer_folds or folds
    assert len(nested.candidates) == n_outer
    evaluated: list[int] = []
    for number, winner in enumerate(nested.candidates, start=1):
        (fit,) = winner.fits
        trains, unseen = (set(part.tolist()) for part in split_indices(LABELS, fit.split))
        inner = plan.stage(f"inner.kernel.{number}")
        assert len(inner.fits) == 2 * folds
        for each in inner.fits:
            assert isinstance(each.split, Fold)
            assert each.split.within == Outer(number - 1, n_outer)
            train, validation = (set(part.tolist()) for part in split_indices(LABELS, each.split))
            assert not (train | validation) & unseen
            assert train | validation == trains
        evaluated += unseen
    assert len(evaluated) == len(set(evaluated)) == (subset or 1437)


@pytest.mark.parametrize(
    "search",
    [
        {"method": "halving", "budget": 0.4},
        {"method": "screening", "budget": 0.3},
        {"method": "random", "trials": 2},
        {"method": "random", "trials": 5},
        {"method": "tpe", "trials": 5},
    ],
)
def test_nested_search_works_with_every_method(search: dict[str, Any]) -> None:
    if search["method"] == "tpe":
        pytest.importorskip("optuna")
    asked = _study((1, 2, 3, 4, 5, 6), recipe={"epochs": 6}, **search)
    plan, choices, records = finished(asked, _by_kernel)
    assert resolve(asked, records) == (plan, choices)
    chosen = {choice.stage: choice.chosen for choice in choices}
    for number, winner in enumerate(plan.stage("nested.kernel").candidates, start=1):
        inner = plan.stage(f"inner.kernel.{number}")
        won = inner.candidate(chosen[inner.key])
        assert (winner.network, winner.recipe, winner.depends_on) == (won.network, won.recipe, ())
        # It has the epoch budget with which its search ended.
        assert {fit.epoch_budget for fit in winner.fits} == {fit.epoch_budget for fit in won.fits}
        assert inner.pending == ()
    if search["method"] == "halving":
        assert {fit.epoch_budget for fit in plan.stage("nested.kernel").fits} == {5}
    if search["method"] == "screening":
        assert {fit.epoch_budget for fit in plan.stage("nested.kernel").fits} == {None}  # all 6 epochs


def test_placeholder_winner_has_epoch_budget_of_last_rung() -> None:
    asked = _study((1, 2, 3, 4), method="halving", budget=0.2, recipe={"epochs": 6})
    plan = make_plan(asked)
    last = plan.stage("inner.kernel.1").rungs[-1].size.n_epochs
    assert last == 3
    assert {fit.epoch_budget for fit in plan.stage("nested.kernel").fits} == {last}


def test_outer_winner_resumes_from_fit_of_search() -> None:
    """Its cost has only additional epochs: the search has trained the same fold with a smaller budget."""
    asked = _study((1, 2, 3, 4), method="halving", budget=0.2, recipe={"epochs": 6})

    def make(candidate: Candidate, fit: Fit) -> Record:
        inside = isinstance(fit.split, Fold) and fit.split.within is not None
        return record(fit, 0.9 - 0.1 * abs(_kernel(candidate) - (1 if inside else 4)))

    plan, _, _ = finished(asked, make)
    (winner,) = plan.stage("nested.kernel").candidates[0].fits
    budgets = {
        fit.epoch_budget for fit in plan.stage("search.kernel").fits if fit.trial_id == winner.trial_id
    }
    assert budgets == {1}
    assert winner.epoch_budget is not None
    assert epochs_added(plan.fits)[winner.id] == winner.epoch_budget - 1


def test_small_budget_warning_is_reported_once() -> None:
    asked = _study((1, 2, 3, 4), method="halving", budget=0.01, recipe={"epochs": 2})
    assert [finding.where for finding in check_plan(make_plan(asked)).warnings] == ["search.kernel.budget"]


def test_later_search_uses_choice_of_nested_search() -> None:
    """The second search starts from the choice that the first one, a nested search, made on all folds."""
    both = {
        "kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2, nested=True),
        "rate": Search(network="one", parameters={"learning_rate": (0.1, 0.2)}, folds=2),
    }
    asked = study(search=both, compare={}, ablate={}, recipe=Recipe(epochs=2))
    plan, choices, _ = finished(
        asked, lambda c, fit: record(fit, 0.9 if c.values.get("kernel") == 5 else 0.8)
    )
    assert {choice.stage: choice.chosen for choice in choices}["search.rate"] == "learning_rate=0.1"
    assert all(c.values["kernel"] == 5 for c in plan.stage("search.rate").candidates)
