"""Plans and choices of every kind of study are read back from plain values."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from convstudy.plan import Candidate, Choice, Plan, Rung, Stage, make_plan
from convstudy.plan.as_json import choice_as_json, choice_from_json, plan_as_json, plan_from_json
from convstudy.plan.names import names_of
from convstudy.studyfile import Ablate, Range, Search, Study, Variant, load_study
from tests.plan.made import ONE, finished, record, study

RATE = Range(low=0.001, high=0.1, log=True)
STUDIES: dict[str, Study] = {
    "questions": study(),
    "halving": study(
        search={
            "kernel": Search(
                network="one", parameters={"kernel": (1, 2, 3, 4, 5)}, folds=2, method="halving", budget=0.5,
                recipe={"epochs": 4},
            )
        }
    ),
    "random": study(
        search={"rate": Search(network="one", parameters={"learning_rate": RATE}, method="random", trials=3, folds=2)}
    ),
    "tpe": study(
        search={"rate": Search(network="one", parameters={"learning_rate": RATE}, method="tpe", trials=6, folds=2)}
    ),
    "nested": study(search={"kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2, nested=True)}),
    "pairs": study(
        ablate={
            "best": Ablate(
                network="best",
                interactions=True,
                variants={
                    "sgd": Variant(recipe={"optimizer": "sgd"}),
                    "tanh": Variant(activation="tanh"),
                },
            )
        }
    ),
    "only a search": study(network={"one": ONE}, compare={}, ablate={}),
    "built in": load_study("digits"),
}  # fmt: skip


def back(plan: Plan) -> Plan:
    """Return a plan after a way through JSON."""
    text = json.dumps(plan_as_json(plan), allow_nan=False)
    return plan_from_json(json.loads(text), {fit.id: fit for fit in plan.fits}, plan.study.dataset)


@pytest.mark.parametrize("name", STUDIES)
def test_a_plan_before_and_after_its_fits_is_read_back(name: str) -> None:
    before = make_plan(STUDIES[name])
    after, choices, _ = finished(STUDIES[name], lambda _, fit: record(fit, int(fit.id[:4], 16) / 2**16))
    assert choices
    for plan in (before, after):
        assert back(plan) == plan
        # A value that is equal to Python, such as 1 and 1.0, must be the same in a report.
        assert repr(back(plan)) == repr(plan)
    assert [choice_from_json(json.loads(json.dumps(choice_as_json(each)))) for each in choices] == list(
        choices
    )


def test_what_the_studies_cover() -> None:
    assert len(STUDIES) == 8
    plans = {name: make_plan(each) for name, each in STUDIES.items()}
    assert plans["halving"].stages[0].rungs and plans["halving"].stages[0].pending
    assert plans["tpe"].stages[0].pending
    assert {stage.question for stage in plans["nested"].stages} >= {"inner", "nested"}
    assert any(candidate.combines for candidate in plans["pairs"].stage("ablate.best").candidates)


def test_a_choice_of_nothing_is_read_back() -> None:
    choice = Choice("search.kernel", "", (), kept=True)
    assert choice_from_json(choice_as_json(choice)) == choice


def test_no_attribute_of_a_stage_a_candidate_or_a_rung_is_left_out() -> None:
    """One that is added must be added here and there."""
    stage = plan_as_json(make_plan(STUDIES["halving"]))["stages"][0]
    assert [len(fields(each)) for each in (Stage, Candidate, Rung)] == [7, 8, 5]
    # The key of a stage is for readers; network and recipe of a candidate are those of its fits.
    assert [len(stage), len(stage["candidates"][0]), len(stage["rungs"][0])] == [7 + 1, 8 - 2, 5]


def test_names_are_for_readers_and_a_fit_that_is_not_described_is_refused() -> None:
    plan = make_plan(study())
    values = plan_as_json(plan)
    assert values["names"] == names_of(plan)
    del values["names"]
    assert plan_from_json(values, {fit.id: fit for fit in plan.fits}, plan.study.dataset) == plan
    with pytest.raises(KeyError):
        plan_from_json(values, {}, plan.study.dataset)
