"""Checks before training: each fires on a study made for it and not on a clean study."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import stdtrit

from convstudy.checks import Finding, check_plan
from convstudy.data import Dataset
from convstudy.plan import make_plan
from convstudy.studyfile import (
    Ablate,
    BlockPattern,
    Compare,
    NetworkPattern,
    Range,
    Recipe,
    Search,
    Study,
    Variant,
    check_study,
    load_study,
)
from tests.checks.made import N_EPOCHS, ONE, TWO, study

FINE = {"one": ONE, "two": TWO}
DECAYLESS = Variant(recipe={"optimizer": "adamw", "weight_decay": 0.0})
SGD = Variant(recipe={"optimizer": "sgd"})


BLOCKS = {
    "used": BlockPattern(layers=("conv 1 1",)),
    "outer": BlockPattern(layers=("residual used",)),
    "spare": BlockPattern(layers=("block used",)),
}


def with_layers(*layers: Any) -> dict[str, Any]:
    """Return changes to the study that add and compare a network, without searches."""
    return {
        "network": {**FINE, "three": NetworkPattern(layers=layers)},
        "search": {},
        "compare": {"all": Compare(networks=("one", "two", "three"))},
    }


def searching(**search: Any) -> dict[str, Any]:
    """Return changes to the study that set the searches of both networks."""
    values = {"parameters": {"kernel": (3, 5)}, "folds": 5, **search}
    return {"search": {name: Search(network=name, **values) for name in FINE}}


FIRES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "no-op-layer": (with_layers("conv 4 3 relu", "max-pool 1", "flatten"), ("network.three",)),
    "unused-network": ({"network": {**FINE, "four": TWO}}, ("network.four",)),
    "unused-block": (
        {**with_layers("max-pool 4", "block outer", "flatten"), "block": BLOCKS},
        ("block.spare",),
    ),
    "dropout-before-batch-norm": (
        with_layers("max-pool 4", "dropout 0.5", "batch-norm", "flatten"),
        ("network.three",),
    ),
    "batch-norm-at-its-start": (
        # 3,000 images, of which 2,700 train: 27 steps an epoch
        {
            **with_layers("conv 4 3 relu", "batch-norm", "flatten"),
            "subset": 3000,
            "recipe": Recipe(epochs=8),
            "equivalence_margin": 0.5,
        },
        ("compare.all: three",),
    ),
    "norm-over-one-value": (
        {
            **with_layers("max-pool 7", "flatten", "dense 8", "batch-norm"),
            "recipe": Recipe(epochs=N_EPOCHS, batch_size=1),
        },
        ("compare.all: three",),
    ),
    "adamw-without-decay": ({"recipe": Recipe(optimizer="adamw")}, ("recipe",)),
    "shared-learning-rate": (
        {"ablate": {"one": Ablate(network="one", variants={"sgd": SGD})}},
        ("ablate.one.sgd",),
    ),
    "single-value": (
        searching(parameters={"kernel": (3,), "batch_size": (100, 200)}),
        ("search.one.parameters.kernel", "search.two.parameters.kernel"),
    ),
    "small-budget": (
        searching(folds=2, method="halving", recipe={"epochs": 3}),
        ("search.one.budget", "search.two.budget"),
    ),
    "unequal-tuning": (
        {"search": {"one": Search(network="one", parameters={"kernel": (3, 5)})}},
        ("compare.all",),
    ),
    "few-validation-images": ({"subset": 2900}, ("study.equivalence_margin",)),
    "single-seed": ({"seeds": 1}, ("study.seeds",)),
    "few-seeds": ({"seeds": 2}, ("study.seeds",)),
    "test-set-in-a-choice": ({"n_test_evaluations": 3}, ("study.dataset",)),
    "accuracy-on-imbalanced-classes": ({"class_counts": (3001, *[1500] * 8, 1000)}, ("study.metric",)),
    "classes-balanced-twice": (
        {
            "recipe": Recipe(epochs=N_EPOCHS, class_weights="balanced", logit_adjustment=0.5),
            "ablate": {
                "best": Ablate(
                    network="best",
                    variants={
                        "sampled": Variant(recipe={"class_weights": "none", "sampling": "balanced"}),
                        "alone": Variant(recipe={"logit_adjustment": 0.0}),
                    },
                )
            },
        },
        ("recipe", "ablate.best.sampled"),
    ),
}


def reported(
    case: Study, n_test_evaluations: int = 0, class_counts: tuple[int, ...] = ()
) -> tuple[Finding, ...]:
    """Return the findings before training."""
    return check_plan(make_plan(case), n_test_evaluations, class_counts).reported


def test_clean_study_has_no_findings() -> None:
    case = study()
    check_study(case)
    assert reported(case) == ()


@pytest.mark.parametrize("check", FIRES)
def test_only_this_check_fires_on_the_study_made_for_it(check: str) -> None:
    changes, where = FIRES[check]
    changes = dict(changes)
    n_test_evaluations, counts = changes.pop("n_test_evaluations", 0), changes.pop("class_counts", ())
    case = study(**changes)
    check_study(case)
    found = reported(case, n_test_evaluations, counts)
    assert [(finding.check, finding.where) for finding in found] == [(check, each) for each in where]
    assert all(finding.what and finding.hint for finding in found)


@pytest.mark.parametrize(
    ("layers", "batch_size", "layer"),
    [
        (("flatten", "dense 4", "batch-norm", "dense 4", "batch-norm"), 1, 3),
        (("conv 4 28", "batch-norm", "flatten"), 1, 2),  # an image of 1 × 1
        (("global-average-pool", "batch-norm"), 1, 2),
        (("flatten", "dense 4", "batch-norm"), 2, None),
        (("conv 4 27", "batch-norm", "flatten"), 1, None),  # four positions
        (("flatten", "dense 4", "layer-norm"), 1, None),
        (("flatten", "dense 4", "group-norm 2"), 1, None),
    ],
)
def test_batch_norm_over_one_value_needs_batch_size_one_and_one_position(
    layers: tuple[str, ...], batch_size: int, layer: int | None
) -> None:
    case = study(**with_layers(*layers), recipe=Recipe(epochs=N_EPOCHS, batch_size=batch_size))
    found = [finding for finding in reported(case) if finding.check == "norm-over-one-value"]
    assert [finding.where for finding in found] == ["compare.all: three"] * (layer is not None)
    assert all(f"the batch-norm of layer {layer} sees one value" in finding.what for finding in found)


def test_few_validation_images_counts_the_folds_of_the_last_rung() -> None:
    # Of 4,000 images in 5 folds, screening of two kernels uses one fold, and a grid all.
    case = study(subset=4000, **searching(method="screening"))
    assert {stage.rungs[-1].size.n_folds for stage in make_plan(case).stages if stage.rungs} == {1}
    found = [finding for finding in reported(case) if finding.check == "few-validation-images"]
    assert len(found) == 1
    assert all(f"800 in search.{name}" in found[0].what for name in FINE)
    case = study(
        subset=4000, **searching(method="screening", budget=0.4, parameters={"kernel": (2, 3, 4, 5, 6)})
    )
    rungs = next(stage.rungs for stage in make_plan(case).stages if stage.rungs)
    assert [rung.size.n_folds for rung in rungs] == [1, 3]
    found = [finding for finding in reported(case) if finding.check == "few-validation-images"]
    assert all(f"2,400 in search.{name}" in found[0].what for name in FINE)
    (whole,) = (each for each in reported(study(subset=2900, **searching())) if each.check == found[0].check)
    assert all(f"2,900 in search.{name}" in whole.what for name in FINE)


def test_few_validation_images_asks_for_images_of_different_groups() -> None:
    images = np.random.default_rng(0).integers(0, 256, (400, 28, 28), dtype=np.uint8)
    for groups, end in ((None, "images"), (np.arange(400) // 5, "images of different groups")):
        dataset = Dataset.from_arrays(images, np.arange(400) % 10, groups=groups)
        found = [each for each in reported(study(dataset=dataset)) if each.check == "few-validation-images"]
        assert [each.hint.endswith(f"3,000 validation {end}") for each in found] == [True]


def test_batch_norms_over_one_value_are_grouped_by_layer() -> None:
    layers = {
        "one": ("flatten", "dense 4", "batch-norm"),
        "two": ("flatten", "batch-norm", "dense 4"),
        "three": ("max-pool 2", "flatten", "batch-norm"),
    }
    network = {name: NetworkPattern(layers=each) for name, each in layers.items()}
    compare = {"all": Compare(networks=tuple(network))}
    recipe = Recipe(epochs=N_EPOCHS, batch_size=1)
    case = study(network=network, recipe=recipe, search={}, compare=compare, ablate={})
    found = [finding for finding in reported(case) if finding.check == "norm-over-one-value"]
    assert [(each.where, each.what.split("layer ")[1][0]) for each in found] == [
        ("compare.all: one and three", "3"),
        ("compare.all: two", "2"),
    ]


def test_batch_size_one_among_the_values_of_a_search_is_reported() -> None:
    case = study(
        network={**FINE, "three": NetworkPattern(layers=("flatten", "dense 4", "batch-norm"))},
        search={"size": Search(network="three", parameters={"batch_size": (1, 100)}, folds=5)},
    )
    found = [finding for finding in reported(case) if finding.check == "norm-over-one-value"]
    assert [finding.where for finding in found] == ["search.size: batch_size=1"]


def test_dropout_with_weights_before_the_batch_norm_is_not_reported() -> None:
    layers = ("max-pool 4", "batch-norm", "dropout 0.5", "flatten", "dense 8", "batch-norm")
    assert reported(study(**with_layers(*layers))) == ()


def test_layers_without_weights_pass_on_the_distorted_variance() -> None:
    layers = ("max-pool 4", "dropout 0.5", "flatten", "activation tanh", "batch-norm")
    (finding,) = reported(study(**with_layers(*layers)))
    assert "layer 2" in finding.what
    assert "layer 5" in finding.what


@pytest.mark.parametrize(
    ("layers", "dropout", "norm"),
    [
        (("dropout 0.5", ("residual", "batch-norm", "conv 1 1"), "flatten"), "1", "2.1"),
        (("dropout 0.5", ("residual", "conv 1 1"), "batch-norm", "flatten"), "1", "3"),
        ((("residual", "conv 1 1", "dropout 0.5"), "batch-norm", "flatten"), "1.2", "2"),
        ((("residual", ("residual", "dropout 0.1"), "batch-norm"), "flatten"), "1.1.1", "1.2"),
        (("dropout 0.5", ("concat", ("branch", "conv 1 1"), ("branch",)), "batch-norm", "flatten"), "1", "3"),
        (
            (("concat", ("branch", "conv 1 1"), ("branch", "dropout 0.5")), "batch-norm", "flatten"),
            "1.2.1",
            "2",
        ),
        (
            (
                "dropout 0.5",
                ("concat", ("branch", "conv 1 1"), ("branch", "conv 2 1")),
                "batch-norm",
                "flatten",
            ),
            "",
            "",
        ),
        (("dropout 0.5", "conv 1 1", ("residual", "batch-norm"), "flatten"), "", ""),
    ],
)
def test_dropout_before_batch_norm_is_found_through_sums_and_branches(
    layers: tuple[Any, ...], dropout: str, norm: str
) -> None:
    found = [each.what for each in reported(study(**with_layers("max-pool 4", "conv 1 1", *layers)))]
    first, second = (f"{int(each[0]) + 2}{each[1:]}" if each else "" for each in (dropout, norm))
    what = f"the dropout of layer {first} distorts the moving variance of the batch-norm of layer {second}"
    assert found == ([what] if dropout else [])


def test_nested_no_op_layers_are_reported_and_those_of_a_block_once() -> None:
    layers = (
        "max-pool 4",
        ("residual", "conv 1 1", "max-pool 1"),
        ("residual", "max-pool 1", "conv 1 1"),
        "flatten",
    )
    found = [each.what.partition(",")[0] for each in reported(study(**with_layers(*layers)))]
    assert found == ["layer 2.2", "layer 3.1"]
    block = {"block": {"idle": BlockPattern(layers=("conv 4 1", "max-pool 1"))}}
    uses = with_layers("max-pool 4", "residual idle x3", "block idle", "flatten")
    (finding,) = reported(study(**uses, **block))
    assert finding.where == "block.idle"
    assert finding.what.startswith('layer 2.2, "max-pool 1", does nothing in the network three: ')


def test_block_that_only_a_search_tries_counts_as_used() -> None:
    pattern = {"layers": ("max-pool 4", "block {kind}", "flatten"), "kind": "one"}
    blocks = {name: BlockPattern(layers=("conv 4 1",)) for name in ("one", "two", "three", "four")}
    blocks["two"] = BlockPattern(layers=("conv 4 1", "block three"))
    search = {"kind": Search(network="three", parameters={"kind": ("one", "two")})}
    given = {**with_layers("flatten"), "block": blocks, "search": search}
    given["network"] = {**given["network"], "three": pattern}
    unused = [each.where for each in reported(study(**given)) if each.check == "unused-block"]
    assert unused == ["block.four"]


def test_batch_norm_inside_a_residual_is_checked() -> None:
    layers = ("max-pool 28", "conv 4 1", ("residual", "conv 4 1", "batch-norm"), "flatten")
    found = reported(study(**with_layers(*layers), recipe=Recipe(epochs=N_EPOCHS, batch_size=1)))
    (one,) = [each.what for each in found if each.check == "norm-over-one-value"]
    assert "the batch-norm of layer 3.2 sees one value" in one
    few = {"subset": 3000, "recipe": Recipe(epochs=8), "equivalence_margin": 0.5}
    (late,) = reported(
        study(**{**with_layers("max-pool 4", ("residual", "conv 4 1", "batch-norm"), "flatten"), **few})
    )
    assert late.check == "batch-norm-at-its-start"


def test_more_steps_or_less_momentum_remove_initial_batch_norm_averages() -> None:
    few = {"subset": 3000, "recipe": Recipe(epochs=8), "equivalence_margin": 0.5}
    (finding,) = reported(study(**{**with_layers("conv 4 3 relu", "batch-norm", "flatten"), **few}))
    # 0.99 ** (8 * 27) = 0.114; 0.01 ** (1 / 216) = 0.979
    assert "216 steps" in finding.what
    assert "11 %" in finding.what
    assert "momentum=0.97" in finding.hint
    assert (
        reported(study(**{**with_layers("conv 4 3 relu", "batch-norm momentum=0.97", "flatten"), **few}))
        == ()
    )
    longer = {**few, "recipe": Recipe(epochs=9)}  # 0.99 ** 243 = 0.087
    assert reported(study(**{**with_layers("conv 4 3 relu", "batch-norm", "flatten"), **longer})) == ()


def test_variant_with_adamw_and_no_decay_is_reported() -> None:
    decayed = Recipe(weight_decay=0.1, epochs=12)
    ablate = {"one": Ablate(network="one", variants={"decayless": DECAYLESS})}
    (finding,) = reported(study(recipe=decayed, ablate=ablate))
    assert (finding.check, finding.where) == ("adamw-without-decay", "ablate.one.decayless")


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"optimizer": "rmsprop"}, True),
        ({"optimizer": "rmsprop", "batch_size": 50}, True),
        ({"optimizer": "rmsprop", "learning_rate": 0.001}, False),
        ({"optimizer": "adamw", "weight_decay": 0.01}, False),
        ({"optimizer": "adam", "batch_size": 50}, False),
        ({"batch_size": 50}, False),
    ],
)
def test_variant_with_another_optimizer_must_set_a_learning_rate(
    changes: dict[str, Any], found: bool
) -> None:
    case = study(ablate={"one": Ablate(network="one", variants={"other": Variant(recipe=changes)})})
    assert [each.check for each in reported(case)] == ["shared-learning-rate"] * found


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"optimizer": ("adam", "sgd")}, True),
        ({"optimizer": ("adam", "sgd"), "learning_rate": (0.001, 0.01)}, False),
        ({"optimizer": ("adam", "adamw"), "weight_decay": (0.01, 0.1)}, False),
        ({"kernel": (3, 5)}, False),
    ],
)
def test_search_over_optimizers_must_search_learning_rates(parameters: dict[str, Any], found: bool) -> None:
    case = study(**searching(parameters=parameters))
    where = ["search.one.parameters.optimizer", "search.two.parameters.optimizer"] * found
    assert [each.where for each in reported(case) if each.check == "shared-learning-rate"] == where


def test_unequal_tuning_counts_candidates_of_all_searches_of_a_network() -> None:
    lists = Search(network="one", parameters={"kernel": (3, 5, 7)})
    drawn = {"method": "random", "trials": 3}
    both = Search(network="two", parameters={"learning_rate": Range(low=1e-4, high=1e-2, log=True)}, **drawn)
    assert reported(study(search={"a": lists, "b": both})) == ()
    (finding,) = reported(
        study(
            search={"a": lists, "b": both, "c": Search(network="one", parameters={"batch_size": (50, 100)})}
        )
    )
    assert finding.check == "unequal-tuning"
    assert "one over 5 candidates, two over 3 candidates" in finding.what


def test_networks_that_are_not_compared_may_be_tuned_unequally() -> None:
    case = study(
        search={"one": Search(network="one", parameters={"kernel": (3, 5)})},
        compare={},
        ablate={name: Ablate(network=name, variants={"tanh": Variant(activation="tanh")}) for name in FINE},
    )
    assert reported(case) == ()


def test_number_of_validation_images_is_compared_with_the_margin() -> None:
    # 5 folds over 2,900 images: 2,900 × 0.1 % is below 3; 5 seeds × 290 images: 1,450
    (finding,) = reported(study(subset=2900))
    assert "2,900 in search.one" in finding.what
    assert "1,450 in compare.all;" in finding.what
    assert "0.21 percentage points" in finding.what, "3 / 1,450"
    assert finding.hint == "set equivalence_margin = 0.3, or use 3,000 validation images"
    assert [each.where for each in reported(study(subset=3000))] == ["study.equivalence_margin"], (
        "the comparison: 1,500"
    )
    assert reported(study(subset=6000)) == ()
    assert reported(study(subset=2900, equivalence_margin=0.3)) == ()
    assert reported(study(subset=2900, equivalence_margin=0)) == (), "no margin"


def test_few_seeds_states_the_ratio_of_interval_widths() -> None:
    def width(n: int) -> float:
        return float(stdtrit(n - 1, 0.975)) / math.sqrt(n)

    (finding,) = reported(study(seeds=2))
    assert f"{width(2) / width(5):.0f} times as wide" in finding.what
    assert finding.level == "note"
    assert reported(study(seeds=3)) == ()


def test_selection_after_test_set_evaluation_is_reported() -> None:
    (finding,) = reported(study(), n_test_evaluations=3)
    assert finding.check == "test-set-in-a-choice"
    assert "3" in finding.what
    no_choice = study(
        search={},
        compare={},
        ablate={"x": study().ablate["best"].model_copy(update={"network": "one"})},
        network={"one": ONE},
    )
    assert reported(no_choice, n_test_evaluations=3) == ()


def test_four_no_op_layers_of_the_notebook_are_reported() -> None:
    findings = [finding for finding in reported(load_study("mnist")) if finding.check == "no-op-layer"]
    assert len(findings) == 4
    assert {finding.where for finding in findings} == {"network.six-conv"}
    assert [finding.what.split(",")[0] for finding in findings] == [
        "layer 2",
        "layer 6",
        "layer 10",
        "layer 14",
    ]
    assert all('"max-pool 1"' in finding.what for finding in findings)


@pytest.mark.parametrize(
    ("metric", "counts", "n_found"),
    [
        ("accuracy", (3000, *[1500] * 8, 1000), 0),  # a ratio of exactly 3
        ("accuracy", (3001, *[1500] * 8, 0), 1),
        ("balanced-accuracy", (3001, *[1500] * 8, 1000), 0),
        ("accuracy", (), 0),
    ],
)
def test_accuracy_on_imbalanced_classes_is_reported_above_a_ratio_of_three(
    metric: str, counts: tuple[int, ...], n_found: int
) -> None:
    found = reported(study(metric=metric), class_counts=counts)
    assert [each.check for each in found] == ["accuracy-on-imbalanced-classes"] * n_found


def test_accuracy_on_imbalanced_classes_names_both_classes_and_their_sizes() -> None:
    (found,) = reported(study(), class_counts=(1500, 4200, *[1500] * 7, 1000))
    assert found.what.startswith(
        "class 1 has 4.2 times the training images of class 9 (4,200 and 1,000), and accuracy"
    )
    assert 'metric = "balanced-accuracy"' in found.hint
