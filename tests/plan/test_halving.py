"""Successive halving: the schedule keeps its budget, and each rung promotes the better half."""

from __future__ import annotations

import math
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
    Plan,
    Stage,
    choose,
    halving_epochs,
    halving_schedule,
    make_plan,
    plan_cost,
    resolve,
)
from convstudy.record import Record
from convstudy.studyfile import Recipe, Search, Study
from tests.plan.made import failed, finished, record, study


def _rungs(*values: Any) -> list[tuple[int, int, int]]:
    return [(rung.n_candidates, rung.n_folds, rung.n_epochs) for rung in halving_schedule(*values)]


def test_schedule_equals_hand_calculation() -> None:
    assert _rungs(16, 5, 20, 0.15) == [(16, 1, 3), (8, 2, 6), (4, 3, 9), (2, 4, 14)]
    assert halving_epochs(halving_schedule(16, 5, 20, 0.15)) == 48 + 8 * 9 + 4 * 15 + 2 * 29 == 238
    # 5 candidates, 2 folds of 4 epochs, half of 40 epochs, 20/3 per rung. First 20/3 / 5: 1 each, 5 spent. Then
    # 1 + (40/3 - 5) / 3 = 3.8: 1 x 3 is more balanced than 2 x 1 (1/2 : 3/4 against 1 : 1/4); 11 spent. Then
    # 3 + (20 - 11) / 2 = 7.5: 2 x 3.
    assert _rungs(5, 2, 4, 0.5) == [(5, 1, 1), (3, 1, 3), (2, 2, 3)]


