from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.cli.conftest import Ended

Call = Callable[..., Ended]
NOTEBOOK = ("verdict", "--successes", "9951", "9937", "--n", "10000")


def test_the_notebooks_figures(convstudy: Call) -> None:
    ended = convstudy(*NOTEBOOK)
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("The comparison of the two models is inconclusive (difference 0.14 pp, ")


def test_a_program_reads_the_same(convstudy: Call) -> None:
    ended = convstudy(*NOTEBOOK, "--discordant", 21, 7, "--json")
    assert ended.json["kind"] == "inconclusive"
    assert ended.json["pairs"] == {"both": 9930, "first_only": 21, "second_only": 7, "neither": 42}
    assert ended.json["mcnemar_exact_p"] == pytest.approx(0.0125, abs=1e-3)
    assert ended.json["answer"] == convstudy(*NOTEBOOK, "--both-right", 9930).out.splitlines()


def test_the_region_is_in_points(convstudy: Call) -> None:
    assert convstudy(*NOTEBOOK, "--both-right", 9937, "--margin", "0").out.startswith(
        "The first model is better"
    )
    assert convstudy(*NOTEBOOK, "--both-right", 9937, "--margin", "1").out.startswith(
        "The two models are equivalent within 1 percentage point on"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--successes", "9951", "9937"], "N is missing"),
        (["--successes", "9951", "--n", "10000"], "convstudy verdict"),
        (["--successes", "1", "x", "--n", "3"], "'x' is not a valid integer"),
        (["--successes", "4", "2", "--n", "3"], "so many cannot be right"),
        (["--successes", "1", "2", "--n", "3", "--both-right", "2"], "0 to 1 with these successes"),
        (["--successes", "1", "2", "--n", "3", "--discordant", "1", "1"], "do not fit the successes"),
        (["--successes", "1", "2", "--n", "3", "--margin", "nan"], "this is no region"),
        (
            ["--successes", "1", "2", "--n", "3", "--margin", "500"],
            "--margin: 500.0 is not in the range 0<=x<=100",
        ),
    ],
)
def test_what_cannot_be_is_said(convstudy: Call, words: list[str], said: str) -> None:
    ended = convstudy("verdict", *words)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err


def test_the_calculator_loads_no_torch() -> None:
    script = f"import sys\nfrom convstudy.cli import main\nmain({list(NOTEBOOK)})\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "torch" not in done.stderr.split()
