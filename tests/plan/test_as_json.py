"""Plans and choices of all kinds of studies are converted to JSON and back."""

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
    "screening": study(
        search={
            "kernel": Search(
                network="one", parameters={"kernel": (1, 2, 3, 4, 5)}, folds=2, method="screening", budget=0.5,
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
    "added seeds": study(max_seeds=10),
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
    """Return a plan after conversion to JSON text and back."""
    text = json.dumps(plan_as_json(plan), allow_nan=False)
    return plan_from_json(json.loads(text), {fit.id: fit for fit in plan.fits}, plan.study.dataset)


@pytest.mark.parametrize("name", STUDIES)
def test_plan_and_choices_round_trip_through_json(name: str) -> None:
    before = make_plan(STUDIES[name])
    after, choices, _ = finished(STUDIES[name], lambda _, fit: record(fit, int(fit.id[:4], 16) / 2**16))
    assert choices
    for plan in (before, after):
        assert back(plan) == plan
        # repr distinguishes 1 from 1.0, which are equal in Python but differ in a report.
        assert repr(back(plan)) == repr(plan)
    assert [choice_from_json(json.loads(json.dumps(choice_as_json(each)))) for each in choices] == list(
        choices
    )


def test_round_trip_studies_cover_all_stage_types() -> None:
    assert len(STUDIES) == 10
    plans = {name: make_plan(each) for name, each in STUDIES.items()}
    assert plans["halving"].stages[0].rungs and plans["halving"].stages[0].pending
    assert plans["tpe"].stages[0].pending
    assert {stage.question for stage in plans["nested"].stages} >= {"inner", "nested"}
    assert any(candidate.combines for candidate in plans["pairs"].stage("ablate.best").candidates)


def test_empty_choice_round_trips_through_json() -> None:
    choice = Choice("search.kernel", "", (), kept=True)
    assert choice_from_json(choice_as_json(choice)) == choice


def test_json_has_all_attributes_of_stages_candidates_and_rungs() -> None:
    """A new attribute must be added here and to as_json."""
    stage = plan_as_json(make_plan(STUDIES["halving"]))["stages"][0]
    assert [len(fields(each)) for each in (Stage, Candidate, Rung)] == [9, 8, 5]
    # A stage also has its key, for readers. Network and recipe of a candidate are read from its fits.
    assert [len(stage), len(stage["candidates"][0]), len(stage["rungs"][0])] == [9 + 1, 8 - 2, 5]


def test_plan_from_json_ignores_names_and_needs_all_fits() -> None:
    plan = make_plan(study())
    values = plan_as_json(plan)
    assert values["names"] == names_of(plan)
    del values["names"]
    assert plan_from_json(values, {fit.id: fit for fit in plan.fits}, plan.study.dataset) == plan
    with pytest.raises(KeyError):
        plan_from_json(values, {}, plan.study.dataset)