@pytest.mark.parametrize(
    ("values", "rungs"),
    [
        ((1, 5, 20, 0.15), [(1, 2, 7)]),  # one candidate: one rung
        ((2, 5, 20, 0.15), [(2, 2, 7)]),
        ((8, 5, 1, 0.5), [(8, 1, 1), (4, 2, 1), (2, 5, 1)]),  # one epoch: only the number of folds can grow
        ((8, 3, 1, 0.15), [(8, 1, 1), (4, 1, 1), (2, 1, 1)]),  # the minimum exceeds the budget
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
    st.sampled_from([0.01, 0.05, 0.1, 0.15, 0.3, 0.7, 1.0]) | st.floats(1e-6, 1.0),
)
def test_schedule_never_exceeds_budget(n: int, folds: int, epochs: int, budget: float) -> None:
    rungs = halving_schedule(n, folds, epochs, budget)
    expected = Fraction(str(budget)) * n * folds * epochs
    assert halving_epochs(rungs) <= max(expected, n)
    assert len(rungs) == max(1, math.ceil(math.log2(n)))
    assert rungs[0].n_candidates == n
    for before, after in pairwise(rungs):
        assert after.n_candidates == math.ceil(before.n_candidates / 2)
        assert after.n_folds >= before.n_folds
        assert after.n_epochs >= before.n_epochs
    assert math.ceil(rungs[-1].n_candidates / 2) == 1
    assert all(1 <= rung.n_folds <= folds and 1 <= rung.n_epochs <= epochs for rung in rungs)


@pytest.mark.parametrize(
    "values", [(16, 5, 20, 0.15), (25, 5, 20, 0.15), (25, 5, 50, 0.15), (60, 3, 30, 0.1)]
)
def test_schedule_uses_most_of_budget(values: tuple[int, int, int, float]) -> None:
    assert halving_epochs(halving_schedule(*values)) > 0.95 * math.prod(values)


# The stage

KERNELS = (1, 2, 3, 4, 5)


def halving_study(**search: Any) -> Study:
    """Return a study with a halving search over five kernels, 2 folds and 4 epochs.

    Its rungs (candidates × folds × epochs) are 5 × 1 × 1, 3 × 1 × 3 and 2 × 2 × 3.
    """
    values = {
        "network": "one",
        "parameters": {"kernel": KERNELS},
        "folds": 2,
        "method": "halving",
        "budget": 0.5,
    }
    return study(recipe=Recipe(epochs=4), search={"kernel": Search(**{**values, **search})})


def _stage(plan: Plan) -> Stage:
    return plan.stage("search.kernel")


def _by_kernel(**accuracies: float) -> Any:
    """Return a function that makes records: ``k3=0.9`` sets kernel 3's accuracy (default 0.5; below 0: failed)."""

    def make(candidate: Candidate, fit: Fit) -> Record:
        accuracy = accuracies.get(f"k{candidate.values.get('kernel')}", 0.5)
        return failed(fit) if accuracy < 0 else record(fit, accuracy)

    return make


def test_halving_stage_advances_rung_by_rung() -> None:
    asked = halving_study()
    stage = _stage(make_plan(asked))
    assert [(r.size.n_candidates, r.size.n_folds, r.size.n_epochs) for r in stage.rungs] == [
        (5, 1, 1),
        (3, 1, 3),
        (2, 2, 3),
    ]
    assert [rung.evaluated for rung in stage.rungs] == [tuple(f"kernel={k}" for k in KERNELS), (), ()]
    assert [[fit.epoch_budget for fit in c.fits] for c in stage.candidates] == [[1]] * 5
    assert [(fit.epoch_budget, fit.seed) for fit in stage.pending] == [(3, 0), (3, 0), (3, 0), (3, 1), (3, 1)]
    assert stage.grid_epochs == 5 * 2 * 4

    records = {c.fits[0].id: record(c.fits[0], c.values["kernel"] / 10) for c in stage.candidates[:-1]}
    assert resolve(asked, records)[0] == make_plan(asked)  # the last one is missing
    last = stage.candidates[-1].fits[0]
    records[last.id] = record(last, 0.0)
    plan, choices = resolve(asked, records)
    assert choices == ()
    stage = _stage(plan)
    first, second, third = stage.rungs
    assert first.decided
    assert first.promoted == second.evaluated == ("kernel=2", "kernel=3", "kernel=4")
    assert (second.decided, third.evaluated) == (False, ())
    assert [[fit.epoch_budget for fit in c.fits] for c in stage.candidates] == [[1], [3], [3], [3], [1]]
    assert [stage.eliminated_in(c.name) for c in stage.candidates] == [1, None, None, None, 1]
    # Trained fits stay in the plan, and the number of fits does not change.
    assert set(records) <= {fit.id for fit in plan.settled_fits}
    assert len(plan.fits) == len(make_plan(asked).fits)
    assert not {fit.id for fit in stage.pending} & {fit.id for fit in plan.settled_fits}


def test_halving_chooses_best_of_last_rung() -> None:
    plan, choices, records = finished(halving_study(), _by_kernel(k2=0.6, k4=0.9))
    assert choices[0].chosen == "kernel=4"
    stage = _stage(plan)
    assert [rung.promoted for rung in stage.rungs] == [
        ("kernel=1", "kernel=2", "kernel=4"),  # ties are broken by the order of the study
        ("kernel=2", "kernel=4"),
        ("kernel=4",),
    ]
    assert stage.pending == ()
    assert stage.finalists == {"kernel=2", "kernel=4"}
    assert len(stage.fits) == 5 + 3 + 2  # of the last rung's four fits, two are those of the rung before
    assert all(fit.id in records for fit in plan.fits)
    assert plan.fits == plan.settled_fits
    assert plan.stage("compare.all").candidate("one").values == {"kernel": 4}


def test_eliminated_candidate_is_not_chosen_despite_best_score() -> None:
    """A score on fewer folds and epochs can be too high; an eliminated candidate stays eliminated."""

    def make(candidate: Candidate, fit: Fit) -> Record:
        if "kernel=" not in candidate.name:
            return record(fit)
        if fit.epoch_budget == 1:
            return record(fit, {1: 0.99, 2: 0.98, 3: 0.97, 4: 0.96, 5: 0.95}[candidate.values["kernel"]])
        return record(fit, 0.1 * candidate.values["kernel"])

    _, choices, _ = finished(halving_study(), make)
    assert choices[0].chosen == "kernel=3"
    assert choices[0].scores[3].scores["accuracy"] == 0.96


def test_candidate_with_failed_fit_is_eliminated() -> None:
    plan, choices, _ = finished(halving_study(), _by_kernel(k5=-1, k4=-1, k3=0.9))
    assert choices[0].chosen == "kernel=3"
    assert _stage(plan).rungs[0].promoted == ("kernel=1", "kernel=2", "kernel=3")
    # One candidate remains: later rungs are not needed.
    plan, choices, _ = finished(halving_study(), _by_kernel(k1=-1, k2=-1, k4=-1, k5=-1))
    assert choices[0].chosen == "kernel=3"
    assert [rung.evaluated for rung in _stage(plan).rungs[1:]] == [(), ()]
    assert len(_stage(plan).fits) == 5
    # No candidate remains.
    plan, choices, _ = finished(halving_study(), _by_kernel(k1=-1, k2=-1, k3=-1, k4=-1, k5=-1))
    assert [choice.chosen for choice in choices] == [""]
    assert plan.stage("compare.all").candidate("one").depends_on == ("search.kernel",)


def test_search_cost_equals_schedule_cost() -> None:
    asked = halving_study(subset=100)  # folds of 50 images each
    stage = _stage(make_plan(asked))
    n_images = plan_cost(stage.candidates[0].fits).images
    expected = halving_epochs(tuple(rung.size for rung in stage.rungs)) * n_images
    assert plan_cost([*stage.fits, *stage.pending]).images == expected
    plan, _, _ = finished(asked, _by_kernel(k5=0.9))
    assert plan_cost(_stage(plan).fits).images == expected


def test_full_budget_trains_the_grid() -> None:
    plan, _, _ = finished(halving_study(parameters={"kernel": (3, 5)}, budget=1.0), _by_kernel())
    grid = make_plan(halving_study(parameters={"kernel": (3, 5)}, method="grid", budget=0.15))
    assert {fit.id for fit in _stage(plan).fits} == {fit.id for fit in _stage(grid).fits}


def test_blocked_halving_search_stays_in_first_rung() -> None:
    searches = {
        "rate": Search(network="one", parameters={"learning_rate": (0.1, 0.01)}, folds=2),
        "kernel": halving_study().search["kernel"],
    }
    stage = make_plan(study(recipe=Recipe(epochs=4), search=searches)).stage("search.kernel")
    assert stage.depends_on == ("search.rate",)
    every = {fit.id: record(fit) for fit in (*stage.fits, *stage.pending)}
    assert (
        make_plan(study(recipe=Recipe(epochs=4), search=searches), {}, every).stage("search.kernel") == stage
    )
    assert choose(stage, every) is None


def test_single_candidate_is_trained_and_chosen() -> None:
    plan, choices, _ = finished(halving_study(parameters={"kernel": (3,)}), _by_kernel())
    assert choices[0].chosen == "kernel=3"
    assert len(_stage(plan).rungs) == 1


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_choices_do_not_depend_on_order_of_records(seed: int, shuffler: random.Random) -> None:
    def make(candidate: Candidate, fit: Fit) -> Record:
        rng = random.Random(f"{seed} {fit.id}")
        if rng.random() < 0.1:
            return failed(fit)
        return record(fit, rng.choice([0.5, 0.6]), rng.choice([1.0, 2.0]), rng.choice([10, 20]))

    plan, choices, records = finished(halving_study(), make)
    items = list(records.items())
    shuffler.shuffle(items)
    assert resolve(halving_study(), dict(items)) == (plan, choices)
