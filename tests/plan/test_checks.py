"""Every check fires on a study made for it, and on no clean one."""

from __future__ import annotations

from typing import Any

import pytest

from convstudy.plan import check_plan, make_plan
from convstudy.plan.checks import CHECKS
from convstudy.spec import Ablate, NetworkPattern, Recipe, Search, Variant, load_study
from tests.plan.made import ONE, THREE, TWO, study

SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "idle-layer": (
        {"network": {"one": ONE, "two": TWO, "three": NetworkPattern(layers=("max-pool 1", "flatten"))}},
        "network.three",
    ),
    "unused-network": ({"network": {"one": ONE, "two": TWO, "three": THREE, "four": THREE}}, "network.four"),
    "single-value": (
        {"search": {"kernel": Search(network="one", vary={"kernel": (3,), "batch_size": (10, 20)}, folds=2)}},
        "search.kernel.vary.kernel",
    ),
    "small-budget": (
        {
            "search": {
                "kernel": Search(
                    network="one", vary={"kernel": (3, 5)}, folds=2, method="halving", recipe={"epochs": 3}
                )
            }
        },
        "search.kernel.budget",
    ),
    "dropout-before-batch-norm": (
        {
            "network": {
                "one": ONE,
                "two": TWO,
                "three": NetworkPattern(layers=("max-pool 4", "dropout 0.5", "batch-norm", "flatten")),
            }
        },
        "network.three",
    ),
    "adamw-without-decay": ({"recipe": Recipe(optimizer="adamw")}, "recipe"),
    "single-seed": ({"seeds": 1}, "study.seeds"),
}


def test_a_clean_study_has_no_finding() -> None:
    assert check_plan(make_plan(study())) == ()


def test_every_check_has_a_study_here() -> None:
    assert len(CHECKS) == len(SPOILED) == 7


@pytest.mark.parametrize("check", SPOILED)
def test_a_check_fires_on_the_study_made_for_it_and_no_other_does(check: str) -> None:
    changes, where = SPOILED[check]
    (finding,) = check_plan(make_plan(study(**changes)))
    assert (finding.check, finding.where) == (check, where)
    assert finding.what
    assert finding.mend


def test_weights_between_dropout_and_batch_norm_are_fine() -> None:
    fine = NetworkPattern(
        layers=("max-pool 4", "batch-norm", "dropout 0.5", "flatten", "dense 8", "batch-norm")
    )
    assert check_plan(make_plan(study(network={"one": ONE, "two": TWO, "three": fine}))) == ()


def test_layers_without_weights_hand_the_distorted_variance_on() -> None:
    bad = NetworkPattern(layers=("max-pool 4", "dropout 0.5", "flatten", "activation tanh", "batch-norm"))
    (finding,) = check_plan(make_plan(study(network={"one": ONE, "two": TWO, "three": bad})))
    assert "layer 2" in finding.what
    assert "layer 5" in finding.what


def test_a_variant_with_adamw_and_no_decay_is_pointed_out() -> None:
    (finding,) = check_plan(
        make_plan(
            study(
                recipe=Recipe(weight_decay=0.1),
                ablate={
                    "one": Ablate(
                        network="one",
                        variants={"decayless": Variant(recipe={"optimizer": "adamw", "weight_decay": 0.0})},
                    )
                },
            )
        )
    )
    assert finding.where == "ablate.one.decayless"


def test_a_choice_after_an_opening_of_the_test_set_is_pointed_out() -> None:
    (finding,) = check_plan(make_plan(study()), n_openings=3)
    assert finding.check == "test-set-in-a-choice"
    assert "3" in finding.what
    no_choice = study(
        search={},
        compare={},
        ablate={"x": study().ablate["best"].model_copy(update={"network": "one"})},
        network={"one": ONE},
    )
    assert check_plan(make_plan(no_choice), n_openings=3) == ()


def test_the_notebooks_four_idle_layers_are_found() -> None:
    findings = [
        finding for finding in check_plan(make_plan(load_study("mnist"))) if finding.check == "idle-layer"
    ]
    assert len(findings) == 4
    assert {finding.where for finding in findings} == {"network.six-conv"}
    assert [finding.what.split(",")[0] for finding in findings] == [
        "layer 2",
        "layer 6",
        "layer 10",
        "layer 14",
    ]
    assert all('"max-pool 1"' in finding.what for finding in findings)
