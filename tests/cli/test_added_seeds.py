"""``--until-decided`` and ``--max-seeds`` of ``run``, ``plan`` and ``check``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]
COMPARED = """
[study]
name = "compared"
dataset = "digits"
subset = 100
seeds = 2
validation = 0.2
equivalence_margin = 5
[recipe]
epochs = 1
[network.small]
layers = ["conv 4 3 relu stride=4", "flatten"]
[network.flat]
layers = ["max-pool 28", "flatten"]
[compare.both]
networks = ["small", "flat"]
"""


@pytest.fixture
def compared(tmp_path: Path) -> Path:
    path = tmp_path / "compared.toml"
    path.write_text(COMPARED, encoding="utf-8")
    return path


def test_plan_shows_the_range_of_fits_and_the_looks(convstudy: Call, compared: Path, tmp_path: Path) -> None:
    options = ("--runs", tmp_path / "none", "--until-decided", "--max-seeds", 12)
    result = convstudy("plan", compared, *options)
    assert "3 to 12 seeds" in result.out.splitlines()[0]
    assert (
        "compare.both adds seeds until validation scores decide each pair: 6 to 24 fits, with looks after "
        "3, 5, 7, 10, 12 seeds." in result.out
    )
    assert f"convstudy run {compared} --until-decided --max-seeds 12" in result.out
    plan = convstudy("plan", compared, *options, "--json", "--no-estimate-time").json
    assert (plan["least"]["n_fits"], plan["total"]["n_fits"]) == (6, 24)
    assert plan["stages"][0]["max_seeds"] == 12 and plan["stages"][0]["looks"] == []
    fixed = convstudy("plan", compared, "--runs", tmp_path / "none", "--json", "--no-estimate-time").json
    assert fixed["least"] == fixed["total"] and fixed["stages"][0]["max_seeds"] is None


def test_default_maximum_is_thirty_seeds(convstudy: Call, compared: Path, tmp_path: Path) -> None:
    plan = convstudy(
        "plan", compared, "--runs", tmp_path / "none", "--until-decided", "--json", "--no-estimate-time"
    ).json
    assert plan["total"]["n_fits"] == 60


def test_run_prints_looks_and_the_same_command_adds_nothing(
    convstudy: Call, compared: Path, tmp_path: Path
) -> None:
    command = ("run", compared, "--runs", tmp_path / "runs", "--until-decided", "--max-seeds", 4)
    first = convstudy(*command)
    assert first.status == 0
    assert "compare.both: look at 3 seeds on validation" in first.err
    (line,) = [line for line in first.out.splitlines() if line.startswith("Seeds:")]
    assert "at most 4 seeds" in line
    again = convstudy(*command)
    assert "look at" not in again.err
    assert [each for each in again.out.splitlines() if each.startswith("Seeds:")] == [line]
    plan = convstudy("plan", *command[1:])
    assert "it needs no more seeds" in plan.out
    assert convstudy("check", *command[1:]).status == 0
    assert convstudy("status", "compared", "--runs", tmp_path / "runs").status == 0
    assert "Seeds: " in convstudy("report", "compared", "--runs", tmp_path / "runs").err


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--until-decided", "--max-seeds", 2), "must be an integer of 3 or more, because the first look"),
        (("--until-decided", "--seeds", 5), "--until-decided sets the number of seeds; got --seeds 5"),
        (("--until-decided", "--set", "study.seeds=5"), "--until-decided sets the number of seeds; got"),
        (("--max-seeds", 20), "--max-seeds needs --until-decided"),
        (("--set", "study.max_seeds=20", "--seeds", 5), "--seeds has no effect"),
        (("--until-decided", "--max-seeds", 5000), "[3, 1000]"),
    ],
)
def test_contradicting_options_give_one_error(
    options: tuple[object, ...], text: str, convstudy: Call, compared: Path, tmp_path: Path
) -> None:
    for command in ("run", "plan", "check"):
        result = convstudy(command, compared, "--runs", tmp_path / "runs", *options)
        assert result.status == 2
        assert text in result.err
        assert "Traceback" not in result.err
    assert not (tmp_path / "runs").exists()


def test_a_study_without_a_comparison_gives_one_error(convstudy: Call, tmp_path: Path) -> None:
    path = tmp_path / "searched.toml"
    search = '[search.kernel]\nnetwork = "small"\nparameters = { kernel = [3, 5] }\nfolds = 2\n'
    text = COMPARED.partition("[compare")[0].replace("conv 4 3 relu", "conv 4 {kernel} relu")
    text = text.replace('stride=4", "flatten"]', 'stride=4", "flatten"]\nkernel = 3')
    path.write_text(text + search, encoding="utf-8")
    result = convstudy("plan", path, "--runs", tmp_path / "runs", "--until-decided")
    assert result.status == 2
    assert result.err.count("there is no [compare.NAME] or [ablate.NAME]") == 1
