"""Single layers against the output of Keras for the same input (``benchmarks/parity/keras_reference.py``)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.parity import keras_reference as keras
from convstudy.networks import ACTIVATIONS, INITIALISERS, Network, layer_table, read_layer
from convstudy.networks.activations import activation_module
from convstudy.networks.initialisers import initialise
from convstudy.networks.modules.batch_norm import KerasBatchNorm
from tests.networks.examples import NOTEBOOK

PLACE = Path(__file__).parents[1] / "engine" / "keras_reference.json"
REFERENCE: dict[str, Any] = json.loads(PLACE.read_text(encoding="utf-8"))
SINGLE = REFERENCE["single_layers"]


def to_torch(values: keras.FloatArray) -> torch.Tensor:
    """Return Keras' ``(n, h, w, c)`` as ``(n, c, h, w)``; flat inputs are returned unchanged."""
    output = torch.from_numpy(values)
    return output.permute(0, 3, 1, 2) if output.ndim == 4 else output


def to_keras(values: torch.Tensor) -> Any:
    """Return nested lists in Keras' order of axes."""
    return (values.permute(0, 2, 3, 1) if values.ndim == 4 else values).tolist()


def assert_equal(ours: torch.Tensor, theirs: Any) -> None:
    """Compare all values and the shape."""
    np.testing.assert_allclose(np.asarray(to_keras(ours.detach())), np.asarray(theirs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_equals_keras(name: str) -> None:
    points = torch.tensor(keras.ACTIVATION_POINTS)
    assert_equal(activation_module(name, 1)(points), SINGLE["activations"][name])


def test_every_activation_and_initialiser_has_a_reference() -> None:
    assert set(SINGLE["activations"]) == set(ACTIVATIONS)
    assert {fact["init"] for fact in REFERENCE["initialisers"]} == set(INITIALISERS)
    assert len(REFERENCE["initialisers"]) == 14


@pytest.mark.parametrize("number", range(len(keras.CONVOLUTIONS)))
def test_convolution_equals_keras(number: int) -> None:
    height, width, kernel, stride, padding = keras.CONVOLUTIONS[number]
    layer = read_layer(f"conv 3 {kernel} stride={stride} padding={padding}")
    module = layer.module((height, width, 2), torch.Generator())
    (convolution,) = (part for part in module.modules() if isinstance(part, nn.Conv2d))
    weight = torch.from_numpy(keras.signed(1, (kernel, kernel, 2, 3))).permute(3, 2, 0, 1)
    with torch.no_grad():
        convolution.weight.copy_(weight)
    output = module(to_torch(keras.signed(2, (1, height, width, 2))))
    assert_equal(output, SINGLE["convolutions"][number])
    assert list(layer.output_shape((height, width, 2))) == list(np.shape(SINGLE["convolutions"][number])[1:])


@pytest.mark.parametrize("number", range(len(keras.POOLS)))
def test_pooling_equals_keras(number: int) -> None:
    kind, height, width, window, stride = keras.POOLS[number]
    module = read_layer(f"{kind} {window} stride={stride}").module((height, width, 2), torch.Generator())
    assert_equal(module(to_torch(keras.signed(3, (1, height, width, 2)))), SINGLE["pools"][number])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("layer-norm image", "layer-norm"),
        ("layer-norm flat", "layer-norm"),
        ("group-norm image", "group-norm 2"),
        ("group-norm flat", "group-norm 2"),
        ("flatten", "flatten"),
        ("global-average-pool", "global-average-pool"),
    ],
)
def test_layer_equals_keras(name: str, text: str) -> None:
    values = keras.signed(5, (2, 6)) if name.endswith("flat") else keras.signed(4, (2, 2, 3, 4))
    module = read_layer(text).module(tuple(values.shape[1:]), torch.Generator())
    assert_equal(module(to_torch(values)), SINGLE["others"][name])


def test_batch_norm_of_one_value_per_channel_equals_keras() -> None:
    theirs = REFERENCE["batch_norm_of_one"]
    norm = KerasBatchNorm(3, 1.0 - 0.99, 0.001)
    assert_equal(norm(torch.from_numpy(keras.signed(6, (1, 3)))), theirs["output"])
    assert_equal(norm.running_mean, theirs["moving_mean"])
    assert_equal(norm.running_variance, theirs["moving_variance"])


@pytest.mark.parametrize(
    "fact", REFERENCE["initialisers"], ids=lambda fact: f"{fact['init']}-{len(fact['shape'])}"
)
def test_initialisers_have_the_mean_sd_and_range_of_keras(fact: dict[str, Any]) -> None:
    shape = fact["shape"]
    n = math.prod(shape)
    weight = torch.empty(*reversed(shape))
    initialise(weight, fact["init"], torch.Generator().manual_seed(1))
    ours = keras.summary(weight.numpy())
    # Both are samples, so the limit is five standard errors of a difference.
    assert ours["sd"] == pytest.approx(fact["sd"], rel=5 / math.sqrt(n))
    assert abs(ours["mean"] - fact["mean"]) < 5 * fact["sd"] * math.sqrt(2 / n)
    if fact["init"] != "orthogonal":
        # Uniform and truncated draws come close to their bounds; the tails of orthogonal ones are left to chance.
        assert ours["min"] == pytest.approx(fact["min"], rel=0.01)
        assert ours["max"] == pytest.approx(fact["max"], rel=0.01)


@pytest.mark.parametrize("name", ["two-conv-7", "five-conv", "five-conv-plain", "six-conv"])
def test_layer_table_equals_the_summary_of_keras(name: str) -> None:
    theirs = REFERENCE["layer_counts"][name]
    network = Network.read(NOTEBOOK[name.removesuffix("-plain")])
    if name.endswith("-plain"):
        network = network.without(["batch-norm", "dropout"])
    table = layer_table(network, keras.INPUT_SHAPE, keras.N_CLASSES)
    assert [[list(row.output_shape), row.n_parameters] for row in table.rows] == theirs["rows"]
    assert table.n_parameters == theirs["total"]
    assert table.n_trainable == theirs["trainable"]
    assert table.n_not_trainable == theirs["not_trainable"]
