"""Layer tables on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]


def test_parameter_counts_equal_those_of_the_notebook(convstudy: Call) -> None:
    networks = {each["name"]: each for each in convstudy("networks", "mnist", "--json").json["networks"]}
    totals = {
        name: (each["n_parameters"], each["n_trainable"], each["n_not_trainable"])
        for name, each in networks.items()
    }
    assert totals == {
        "two-conv": (367_786, 367_466, 320),
        "five-conv": (307_306, 306_858, 448),
        "six-conv": (1_074_890, 1_073_386, 1_504),
        "ablate.five-conv.plain": (306_410, 306_410, 0),
        "ablate.five-conv.tanh-glorot": (307_306, 306_858, 448),
    }


def test_name_selects_the_table_of_one_network(convstudy: Call) -> None:
    result = convstudy("networks", "mnist", "two-conv")
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[0] == "two-conv, input 28 × 28 × 1"
    (row,) = [line for line in lines if "conv 32 7" in line]
    assert "16 × 16 × 32" in row and "100,384" in row
    assert "367,786 total, 367,466 trainable, 320 not trainable" in result.out
    assert "five-conv" not in result.out


def test_no_op_layers_are_marked(convstudy: Call) -> None:
    result = convstudy("networks", "mnist", "six-conv")
    assert result.out.count("does nothing") == 4


def test_set_changes_the_table(convstudy: Call) -> None:
    result = convstudy("networks", "mnist", "two-conv", "--json", "--set", "network.two-conv.kernel=3")
    assert result.json["networks"][0]["layers"][0]["n_parameters"] == 64 * 9 + 64


def test_a_kernel_larger_than_its_input_is_an_error(convstudy: Call) -> None:
    result = convstudy("networks", "mnist", "--set", "network.two-conv.kernel=25")
    assert result.status == 2
    assert "25" in result.err


def test_pairs_of_variants_are_shown(convstudy: Call) -> None:
    result = convstudy("networks", "mnist", "--json", "--set", "ablate.five-conv.interactions=true")
    names = [each["name"] for each in result.json["networks"] if " + " in each["name"]]
    assert names == [
        "ablate.five-conv.plain + tanh-glorot"
    ]  # a variant of the recipe leaves the network unchanged


def test_nested_layers_are_indented_and_numbered_by_path(convstudy: Call, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        """
[study]
name = "blocks"
dataset = "digits"

[network.small]
layers = ["conv 4 3 stride=4", "residual basic filters=6 stride=2 then=relu", "flatten"]

[ablate.small]
plain = { without = ["residual"] }
""",
        encoding="utf-8",
    )
    result = convstudy("networks", study, "small")

    numbers = [line.split()[0] for line in result.out.splitlines()[4:] if line]
    assert numbers[:-1] == [
        "1",
        "2",
        "2.1",
        "2.2",
        "2.3",
        "2.4",
        "2.5",
        "2.shortcut.1",
        "2.shortcut.2",
        "3",
        "4",
    ]
    (row,) = [line for line in result.out.splitlines() if "2.shortcut.1" in line]
    assert "conv 6 1 stride=2 bias=no" in row
    by_name = {each["name"]: each for each in convstudy("networks", study, "--json").json["networks"]}
    assert [layer["number"] for layer in by_name["small"]["layers"]] == numbers[:-1]
    texts = [layer["text"] for layer in by_name["ablate.small.plain"]["layers"]]
    assert texts[1] == "conv 6 3 stride=2 padding=same bias=no"
    assert texts[6] == "activation relu"
