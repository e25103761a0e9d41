"""Screening: the schedule keeps its budget, trains longer before it adds folds, and ends with three candidates."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.plan import (
    Candidate,
    Fit,
    Stage,
    halving_epochs,
    halving_schedule,
    make_plan,
    plan_cost,
    resolve,
    screening_schedule,
)
from convstudy.record import Record
from convstudy.studyfile import Recipe, Search, Study
from tests.plan.made import failed, finished, record, study


def _rungs(*values: Any) -> list[tuple[int, int, int]]:
    return [(rung.n_candidates, rung.n_folds, rung.n_epochs) for rung in screening_schedule(*values)]


def test_schedule_equals_hand_calculation() -> None:
    # 9 candidates, 5 folds of 20 epochs, 0.15 of 900 epochs are 135. First 135 / 5 / 9 = 3 epochs each, 27 spent. Then
    # 3 + 108 / 3 = 39 fold-epochs: all 20 epochs of one fold, because two folds need 40.
    assert _rungs(9, 5, 20, 0.15) == [(9, 1, 3), (3, 1, 20)]
    assert halving_epochs(screening_schedule(9, 5, 20, 0.15)) == 27 + 3 * 17
    # 0.16 of 900 are 144: 144 / 5 / 9 = 3.2, again 27 spent, and 3 + 117 / 3 = 42: two folds.
    assert _rungs(9, 5, 20, 0.16) == [(9, 1, 3), (3, 2, 20)]
    # 100 candidates, 800 of 10,000 epochs, 160 for the first rung and 213 1/3 for each other: 1 epoch, 100 spent. Then
    # 1 + 273 1/3 / 25 = 11, 350 spent. Then 11 + 236 2/3 / 7 = 44: 2 folds x 20, 553 spent. Then 40 + 247 / 3 = 122.
    assert _rungs(100, 5, 20, 0.08) == [(100, 1, 1), (25, 1, 11), (7, 2, 20), (3, 5, 20)]


@pytest.mark.parametrize(
    ("values", "rungs"),
    [
        ((1, 5, 20, 0.15), [(1, 1, 15)]),  # one candidate: one rung with the whole budget
        ((3, 5, 20, 0.15), [(3, 1, 15)]),  # three candidates: no rung can eliminate
        ((4, 5, 20, 0.15), [(4, 1, 3), (3, 1, 19)]),
        ((16, 5, 20, 0.15), [(16, 1, 3), (3, 3, 20)]),  # a quarter is 4: promote 3 at once
        ((17, 5, 20, 0.15), [(17, 1, 3), (5, 1, 20), (3, 2, 20)]),
        ((8, 5, 1, 0.5), [(8, 1, 1), (3, 5, 1)]),  # one epoch: only the number of folds can grow
        ((8, 3, 1, 0.15), [(8, 1, 1), (3, 1, 1)]),  # the minimum exceeds the budget
        ((2, 3, 4, 1.0), [(2, 3, 4)]),  # the full grid
    ],
)
def test_schedule_edge_cases(values: tuple[int, int, int, float], rungs: list[tuple[int, int, int]]) -> None:
    assert _rungs(*values) == rungs


@settings(deadline=None)
@given(
    st.integers(1, 300),
    st.integers(1, 12),
    st.integers(1, 200),
    st.sampled_from([0.01, 0.05, 0.08, 0.15, 0.3, 0.7, 1.0]) | st.floats(1e-6, 1.0),
)
def test_schedule_keeps_budget_and_prefers_epochs(n: int, folds: int, epochs: int, budget: float) -> None:
    rungs = screening_schedule(n, folds, epochs, budget)
    allowed = Fraction(str(budget)) * n * folds * epochs
    assert halving_epochs(rungs) <= max(allowed, n)
    assert rungs[0].n_candidates == n
    assert rungs[-1].n_candidates == min(n, 3)
    for before, after in pairwise(rungs):
        quarter = -(-before.n_candidates // 4)
        assert after.n_candidates == (quarter if quarter > 4 else 3) < before.n_candidates
        assert after.n_folds >= before.n_folds
        assert after.n_epochs >= before.n_epochs
    for rung in rungs:
        assert 1 <= rung.n_folds <= folds
        assert 1 <= rung.n_epochs <= epochs
        assert rung.n_folds == 1 or rung.n_epochs == epochs  # no second fold before the last epoch


def test_finalists_train_longer_than_in_halving() -> None:
    for n in (5, 9, 12):
        assert screening_schedule(n, 5, 20, 0.15)[-1].n_epochs > halving_schedule(n, 5, 20, 0.15)[-1].n_epochs


# The stage

KERNELS = (1, 2, 3, 4, 5)


def screening_study(**search: Any) -> Study:
    """Return a study that screens five kernels; its rungs (candidates × folds × epochs) are 5 × 1 × 1 and 3 × 1 × 4."""
    values = {
        "network": "one",
        "parameters": {"kernel": KERNELS},
        "folds": 2,
        "method": "screening",
        "budget": 0.4,
    }
    return study(recipe=Recipe(epochs=4), search={"kernel": Search(**{**values, **search})})


def _stage(asked: Study) -> Stage:
    return make_plan(asked).stage("search.kernel")


def _sizes(stage: Stage) -> list[tuple[int, int, int]]:
    return [(rung.size.n_candidates, rung.size.n_folds, rung.size.n_epochs) for rung in stage.rungs]


def _crossing(candidate: Candidate, fit: Fit) -> Record:
    """Larger kernels are better after the first epoch, and smaller ones after the last."""
    kernel = int(candidate.values.get("kernel", 0))
    return record(fit, 0.5 + kernel / 20 if fit.epoch_budget == 1 else 0.9 - kernel / 20)


def test_replay_of_hand_worked_case() -> None:
    """After one epoch, 3, 4 and 5 are the best three; of these, 3 is the best after four epochs."""
    asked = screening_study()
    stage = _stage(asked)
    assert _sizes(stage) == [(5, 1, 1), (3, 1, 4)]
    assert [fit.epoch_budget for fit in stage.fits] == [1] * 5
    assert [fit.epoch_budget for fit in stage.pending] == [None] * 3  # all four epochs
    plan, choices, records = finished(asked, _crossing)
    stage = plan.stage("search.kernel")
    assert [rung.promoted for rung in stage.rungs] == [("kernel=3", "kernel=4", "kernel=5"), ("kernel=3",)]
    assert choices[0].chosen == "kernel=3"
    assert stage.pending == ()
    assert [stage.eliminated_in(candidate.name) for candidate in stage.candidates] == [1, 1, None, 2, 2]
    assert all(fit.id in records for fit in stage.fits)


def test_second_rung_resumes_the_fits_of_the_first() -> None:
    plan, _, _ = finished(screening_study(), _crossing)
    stage = plan.stage("search.kernel")
    first, second = ({fit.trial_id for fit in rung.fits} for rung in stage.rungs)
    assert second < first
    expected = halving_epochs(tuple(rung.size for rung in stage.rungs))
    n_images = plan_cost(stage.candidates[0].fits[:1]).images // stage.candidates[0].fits[0].n_epochs
    assert plan_cost(stage.fits).images == expected * n_images
    assert expected == 5 + 3 * 3


def test_planned_cost_equals_trained_cost() -> None:
    asked = screening_study(subset=100)
    stage = _stage(asked)
    planned = plan_cost([*stage.fits, *stage.pending]).images
    plan, _, _ = finished(asked, _crossing)
    assert plan_cost(plan.stage("search.kernel").fits).images == planned


def test_halving_and_grid_share_fits_with_screening() -> None:
    screened = {fit.trial_id for fit in _stage(screening_study()).fits}
    grid = {fit.id for fit in _stage(screening_study(method="grid", budget=0.15)).fits}
    assert screened < grid


def test_candidate_with_failed_fit_is_eliminated() -> None:
    def make(candidate: Candidate, fit: Fit) -> Record:
        return failed(fit) if candidate.values.get("kernel") in (4, 5) else _crossing(candidate, fit)

    plan, choices, _ = finished(screening_study(), make)
    stage = plan.stage("search.kernel")
    assert stage.rungs[0].promoted == ("kernel=1", "kernel=2", "kernel=3")
    assert choices[0].chosen == "kernel=1"


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_choices_do_not_depend_on_order_of_records(seed: int, shuffler: random.Random) -> None:
    def make(candidate: Candidate, fit: Fit) -> Record:
        rng = random.Random(f"{seed} {fit.id}")
        return (
            failed(fit) if rng.random() < 0.1 else record(fit, rng.choice([0.5, 0.6]), rng.choice([1.0, 2.0]))
        )

    plan, choices, records = finished(screening_study(), make)
    items = list(records.items())
    shuffler.shuffle(items)
    assert resolve(screening_study(), dict(items)) == (plan, choices)
