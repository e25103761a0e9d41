from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]
NOTEBOOK = ("verdict", "--successes", "9951", "9937", "--n", "10000")


def test_the_verdict_on_the_notebook_is_inconclusive(convstudy: Call) -> None:
    result = convstudy(*NOTEBOOK)
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("The comparison of the two models is inconclusive (difference 0.14 pp, ")


def test_json_has_the_same_verdict(convstudy: Call) -> None:
    result = convstudy(*NOTEBOOK, "--discordant", 21, 7, "--json")
    assert result.json["kind"] == "inconclusive"
    assert result.json["pairs"] == {"both": 9930, "first_only": 21, "second_only": 7, "neither": 42}
    assert result.json["mcnemar_exact_p"] == pytest.approx(0.0125, abs=1e-3)
    assert result.json["answer"] == convstudy(*NOTEBOOK, "--both-right", 9930).out.splitlines()


def test_the_margin_is_in_percentage_points(convstudy: Call) -> None:
    assert convstudy(*NOTEBOOK, "--both-right", 9937, "--margin", "0").out.startswith(
        "The first model is better"
    )
    assert convstudy(*NOTEBOOK, "--both-right", 9937, "--margin", "1").out.startswith(
        "The two models are equivalent within 1 percentage point on"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--successes", "9951", "9937"], "N is missing"),
        (["--successes", "9951", "--n", "10000"], "convstudy verdict"),
        (["--successes", "1", "x", "--n", "3"], "--successes must be an integer; got 'x'"),
        (
            ["--successes", "4", "2", "--n", "3"],
            "each number of correct predictions must be in [0, 3]; got 4.",
        ),
        (
            ["--successes", "1", "2", "--n", "3", "--both-right", "2"],
            "both_right must be in [0, 1] with these successes; got 2.",
        ),
        (
            ["--successes", "1", "2", "--n", "3", "--discordant", "1", "1"],
            "discordant must be two counts that differ by -1, as the successes do; got 1 and 1.",
        ),
        (["--successes", "1", "2", "--n", "3", "--margin", "nan"], "--margin must be a number in [0, 100]"),
        (["--successes", "1", "2", "--n", "3", "--margin", "0 %"], '(0, 100) such as "10 %"; got 0 %.'),
        (
            ["--successes", "1", "2", "--n", "3", "--margin", "500"],
            'a share of the errors in (0, 100) such as "10 %"; got 500.',
        ),
    ],
)
def test_impossible_counts_are_errors(convstudy: Call, arguments: list[str], message: str) -> None:
    result = convstudy("verdict", *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err


def test_verdict_imports_no_torch() -> None:
    script = f"import sys\nfrom convstudy.cli import main\nmain({list(NOTEBOOK)})\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "torch" not in done.stderr.split()


def test_the_margin_can_be_a_share_of_the_errors(convstudy: Call) -> None:
    counts = ("verdict", "--successes", "59940", "59892", "--n", "60000", "--both-right", "59880")
    assert convstudy(*counts).out.startswith("The first model is ahead")
    assert convstudy(*counts, "--margin", "10 %").out.startswith("The first model is better")
    found = convstudy(*counts, "--margin", "10%", "--json").json
    assert found["share"] == {"value": 0.1}
    assert found["errors"]["first"] == pytest.approx(0.001)
    assert found["margin"] == pytest.approx(0.1 * 108 / 60_000)
