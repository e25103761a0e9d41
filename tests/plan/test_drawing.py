"""Random candidates: different, in range, uniform, and the same on every machine and in every version."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.plan import Plan, choose, make_plan
from convstudy.plan.drawing import drawn, space_size, space_text, value_at
from convstudy.studyfile import Range, Search, Study
from tests.plan.made import finished, record, study

LOG = Range(low=1e-4, high=1e-1, log=True)
SPACE: dict[str, Any] = {
    "kernel": Range(low=1, high=7, step=2),
    "learning_rate": LOG,
    "optimizer": ("adam", "sgd"),
}


KNOWN: list[dict[str, Any]] = [
    {"kernel": 7, "learning_rate": 0.04254, "optimizer": "adam"},
    {"kernel": 5, "learning_rate": 0.03648, "optimizer": "adam"},
    {"kernel": 5, "learning_rate": 0.08283, "optimizer": "adam"},
]


def test_known_draws_are_stable() -> None:
    """Recorded: a change would give other candidates to every existing random search."""
    assert drawn(SPACE, 3) == KNOWN
    assert drawn(SPACE, 200)[:3] == KNOWN, "more trials keep the earlier candidates"
    shuffled = {key: SPACE[key] for key in reversed(SPACE)}
    assert drawn(shuffled, 3) == KNOWN, "the order of keys has no effect"
    assert [list(row) for row in drawn(shuffled, 3)] == [list(shuffled)] * 3
    assert drawn({**SPACE, "optimizer": ("adam", "rmsprop")}, 3) != KNOWN


def test_draws_differ_and_are_in_range() -> None:
    rows = drawn(SPACE, 500)
    assert len({tuple(row.values()) for row in rows}) == 500
    for row in rows:
        assert row["kernel"] in (1, 3, 5, 7)
        assert isinstance(row["kernel"], int)
        assert 1e-4 <= row["learning_rate"] <= 1e-1
        assert float(f"{row['learning_rate']:.4g}") == row["learning_rate"]
        assert row["optimizer"] in ("adam", "sgd")


def test_draws_are_uniform() -> None:
    n = 4000
    rows = drawn(
        {"rate": Range(low=0.0, high=1.0), "log": LOG, "list": (1, 2, 3, 4), "whole": Range(low=0, high=4)}, n
    )
    rates = [row["rate"] for row in rows]
    # Means of uniform draws, within five standard errors.
    assert math.fsum(rates) / n == pytest.approx(0.5, abs=5 * math.sqrt(1 / 12 / n))
    logs = [math.log10(row["log"]) for row in rows]
    assert math.fsum(logs) / n == pytest.approx(-2.5, abs=5 * 3 * math.sqrt(1 / 12 / n))
    for key, size in (("list", 4), ("whole", 5)):
        counts = Counter(row[key] for row in rows)
        assert len(counts) == size
        assert all(abs(count - n / size) < 5 * math.sqrt(n / size) for count in counts.values())
    # Keys are drawn independently: both are low in a quarter of the draws.
    both = sum(row["rate"] < 0.5 and row["list"] < 3 for row in rows)
    assert both == pytest.approx(n / 4, abs=5 * math.sqrt(n * 3 / 16))


def test_integers_on_log_scale_have_log_uniform_probability() -> None:
    tried = Range(low=1, high=100, log=True)
    values = [value_at(tried, fraction / 10_000) for fraction in range(10_000)]
    assert set(values) == set(range(1, 101))
    # The integer 1 has the interval from 0.5 to 1.5, of all from 0.5 to 100.5.
    assert values.count(1) == pytest.approx(10_000 * math.log(3) / math.log(201), abs=2)
    assert values.count(10) == pytest.approx(10_000 * math.log(10.5 / 9.5) / math.log(201), abs=2)


@settings(deadline=None)
@given(st.floats(0, 1, exclude_max=True), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_draws_stay_in_range(fraction: float, low: float, width: float) -> None:
    if low + width > low:
        value = value_at(Range(low=low, high=low + width), fraction)
        assert low <= value <= low + width  # type: ignore[operator]


def test_small_space_is_drawn_completely() -> None:
    skewed = {"a": Range(low=1, high=1000, log=True)}
    assert space_size(skewed) == 1000
    assert len({row["a"] for row in drawn(skewed, 999)}) == 999
    assert len(drawn({"a": (1, 2, 3)}, 5)) == 3
    # This range has only three numbers with four significant digits.
    assert len(drawn({"a": Range(low=0.1, high=0.1002)}, 50)) == 3
    assert space_size({"a": Range(low=0.1, high=0.1002)}) is None


def test_equal_values_of_other_types_are_distinct() -> None:
    assert space_text({"a": (1, 0)}) != space_text({"a": (1.0, 0.0)})
    assert {type(row["a"]) for row in drawn({"a": (1, 0)}, 2)} == {int}
    assert {type(row["a"]) for row in drawn({"a": (1.0, 0.0)}, 2)} == {float}
    assert {type(row["a"]) for row in drawn({"a": (True, False)}, 2)} == {bool}


# The stage


def randomly(**search: Any) -> Study:
    """Return a study whose random search has six trials."""
    values = {"network": "one", "parameters": SPACE, "folds": 2, "method": "random", "trials": 6}
    return study(search={"kernel": Search(**{**values, **search})})


def _stage_of(plan: Plan) -> Any:
    return plan.stage("search.kernel")


def test_random_search_has_one_candidate_per_trial() -> None:
    stage = _stage_of(make_plan(randomly()))
    assert len(stage.candidates) == stage.n_candidates == 6
    assert [candidate.values for candidate in stage.candidates] == drawn(SPACE, 6)
    assert all(len(candidate.fits) == 2 for candidate in stage.candidates)
    assert {fit.epoch_budget for fit in stage.fits} == {None}
    assert (stage.pending, stage.rungs, stage.grid_epochs) == ((), (), None)
    assert stage.candidates[0].recipe.learning_rate == stage.candidates[0].values["learning_rate"]
    assert stage.candidates[0].name == ", ".join(f"{k}={v}" for k, v in stage.candidates[0].values.items())
    # More trials keep the earlier candidates, and the name of the study has no effect on draws.
    more = _stage_of(make_plan(randomly(trials=9)))
    assert more.candidates[:6] == stage.candidates
    other = _stage_of(make_plan(randomly().model_copy(update={"name": "other"})))
    assert other.candidates == stage.candidates


def test_space_not_larger_than_trials_is_grid() -> None:
    few = {"kernel": Range(low=1, high=3), "optimizer": ("adam", "sgd")}
    stage = _stage_of(make_plan(randomly(parameters=few)))
    listed = {"kernel": (1, 2, 3), "optimizer": ("adam", "sgd")}
    grid = _stage_of(make_plan(study(search={"kernel": Search(network="one", parameters=listed, folds=2)})))
    assert stage == grid
    assert stage.grid_epochs == 6 * 2 * 20
    assert len(_stage_of(make_plan(randomly(parameters=few, trials=5))).candidates) == 5


def test_grid_epochs_sum_over_searched_epochs() -> None:
    stage = _stage_of(
        make_plan(randomly(parameters={"epochs": Range(low=1, high=4), "kernel": (1, 2, 3)}, trials=2))
    )
    assert stage.grid_epochs == 3 * 2 * (1 + 2 + 3 + 4)


def test_random_search_chooses_best_candidate() -> None:
    rng = random.Random(1)
    plan, choices, _ = finished(randomly(), lambda candidate, fit: record(fit, rng.random()))
    assert choices[0].chosen in {candidate.name for candidate in _stage_of(plan).candidates}
    scores = {score.name: score.scores["accuracy"] for score in choices[0].scores}
    assert scores[choices[0].chosen] == max(scores.values())
    assert choose(_stage_of(plan), {}) is None
    one = plan.stage("compare.all").candidate("one")
    assert ", ".join(f"{key}={value}" for key, value in one.values.items()) == choices[0].chosen
