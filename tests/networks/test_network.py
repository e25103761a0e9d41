from __future__ import annotations

import pytest

from convstudy.errors import NetworkError
from convstudy.networks import Network, Shape, shape_text
from convstudy.networks.layers.conv import Conv
from convstudy.networks.layers.dense import Dense
from tests.networks.examples import NOTEBOOK

MNIST: Shape = (28, 28, 1)


def shapes(texts: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    """Return the output shapes of the layers of these types."""
    walk = Network.read(texts).walk(MNIST, 10)
    return [shape_text(after) for _, layer, _, after in walk if layer.word in words]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("two-conv-7", "22 × 22 × 64, 16 × 16 × 32, 8 × 8 × 32, 2048"),
        (
            "five-conv",
            "26 × 26 × 32, 24 × 24 × 32, 12 × 12 × 32, 11 × 11 × 64, 10 × 10 × 64, 5 × 5 × 64, 1 × 1 × 128, 128",
        ),
        (
            "six-conv",
            "26 × 26 × 16, 26 × 26 × 16, 24 × 24 × 32, 24 × 24 × 32, 22 × 22 × 64, 22 × 22 × 64, 18 × 18 × 96, "
            "18 × 18 × 96, 14 × 14 × 128, 7 × 7 × 128, 3 × 3 × 160, 1 × 1 × 160, 160",
        ),
    ],
)
def test_shapes_equal_those_of_the_notebook(name: str, expected: str) -> None:
    assert ", ".join(shapes(NOTEBOOK[name], ("conv", "max-pool", "flatten"))) == expected


def test_read_reports_every_bad_layer_with_its_number() -> None:
    with pytest.raises(NetworkError) as caught:
        Network.read(["conv 64", "flatten", "dens 10"], init="he-norml")
    problems = [(str(problem.where), problem.what) for problem in caught.value.problems]
    assert problems == [
        ("init", ""),
        ("layer 1", '"conv 64" is missing its kernel'),
        ("layer 3", 'unknown layer "dens"'),
    ]
    assert caught.value.problems[0].hint == 'did you mean "he-normal"?'


def test_texts_are_canonical_and_can_be_read_again() -> None:
    network = Network.read(["conv  064 stride=1 3 relu", "dropout 0.50", "flatten"], "orthogonal")
    assert network.texts == ("conv 64 3 relu", "dropout 0.5", "flatten")
    assert Network.read(network.texts, network.init) == network


def test_without_removes_every_layer_of_the_given_types() -> None:
    plain = Network.read(NOTEBOOK["five-conv"]).without(["batch-norm", "dropout"])
    assert plain.texts == tuple(
        text for text in NOTEBOOK["five-conv"] if text.split()[0] not in ("batch-norm", "dropout")
    )
    assert len(plain.layers) == 10


def test_with_activation_replaces_activations_and_adds_none() -> None:
    network = Network.read(
        ["conv 8 3 relu", "conv 8 3", "activation gelu", "flatten", "dense 4 elu", "dense 4"]
    )
    assert network.with_activation("tanh").texts == (
        "conv 8 3 tanh",
        "conv 8 3",
        "activation tanh",
        "flatten",
        "dense 4 tanh",
        "dense 4",
    )


def test_with_init_replaces_the_initialiser_of_every_layer() -> None:
    network = Network.read(["conv 8 3 init=he-uniform", "flatten", "dense 4"])
    inits = [layer.init for layer in network.complete(10) if isinstance(layer, Conv | Dense)]
    assert inits == ["he-uniform", "he-normal", "he-normal"]
    varied = network.with_init("glorot-normal")
    assert varied.texts == ("conv 8 3", "flatten", "dense 4")
    inits = [layer.init for layer in varied.complete(10) if isinstance(layer, Conv | Dense)]
    assert inits == ["glorot-normal"] * 3


def test_variants_do_not_change_the_original() -> None:
    network = Network.read(NOTEBOOK["two-conv-7"])
    network.without(["dropout"])
    network.with_activation("tanh")
    network.with_init("orthogonal")
    assert network == Network.read(NOTEBOOK["two-conv-7"])
    assert hash(network) == hash(Network.read(NOTEBOOK["two-conv-7"]))


def test_output_layer_is_dense_without_activation() -> None:
    assert Network.read(["flatten"]).complete(7)[-1] == Dense(7, None, "he-normal")


@pytest.mark.parametrize(
    ("texts", "where", "what", "got", "hint"),
    [
        (
            ["conv 64 11 relu", "conv 32 11", "conv 16 11"],
            'layer 3, "conv 16 11',
            "kernel 11 does not fit an input of 8 × 8",
            "",
            "use a kernel of at most 8, or padding=same",
        ),
        (
            ["max-pool 20", "max-pool 2"],
            'layer 2, "max-pool 2"',
            "window 2 does not fit an input of 1 × 1",
            "",
            "use a window of at most 1",
        ),
        (["dense 10"], 'layer 1, "dense 10', '"dense" needs a flat input', "(28, 28, 1)", '"flatten"'),
        (["conv 8 3"], "the output layer", '"dense" needs a flat input', "(26, 26, 8)", '"flatten"'),
        (
            ["flatten", "conv 8 3"],
            'layer 2, "conv 8 3',
            '"conv" needs an image of shape (height, width, channels)',
            "(784,)",
            "",
        ),
        (["flatten", "max-pool 2"], "layer 2", '"max-pool" needs an image', "(784,)", ""),
        (["flatten", "global-average-pool"], "layer 2", "needs an image", "(784,)", ""),
        (
            ["conv 8 3", "group-norm 3"],
            "layer 2",
            "3 groups do not divide 8",
            "",
            "use a divisor of 8",
        ),
        (["conv 8 28", "group-norm 8"], "layer 2", "2 values in each group", "(1, 1, 8)", "use fewer groups"),
        (["layer-norm"], "layer 1", '"layer-norm" needs at least 2 channels', "(28, 28, 1)", ""),
    ],
)
def test_layer_that_does_not_fit_raises_with_its_number_and_a_hint(
    texts: list[str], where: str, what: str, got: str, hint: str
) -> None:
    with pytest.raises(NetworkError) as caught:
        list(Network.read(texts).walk(MNIST, 10))
    (problem,) = caught.value.problems
    assert str(problem.where).startswith(where)
    assert what in problem.what
    assert problem.got == got
    assert hint in problem.hint
