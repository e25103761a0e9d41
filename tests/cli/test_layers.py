"""``convstudy layers``."""

from __future__ import annotations

import json

import pytest

from convstudy.cli import main
from convstudy.networks import ACTIVATIONS, BLOCKS, INITIALISERS, LAYERS


def test_layers_lists_every_layer_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for layer in LAYERS.values():
        place = lines.index(layer.usage)
        assert lines[place + 1] == f"    {layer.summary()}"
        assert layer.summary().endswith("."), layer.word
        assert len(layer.summary()) > 30, layer.word
    for name, block in BLOCKS.items():
        (row,) = (line for line in lines if line.startswith(f"{name} "))
        assert row.endswith(block.source)
    assert lines[-2] == f"activations: {', '.join(ACTIVATIONS)}"
    assert lines[-1] == f"initialisers: {', '.join(INITIALISERS)}"


def test_json_lists_the_same_layers(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["usage"] for each in document["layers"]] == [layer.usage for layer in LAYERS.values()]
    assert len(document["layers"]) >= 19
    assert {each["name"]: each["parameters"] for each in document["blocks"]} == {
        name: dict(block.parameters) for name, block in BLOCKS.items()
    }
    assert document["activations"] == list(ACTIVATIONS)
    assert document["initialisers"] == list(INITIALISERS)
