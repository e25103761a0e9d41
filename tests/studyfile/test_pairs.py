"""The pairs of variants of an ablation, in Python and in a study file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from convstudy.errors import Problem, StudyError
from convstudy.networks import Network, read_layer
from convstudy.studyfile import (
    Ablate,
    NetworkPattern,
    Study,
    Variant,
    check_study,
    conflicting_pairs,
    load_study,
    pairs_of,
    study_document,
    study_of,
)
from tests.studyfile.places import place, statement

ProblemsIn = Callable[[str], list[Problem]]
NORM = Variant(without=("batch-norm",))
NOISE = Variant(without=("dropout",))
BOTH = Variant(without=("batch-norm", "dropout"))
TANH = Variant(activation="tanh", init="glorot-normal", recipe={"epochs": 3})
SGD = Variant(recipe={"optimizer": "sgd", "learning_rate": 0.1})
RMSPROP = Variant(recipe={"optimizer": "rmsprop"})


def ablate(**variants: Variant) -> Ablate:
    return Ablate(network="n", interactions=True, variants=variants)


def test_pairs_are_all_combinations_in_the_order_of_the_study() -> None:
    pairs = pairs_of(ablate(norm=NORM, tanh=TANH, sgd=SGD))
    assert [pair.name for pair in pairs] == ["norm + tanh", "norm + sgd", "tanh + sgd"]
    assert [pair.changes_network for pair in pairs] == [True, False, False]


def test_pair_makes_the_changes_of_both_variants() -> None:
    norm_tanh, norm_sgd, tanh_sgd = (pair.together for pair in pairs_of(ablate(a=NORM, b=TANH, c=SGD)))
    assert norm_tanh == Variant(
        without=("batch-norm",), activation="tanh", init="glorot-normal", recipe={"epochs": 3}
    )
    assert norm_sgd == Variant(without=("batch-norm",), recipe=SGD.recipe)
    assert tanh_sgd.recipe == {"epochs": 3, "optimizer": "sgd", "learning_rate": 0.1}


def test_variants_that_remove_different_layers_are_a_pair() -> None:
    (pair,) = pairs_of(ablate(norm=NORM, noise=NOISE))
    network = Network(tuple(map(read_layer, ("flatten", "batch-norm", "dropout 0.5", "dense 3"))))
    assert pair.together.network(network).texts == network.without(("batch-norm", "dropout")).texts


def test_variants_that_change_the_same_key_are_left_out() -> None:
    asked = ablate(sgd=SGD, rmsprop=RMSPROP, both=BOTH, noise=NOISE)
    conflicting = {pair.name: pair.shared for pair in conflicting_pairs(asked)}
    assert conflicting == {"sgd + rmsprop": ("optimizer",), "both + noise": ("without dropout",)}
    assert len(pairs_of(asked)) == 4


def test_ablation_without_interactions_has_no_pairs() -> None:
    quiet = Ablate(network="n", variants={"sgd": SGD, "norm": NORM})
    assert not quiet.interactions
    assert pairs_of(quiet) == conflicting_pairs(quiet) == ()


# Reading and writing


def text(asked: str) -> str:
    return (
        '[study]\nname = "a"\ndataset = "digits"\n[network.n]\n'
        'layers = ["conv 4 3", "batch-norm", "global-average-pool", "flatten", "dense 8 relu"]\n'
        f"[ablate.n]\n{asked}"
    )


def test_interactions_is_a_key_next_to_the_variants(tmp_path: Any) -> None:
    path = tmp_path / "study.toml"
    path.write_text(text('interactions = true\nnorm = { without = ["batch-norm"] }\nlong = { epochs = 9 }\n'))
    study = load_study(path)
    assert [pair.name for pair in pairs_of(study.ablate["n"])] == ["norm + long"]
    document = study_document(study)
    assert list(document["ablate"]["n"]) == ["network", "interactions", "norm", "long"]
    assert study_of(document) == study
    assert not load_study(path, {"ablate.n.interactions": False}).ablate["n"].interactions


def test_document_without_interactions_has_no_such_key() -> None:
    """The run id depends on the document, so that runs from before interactions keep theirs."""
    study = load_study("digits")
    assert all("interactions" not in section for section in study_document(study)["ablate"].values())


# Errors


@pytest.mark.parametrize(
    ("asked", "line", "what", "got"),
    [
        ('interactions = "yes"\na = { epochs = 9 }\n', 7, "must be true or false", '"yes" (a string)'),
        ("interactions = { epochs = 9 }\na = { epochs = 9 }\n", 7, "must be true or false", "a table"),
        (
            "interactions = true\na = { epochs = 9 }\n",
            7,
            "two variants whose changes can be combined",
            "one variant",
        ),
        (
            "a = { epochs = 9 }\nb = { epochs = 8 }\ninteractions = true\n",
            9,
            "two variants whose changes can be combined",
            "a and b both change epochs",
        ),
    ],
)
def test_invalid_interactions_are_refused(
    problems_in: ProblemsIn, asked: str, line: int, what: str, got: str
) -> None:
    (problem,) = problems_in(text(asked))
    assert place(problem) == f"study.toml:{line}: ablate.n.interactions"
    assert what in statement(problem) and got in problem.got


def test_pair_whose_layers_do_not_fit_is_refused(problems_in: ProblemsIn) -> None:
    each = 'a = { without = ["global-average-pool"] }\nb = { without = ["flatten"] }\n'
    (problem,) = problems_in(text(f"{each}interactions = true\n"))
    assert place(problem) == "study.toml:9: ablate.n.interactions"
    assert statement(problem) == 'layer 3: "dense" needs a flat input (variant "a + b" of network "n")'


def test_pair_whose_recipes_do_not_fit_is_refused(problems_in: ProblemsIn) -> None:
    each = 'a = { optimizer = "sgd", nesterov = true }\nb = { momentum = 0.0 }\n'
    (problem,) = problems_in(text(f"{each}interactions = true\n"))
    assert place(problem) == "study.toml:9: ablate.n.interactions"
    assert statement(problem) == '"a + b": nesterov must be false if momentum is 0'


def test_invalid_variant_is_not_reported_again_for_its_pairs(problems_in: ProblemsIn) -> None:
    each = 'a = { without = ["flatten", "global-average-pool"] }\nb = { activation = "tanh" }\n'
    (problem,) = problems_in(text(f"{each}interactions = true\n"))
    assert place(problem) == "study.toml:7: ablate.n.a"


def test_pairs_of_a_study_in_python_are_checked() -> None:
    pattern = NetworkPattern(layers=("conv 4 3", "flatten"))
    named = {"interactions": Variant(recipe={"epochs": 3}), "long": Variant(recipe={"epochs": 9})}
    for asked, where in (
        (ablate(interactions=Variant(init="he-uniform"), long=named["long"]), "ablate.n.interactions"),
        (ablate(long=named["long"], longer=Variant(recipe={"epochs": 10})), "ablate.n.interactions"),
    ):
        with pytest.raises(StudyError) as caught:
            check_study(Study(name="a", dataset="digits", network={"n": pattern}, ablate={"n": asked}))
        assert [place(problem) for problem in caught.value.problems] == [where]


def test_more_than_1000_pairs_are_refused(problems_in: ProblemsIn) -> None:
    variants = "".join(f"v{n} = {{ epochs = {n} }}\n" for n in range(1, 46))
    (problem,) = problems_in(text(f"interactions = true\n{variants}"))
    assert (statement(problem), problem.got) == ("there are too many variants", "1,035")
