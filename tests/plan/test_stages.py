"""Stages of a plan, and how choices change later stages."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from convstudy.data import Fold, Holdout
from convstudy.plan import Candidate, Fit, make_plan
from convstudy.record import Record
from convstudy.studyfile import Ablate, Compare, Search, Variant
from tests.plan.made import ONE, TWO, finished, record, study


def _names(plan_stage: object) -> list[str]:
    return [candidate.name for candidate in plan_stage.candidates]  # type: ignore[attr-defined]


def test_candidates_before_choices_use_defaults_and_name_dependencies() -> None:
    plan = make_plan(study())
    assert [stage.key for stage in plan.stages] == ["search.kernel", "compare.all", "ablate.best"]
    search, compare, ablate = plan.stages
    assert _names(search) == ["kernel=3", "kernel=5"]
    assert search.depends_on == ()
    assert [c.depends_on for c in compare.candidates] == [("search.kernel",), (), ()]
    assert _names(ablate) == ["unmodified network", "sgd"]
    assert [c.network_name for c in ablate.candidates] == ["one", "one"]
    assert set(ablate.depends_on) == {"search.kernel", "compare.all"}
    assert (search.tested, compare.tested, ablate.tested) == (False, True, True)
    # 2 candidates on 2 folds; 3 networks and 1 variant on 2 seeds; "unmodified network" is the first network's.
    assert len(plan.fits) == 4 + 6 + 2
    assert len(plan.settled_fits) == 4 + 4
    assert len(plan.tested_fits) == 4


def test_searches_use_folds_and_comparisons_use_seeds() -> None:
    search, compare, _ = make_plan(study(subset=100, validation=0.3)).stages
    for candidate in search.candidates:
        assert [fit.split for fit in candidate.fits] == [Fold(0, 2, 0, 100), Fold(1, 2, 0, 100)]
        assert [fit.seed for fit in candidate.fits] == [0, 1]
    for candidate in compare.candidates:
        assert [fit.split for fit in candidate.fits] == [Holdout(0.3, 0, 100), Holdout(0.3, 1, 100)]
    own = Search(network="one", parameters={"kernel": (3, 5)}, folds=3, subset=50, recipe={"epochs": 1})
    search, compare, _ = make_plan(study(search={"s": own}, subset=100)).stages
    assert {fit.split.subset for c in search.candidates for fit in c.fits} == {50}
    assert {c.recipe.epochs for c in search.candidates} == {1}
    assert {c.recipe.epochs for c in compare.candidates} == {20}


def test_choices_are_passed_from_search_to_compare_to_ablate() -> None:
    plan = make_plan(study(), {"search.kernel": "kernel=5"})
    one = plan.stage("compare.all").candidate("one")
    assert one.values == {"kernel": 5}
    assert one.network == ONE.network(kernel=5)
    assert one.depends_on == ()
    assert plan.stage("ablate.best").depends_on == ("compare.all",)

    plan = make_plan(study(), {"search.kernel": "kernel=5", "compare.all": "two"})
    base, sgd = plan.stage("ablate.best").candidates
    assert (base.network_name, base.network, base.depends_on) == ("two", TWO.network(), ())
    assert base.fits == plan.stage("compare.all").candidate("two").fits
    assert sgd.network == base.network
    assert sgd.recipe.optimizer == "sgd"
    assert plan.fits == plan.settled_fits

    plan = make_plan(study(), {"search.kernel": "kernel=5", "compare.all": "one"})
    assert plan.stage("ablate.best").candidate("sgd").network == ONE.network(kernel=5)


def test_ablation_of_named_network_depends_on_its_searches_only() -> None:
    named = Ablate(network="one", variants={"tanh": Variant(activation="tanh")})
    plan = make_plan(study(ablate={"a": named}))
    assert plan.stage("ablate.a").depends_on == ("search.kernel",)
    other = Ablate(network="two", variants={"relu": Variant(activation="relu")})
    assert make_plan(study(ablate={"a": other})).stage("ablate.a").depends_on == ()


def test_second_search_of_network_depends_on_first() -> None:
    searches = {
        "kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2),
        "rate": Search(network="one", parameters={"learning_rate": (0.1, 0.01)}, folds=2),
    }
    asked = study(search=searches)
    plan = make_plan(asked)
    assert plan.stage("search.rate").depends_on == ("search.kernel",)
    assert plan.stage("compare.all").candidate("one").depends_on == ("search.kernel", "search.rate")

    plan = make_plan(asked, {"search.kernel": "kernel=5"})
    rate = plan.stage("search.rate")
    assert rate.depends_on == ()
    assert {candidate.network for candidate in rate.candidates} == {ONE.network(kernel=5)}
    assert [c.recipe.learning_rate for c in rate.candidates] == [0.1, 0.01]

    plan = make_plan(asked, {"search.kernel": "kernel=5", "search.rate": "learning_rate=0.1"})
    one = plan.stage("compare.all").candidate("one")
    assert one.network == ONE.network(kernel=5)
    assert one.recipe.learning_rate == 0.1  # a chosen recipe key applies to its network only
    assert plan.stage("compare.all").candidate("two").recipe.learning_rate == 0.001
    # Without the first choice, the second one is not used: it was not made on the final network.
    plan = make_plan(asked, {"search.rate": "learning_rate=0.1"})
    assert plan.stage("compare.all").candidate("one").depends_on == ("search.kernel",)


def test_grid_has_every_combination() -> None:
    grid = Search(
        network="one",
        parameters={"kernel": (3, 5), "learning_rate": (0.1, 0.01), "batch_size": (10,)},
        folds=2,
    )
    stage = make_plan(study(search={"g": grid})).stage("search.g")
    assert _names(stage) == [
        "kernel=3, learning_rate=0.1, batch_size=10",
        "kernel=3, learning_rate=0.01, batch_size=10",
        "kernel=5, learning_rate=0.1, batch_size=10",
        "kernel=5, learning_rate=0.01, batch_size=10",
    ]
    assert len({fit.id for candidate in stage.candidates for fit in candidate.fits}) == 8


@pytest.mark.parametrize(
    ("changes", "threads", "of_final"),
    [({}, 1, 1), ({"threads": 3}, 3, 3), ({"threads": 3, "final_threads": 2}, 3, 2)],
)
def test_only_the_final_training_has_the_threads_of_the_final_training(
    changes: dict[str, Any], threads: int, of_final: int
) -> None:
    search = Search(network="one", parameters={"learning_rate": (0.1, 0.01)}, folds=2, nested=True)
    plan = make_plan(study(search={"rate": search}, compare={}, ablate={}, **changes))
    final = plan.stage("final.one").fits
    assert len(final) == 2
    assert {fit.threads for fit in final} == {of_final}
    assert {fit.threads for fit in plan.fits if fit not in final} == {threads}


def test_search_only_study_trains_and_tests_winners() -> None:
    searches = {
        "kernel": Search(network="one", parameters={"kernel": (3, 5)}, folds=2),
        "rate": Search(network="two", parameters={"learning_rate": (0.1, 0.01)}, folds=2),
    }
    asked = study(search=searches, compare={}, ablate={})
    plan = make_plan(asked)
    assert [stage.key for stage in plan.stages] == ["search.kernel", "search.rate", "final.one", "final.two"]
    assert plan.tested_fits == ()

    def make(candidate: Candidate, fit: Fit) -> Record:
        return record(
            fit, accuracy=0.9 if candidate.values in ({"kernel": 5}, {"learning_rate": 0.1}) else 0.5
        )

    plan, choices, _ = finished(asked, make)
    assert [choice.chosen for choice in choices] == ["kernel=5", "learning_rate=0.1"]
    assert plan.stage("final.one").candidate("one").network == ONE.network(kernel=5)
    assert plan.stage("final.two").candidate("two").recipe.learning_rate == 0.1
    assert len(plan.tested_fits) == 4  # two networks, two seeds
    assert plan.fits == plan.settled_fits


def test_shared_fits_are_planned_once() -> None:
    doubled = Compare(networks=("two", "three"))
    plan = make_plan(study(compare={"all": study().compare["all"], "few": doubled}))
    assert len(plan.fits) == 4 + 6 + 2
    assert plan.stage("ablate.best").candidates[0].network_name == "two"  # the last comparison's first


def test_stage_and_candidate_lookup_raise_key_error() -> None:
    plan = make_plan(study())
    assert plan.stage("compare.all").candidate("two").name == "two"
    for ask in (lambda: plan.stage("compare.none"), lambda: plan.stage("compare.all").candidate("none")):
        try:
            ask()
        except KeyError:
            continue
        raise AssertionError("the lookup must raise")


def test_ablation_with_interactions_adds_pairs_of_variants() -> None:
    variants = {
        "sgd": Variant(recipe={"optimizer": "sgd"}),
        "gelu": Variant(activation="gelu", recipe={"epochs": 3}),
        "muon": Variant(recipe={"optimizer": "muon"}),
    }
    choices = {"search.kernel": "kernel=5", "compare.all": "one"}
    without_pairs, with_pairs = (
        make_plan(
            study(ablate={"best": Ablate(network="best", interactions=asked, variants=variants)}), choices
        ).stage("ablate.best")
        for asked in (False, True)
    )
    assert _names(with_pairs) == [
        *_names(without_pairs),
        "sgd + gelu",
        "gelu + muon",
    ]  # sgd and muon exclude each other
    assert with_pairs.candidates[: len(without_pairs.candidates)] == without_pairs.candidates
    pair = with_pairs.candidate("sgd + gelu")
    assert pair.combines == ("sgd", "gelu")
    assert pair.network == with_pairs.candidate("gelu").network
    assert (pair.recipe.optimizer, pair.recipe.epochs) == ("sgd", 3)
    assert pair.values == {"kernel": 5}
    assert len(with_pairs.fits) == len(without_pairs.fits) + 2 * 2
    assert not any(candidate.combines for candidate in without_pairs.candidates)


def test_pairs_have_dependencies_of_their_variants() -> None:
    asked = Ablate(
        network="best",
        interactions=True,
        variants={"a": Variant(init="he-uniform"), "b": Variant(activation="elu")},
    )
    stage = make_plan(study(ablate={"best": asked})).stage("ablate.best")
    assert stage.candidate("a + b").depends_on == stage.candidate("a").depends_on != ()


def test_fits_without_interactions_have_known_ids() -> None:
    plan = make_plan(study(), {"search.kernel": "kernel=5", "compare.all": "two"})
    ids = " ".join(fit.id for fit in plan.fits)
    assert hashlib.sha256(ids.encode()).hexdigest()[:16] == "9c5d5d069b4406f4"
