"""The built-in studies: "mnist" is the notebook, "digits" takes a minute, two measure speed and accuracy."""

from __future__ import annotations

import math

import pytest

from convstudy.data import BUILT_IN_DATASETS
from convstudy.networks import LayerTable, Network, layer_table
from convstudy.plan.cost import images_to_train
from convstudy.studyfile import Recipe, load_study

MNIST = load_study("mnist")
FIVE_SHAPES = [(26, 26, 32), (24, 24, 32), (12, 12, 32), (11, 11, 64), (10, 10, 64), (5, 5, 64), (1, 1, 128)]
FIVE_ROWS = [320, 9_248, 128, 8_256, 16_448, 256, 204_928, 512, 33_024, 32_896, 1_290]


def table(network: Network) -> LayerTable:
    info = BUILT_IN_DATASETS["mnist"]
    return layer_table(network, info.image_shape, info.n_classes)


def variant(name: str) -> Network:
    ablate = MNIST.ablate["five-conv"]
    return ablate.variants[name].network(MNIST.network[ablate.network].network())


# From the notebook: total, trainable, not trainable; shapes after each conv and pool; parameters of each layer.
REFERENCE = [
    (
        MNIST.network["two-conv"].network(),
        (367_786, 367_466, 320),
        [(22, 22, 64), (16, 16, 32), (8, 8, 32)],
        [3_200, 100_384, 128, 262_272, 512, 1_290],
    ),
    (MNIST.network["five-conv"].network(), (307_306, 306_858, 448), FIVE_SHAPES, FIVE_ROWS),
    (
        MNIST.network["six-conv"].network(),
        (1_074_890, 1_073_386, 1_504),
        [
            *((26, 26, 16), (26, 26, 16), (24, 24, 32), (24, 24, 32), (22, 22, 64), (22, 22, 64)),
            *((18, 18, 96), (18, 18, 96), (14, 14, 128), (7, 7, 128), (3, 3, 160), (1, 1, 160)),
        ],
        [
            160,
            64,
            4_640,
            128,
            18_496,
            256,
            153_696,
            384,
            307_328,
            512,
            512_160,
            640,
            41_216,
            1_024,
            32_896,
            1_290,
        ],
    ),
    (
        variant("plain"),
        (306_410, 306_410, 0),
        FIVE_SHAPES,
        [n for n in FIVE_ROWS if n not in (128, 256, 512)],
    ),
    (variant("tanh-glorot"), (307_306, 306_858, 448), FIVE_SHAPES, FIVE_ROWS),
    (variant("rmsprop"), (307_306, 306_858, 448), FIVE_SHAPES, FIVE_ROWS),
]


@pytest.mark.parametrize(("network", "totals", "shapes", "rows"), REFERENCE)
def test_layer_tables_of_mnist_equal_the_notebooks(
    network: Network, totals: tuple[int, int, int], shapes: list[tuple[int, ...]], rows: list[int]
) -> None:
    layers = table(network)
    assert (layers.n_parameters, layers.n_trainable, layers.n_not_trainable) == totals
    assert [row.output_shape for row in layers.rows if row.text.startswith(("conv", "max-pool"))] == shapes
    assert [row.n_parameters for row in layers.rows if row.n_parameters] == rows


def test_flattened_sizes_of_mnist_equal_the_notebooks() -> None:
    sizes = {
        name: [row.output_shape for row in table(pattern.network()).rows if row.text == "flatten"]
        for name, pattern in MNIST.network.items()
    }
    assert sizes == {"two-conv": [(2048,)], "five-conv": [(128,)], "six-conv": [(160,)]}


def test_dropout_rates_of_mnist_equal_the_notebooks() -> None:
    rates = {
        name: [float(text.split()[1]) for text in pattern.network().texts if text.startswith("dropout")]
        for name, pattern in MNIST.network.items()
    }
    assert rates == {
        "two-conv": [0.3, 0.5],
        "five-conv": [0.5, 0.5, 0.4, 0.4, 0.4],
        "six-conv": [0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3],
    }


def test_every_hidden_conv_and_dense_layer_has_an_activation() -> None:
    texts = [text for pattern in MNIST.network.values() for text in pattern.network().texts]
    weighted = [text for text in texts if text.startswith(("conv", "dense"))]
    assert len(weighted) == 3 + 7 + 8
    assert all(text.endswith(" relu") for text in weighted)


def test_four_pools_of_six_conv_do_nothing() -> None:
    assert [row.text for row in table(MNIST.network["six-conv"].network()).rows if row.no_op_reason] == [
        "max-pool 1"
    ] * 4


