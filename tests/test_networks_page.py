"""The examples of docs/networks.md run, and its lists are complete."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from convstudy.cli import main
from convstudy.networks import ACTIVATIONS, BLOCKS, INITIALISERS, LAYERS, Network, layer_table
from convstudy.networks.layers.residual import SHORTCUTS
from convstudy.plan import make_plan
from convstudy.studyfile import load_study
from tests.networks.test_small_image_networks import MOBILENET_V2, RESNET_18

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "networks.md").read_text("utf-8")


def code_blocks(language: str) -> list[str]:
    """Return the code blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.M)


def test_study_can_be_planned_and_its_table_is_that_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study, *_ = code_blocks("toml")
    Path("resnet.toml").write_text(study, encoding="utf-8")
    assert [stage.key for stage in make_plan(load_study("resnet.toml")).stages] == [
        "search.width",
        "ablate.resnet",
    ]
    assert main(["networks", "resnet.toml", "resnet"]) == 0
    (table,) = code_blocks("console")
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == table.splitlines()


def test_resnet_20_has_the_parameters_of_the_page(tmp_path: Path) -> None:
    _, network, _ = code_blocks("toml")
    for shortcut, n in ((" shortcut=pad", "269,722"), ("", "272,474")):
        text = '[study]\nname = "a"\ndataset = "mnist"\n' + network.replace(
            "then=relu", f"then=relu{shortcut}"
        )
        path = tmp_path / "study.toml"
        path.write_text(text + '[ablate.resnet-20]\ntanh = { activation = "tanh" }\n', encoding="utf-8")
        built = load_study(path).network["resnet-20"].network()
        assert f"{layer_table(built, (32, 32, 3), 10).n_trainable:,}" == n
        assert n in PAGE


def test_networks_for_small_images_are_the_tested_ones() -> None:
    _, _, networks = code_blocks("toml")
    found = {name: pattern["layers"] for name, pattern in tomllib.loads(networks)["network"].items()}
    assert {name: Network.read(layers) for name, layers in found.items()} == {
        "resnet-18": Network.read(RESNET_18),
        "mobilenet-v2": Network.read(MOBILENET_V2),
    }
    for layers in found.values():
        assert f"{layer_table(Network.read(layers), (32, 32, 3), 10).n_trainable:,}" in PAGE


def test_listed_layers_have_the_usage_and_summary_of_the_code() -> None:
    rows = re.findall(r"^\| `([a-z-]+)(.*?)` \| (.*) \|$", PAGE.partition("## Layers")[2], re.M)
    assert len(rows) >= 19
    for word, usage, sentence in rows:
        assert (word + usage).replace("\\|", "|") == LAYERS[word].usage
        assert sentence.replace("`", "") == LAYERS[word].summary()


def test_python_code_prints_the_output_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    (code,), (printed,) = code_blocks("python"), code_blocks("text")
    exec(compile(code, "docs/networks.md", "exec"), {})  # our own page
    assert capsys.readouterr().out == printed


def test_listed_layers_blocks_and_names_exist() -> None:
    listed = re.findall(r"^\| `([a-z-]+)[^|]*\|", PAGE, re.M)
    shortcuts = [word for word in listed if word in SHORTCUTS]
    assert sorted(shortcuts) == sorted(SHORTCUTS)
    words = [word for word in listed if word not in (*SHORTCUTS, "shortcut")]  # the head of a table
    assert set(words) <= {*LAYERS, *BLOCKS, "block"}
    assert len(words) >= 25
    for name in BLOCKS.keys() & set(words):
        (row,) = re.findall(rf"^\| `{name}` \| (.*) \| (.*) \|$", PAGE, re.M)
        assert row == (
            ", ".join(f"`{key}={value}`" for key, value in BLOCKS[name].parameters.items()),
            BLOCKS[name].source,
        )
    names = re.search(r"^Activations: (.*?)\s+Initialisers: (.*?)\n\n", PAGE, re.DOTALL | re.M)
    assert names is not None
    activations, initialisers = (set(re.findall(r"`([a-z0-9-]+)`", part)) for part in names.groups())
    assert activations <= set(ACTIVATIONS)
    assert len(activations) > 10
    assert initialisers <= set(INITIALISERS) and len(initialisers) == 7


def test_value_can_be_a_whole_layer() -> None:
    assert "`residual basic norm={norm}`" in PAGE
    from convstudy.studyfile import NetworkPattern

    pattern = NetworkPattern(layers=("residual basic norm={norm}",), parameters={"norm": "batch-norm torch"})
    assert pattern.network().layer_types.count("batch-norm") == 2
    assert pattern.network() != Network.read(["residual basic"])
