from __future__ import annotations

import pytest

from convstudy.networks import Network, layer_table
from convstudy.networks.table import LayerTable
from tests.networks.examples import NOTEBOOK

# Parameters per layer and in total, as the notebook prints them; 0 where it prints none.
ROWS = {
    "two-conv-7": [3200, 100384, 0, 128, 0, 0, 262272, 512, 0, 1290],
    "five-conv": [
        *(320, 9248, 0, 128, 0, 8256, 16448, 0, 256, 0),
        *(204928, 512, 0, 0, 33024, 0, 32896, 0, 1290),
    ],
    "six-conv": [
        *(160, 0, 64, 0, 4640, 0, 128, 0, 18496, 0, 256, 0),
        *(153696, 0, 384, 0, 307328, 0, 512, 0, 512160, 0, 640, 0),
        *(0, 41216, 1024, 0, 32896, 0, 1290),
    ],
}
TOTALS = {
    "two-conv-7": (367786, 367466, 320),
    "five-conv": (307306, 306858, 448),
    "six-conv": (1074890, 1073386, 1504),
}


def table(name: str) -> LayerTable:
    """Return the layer table of a network of the notebook on MNIST."""
    return layer_table(Network.read(NOTEBOOK[name]), (28, 28, 1), 10)


@pytest.mark.parametrize("name", NOTEBOOK)
def test_parameters_equal_those_of_the_notebook(name: str) -> None:
    result = table(name)
    assert [row.n_parameters for row in result.rows] == ROWS[name]
    assert (result.n_parameters, result.n_trainable, result.n_not_trainable) == TOTALS[name]
    assert [row.text for row in result.rows[:-1]] == list(NOTEBOOK[name])


def test_variant_without_batch_norm_and_dropout_has_306410_parameters() -> None:
    plain = Network.read(NOTEBOOK["five-conv"]).without(["batch-norm", "dropout"])
    result = layer_table(plain, (28, 28, 1), 10)
    assert (result.n_parameters, result.n_trainable, result.n_not_trainable) == (306410, 306410, 0)


def test_tanh_variant_has_the_parameters_of_the_original() -> None:
    varied = Network.read(NOTEBOOK["five-conv"]).with_activation("tanh").with_init("glorot-normal")
    result = layer_table(varied, (28, 28, 1), 10)
    assert (result.n_parameters, result.n_trainable, result.n_not_trainable) == TOTALS["five-conv"]


def test_macs_equal_those_computed_by_hand() -> None:
    result = table("two-conv-7")
    by_hand = {
        0: 22 * 22 * 64 * 7 * 7 * 1,
        1: 16 * 16 * 32 * 7 * 7 * 64,
        6: 2048 * 128,
        9: 128 * 10,
    }
    assert [row.macs for row in result.rows] == [by_hand.get(number, 0) for number in range(10)]
    assert result.macs == sum(by_hand.values()) == 27_471_360


def test_no_op_layers_have_a_reason() -> None:
    no_ops = [row.text for row in table("six-conv").rows if row.no_op_reason]
    assert no_ops == ["max-pool 1"] * 4
    assert [row for name in ("two-conv-7", "five-conv") for row in table(name).rows if row.no_op_reason] == []
    result = layer_table(
        Network.read(["max-pool 1 stride=2", "average-pool 1", "flatten", "flatten", "dropout 0"]),
        (4, 4, 1),
        2,
    )
    assert [row.no_op_reason for row in result.rows] == [
        "",
        "it pools over windows of 1 × 1",
        "",
        "its input is flat already",
        "its rate is 0",
        "",
    ]