def test_questions_of_mnist_are_the_notebooks() -> None:
    assert (
        Recipe(optimizer="adam", learning_rate=0.001, batch_size=100, epochs=20, checkpoint="last")
        == MNIST.recipe
    )
    assert (MNIST.name, MNIST.dataset.name, MNIST.seeds, MNIST.subset) == ("mnist", "mnist", 5, None)
    search = MNIST.search["kernel-size"]
    assert (search.network, search.parameters, search.folds) == ("two-conv", {"kernel": (2, 3, 5, 7, 11)}, 5)
    assert MNIST.network["two-conv"].parameters == {"kernel": 7}
    assert MNIST.compare["architectures"].networks == ("two-conv", "five-conv", "six-conv")
    ablate = MNIST.ablate["five-conv"]
    assert ablate.network == "five-conv"
    assert list(ablate.variants) == ["plain", "tanh-glorot", "rmsprop", "augmented"]
    assert set(ablate.variants["plain"].without) == {"batch-norm", "dropout"}
    assert ablate.variants["tanh-glorot"].activation == "tanh"
    assert ablate.variants["tanh-glorot"].init == "glorot-normal"
    assert ablate.variants["rmsprop"].recipe == {"optimizer": "rmsprop"}
    assert list(MNIST.ablate) == ["five-conv", "two-conv"]
    assert list(MNIST.ablate["two-conv"].variants) == ["augmented"]
    for each in MNIST.ablate.values():
        assert each.variants["augmented"].recipe == {"augment": "affine"}


def test_mnist_loads_with_fewer_images_epochs_and_seeds() -> None:
    taste = load_study("mnist", {"study.subset": 3000, "recipe.epochs": 2, "study.seeds": 1})
    assert (taste.subset, taste.recipe.epochs, taste.seeds) == (3000, 2, 1)


def test_digits_has_every_question_and_is_small() -> None:
    study = load_study("digits")
    info = BUILT_IN_DATASETS["digits"]
    assert study.search and study.compare
    assert study.ablate["best"].network == "best"
    tables = {
        name: layer_table(pattern.network(), info.image_shape, info.n_classes)
        for name, pattern in study.network.items()
    }
    n_candidates = sum(
        math.prod(map(len, search.parameters.values())) * search.folds for search in study.search.values()
    )
    n_models = sum(len(compare.networks) for compare in study.compare.values())
    n_models += sum(len(ablate.variants) for ablate in study.ablate.values())
    n_fits = n_candidates + n_models * study.seeds
    assert 20 <= n_fits <= 60
    largest = max(layers.macs for layers in tables.values())
    # A backward pass costs two forward passes. A run takes 15 to 40 seconds on two cores.
    assert n_fits * study.recipe.epochs * info.n_train * largest * 3 < 5e11
    assert not [row for layers in tables.values() for row in layers.rows if row.no_op_reason]


def test_every_variant_changes_every_network_that_can_be_best() -> None:
    study = load_study("digits")
    for name in study.compare["architectures"].networks:
        base = study.network[name].network()
        for change in study.ablate["best"].variants.values():
            assert change.network(base) != base or study.recipe.varied(change.recipe) != study.recipe


@pytest.mark.parametrize("name", ["mnist-speedrun", "mnist-accuracy"])
def test_timed_studies_use_both_cores_and_measure_on_a_sample(name: str) -> None:
    study = load_study(name)
    assert (study.dataset.name, study.threads, study.recipe.precision) == ("mnist", 2, "auto")
    # A short fit must not spend its time on evaluation, and a falling schedule is best at its last epoch.
    assert (study.recipe.train_eval_samples or 60_000) <= 6_000
    assert study.recipe.checkpoint == "last"
    (network,) = study.network
    base = study.network[network].network()
    assert not [row for row in table(base).rows if row.no_op_reason]
    # With few steps, the running statistics must forget their initial values.
    momenta = [float(text.partition("momentum=")[2]) for text in base.texts if text.startswith("batch-norm")]
    assert momenta
    assert max(momenta) <= 0.9
    for change in study.ablate[network].variants.values():
        assert change.network(base) != base or study.recipe.varied(change.recipe) != study.recipe


def test_speedrun_is_small_enough_for_seconds() -> None:
    study = load_study("mnist-speedrun")
    macs = table(study.network["fast"].network()).macs
    assert 3 * macs * images_to_train(study.recipe, 54_000, 1, study.recipe.epochs) < 1.5e12
