"""Caches of planning: a run plans again after each choice, and reuses candidates and fits."""

from __future__ import annotations

import pytest

from convstudy.plan import make_plan
from convstudy.plan.fit import Fit
from convstudy.studyfile import Range, Search, Study
from tests.plan.made import study

SEARCHES = {
    "grid": Search(network="one", parameters={"kernel": (2, 3, 5)}, folds=2),
    "halving": Search(network="one", parameters={"kernel": (2, 3, 5)}, folds=2, method="halving", budget=0.5),
    "screening": Search(
        network="one", parameters={"kernel": (1, 2, 3, 5)}, folds=2, method="screening", budget=0.5
    ),
    "random": Search(
        network="one", parameters={"kernel": Range(low=1, high=8)}, folds=2, method="random", trials=3
    ),
    "tpe": Search(
        network="one", parameters={"kernel": Range(low=1, high=8)}, folds=2, method="tpe", trials=6
    ),
    "nested": Search(network="one", parameters={"kernel": (2, 3, 5)}, folds=2, nested=True),
}


def _search_fits(asked: Study) -> list[Fit]:
    stages = [stage for stage in make_plan(asked).stages if stage.question in ("search", "inner")]
    return [fit for stage in stages for fit in (*stage.fits, *stage.pending)]


@pytest.mark.parametrize("search", SEARCHES)
def test_equal_study_reuses_fit_objects(search: str) -> None:
    first = _search_fits(study(search={"s": SEARCHES[search]}))
    again = _search_fits(study(search={"s": SEARCHES[search]}))
    assert len(first) == len(again) >= 6
    assert all(a is b for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize(
    "changes",
    [
        {"seeds": 3},
        {"subset": 200},
        {"search": {"s": Search(network="one", parameters={"kernel": (2, 3)}, folds=3)}},
        {
            "search": {
                "s": Search(network="one", parameters={"kernel": (2, 3)}, folds=2, recipe={"epochs": 3})
            }
        },
    ],
)
def test_cache_does_not_affect_plan_of_another_study(changes: dict[str, object]) -> None:
    search = {"s": Search(network="one", parameters={"kernel": (2, 3)}, folds=2)}
    asked = study(**{"search": search, **changes})
    expected = make_plan(asked)
    make_plan(study(search=search))
    assert make_plan(asked) == expected
    assert (
        [fit.id for fit in expected.fits] == [fit.id for fit in make_plan(study(search=search)).fits]
    ) is False


def test_equal_values_written_differently_are_two_candidates() -> None:
    parameters = {"learning_rate": (1, 1.0)}
    first, second = (
        make_plan(study(search={"s": Search(network="one", parameters=parameters, folds=2)}))
        .stages[0]
        .candidates
    )
    assert (first.name, second.name) == ("learning_rate=1", "learning_rate=1.0")


def test_earlier_choice_changes_candidates_of_later_search() -> None:
    asked = study(
        search={
            "kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2),
            "rate": Search(network="one", parameters={"learning_rate": (0.1, 0.2)}, folds=2),
        }
    )
    kernels = [
        make_plan(asked, {"search.kernel": f"kernel={kernel}"})
        .stages[1]
        .candidates[0]
        .network.layers[0]
        .kernel
        for kernel in (3, 5, 3)
    ]
    assert kernels == [3, 5, 3]


def test_with_epoch_budget_returns_cached_object() -> None:
    fit = make_plan(study()).fits[0]
    assert fit.with_epoch_budget(None) is fit
    assert fit.with_epoch_budget(2) is fit.with_epoch_budget(2)
    assert (fit.with_epoch_budget(2).epoch_budget, fit.with_epoch_budget(2).trial_id) == (2, fit.id)
    assert fit.with_epoch_budget(fit.recipe.epochs) == fit
