"""``convstudy check``, and ``--strict`` of all commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]
SUPPRESS = """
[suppress]
no-op-layer = "the tiny study has one to be found"
unequal-tuning = "only the comparison matters"
batch-norm-at-its-start = "it has no batch-norm"
"""


def checks(result: CommandResult, what: str = "findings") -> list[str]:
    return [each["check"] for each in result.json[what]]


def test_the_plan_is_checked_before_a_run(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "none"
    result = convstudy("check", tiny, "--runs", runs)
    assert result.status == 0
    assert not runs.exists()
    head, first, *_ = result.out.splitlines()
    assert head == "tiny (plan, nothing trained yet): 2 warnings and 2 notes"
    assert first == ""
    assert "warning: no-op-layer, network.small\n  layer 3" in result.out
    assert "  hint: remove it" in result.out
    assert "docs/checks.md" in result.out
    assert f"next: convstudy run {tiny} --runs {runs}" in result.out


def test_run_check_and_plan_choose_the_same_automatic_precision(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    arguments = (tiny, "--runs", tmp_path / "runs", "--set", "recipe.precision=auto", "--json")
    ran = convstudy("run", *arguments, "--workers", 1, "--no-report").json
    assert convstudy("check", *arguments).json["run"] == ran["run_id"]
    assert convstudy("plan", *arguments, "--no-estimate-time").json["left"]["n_fits"] == 0


def test_results_are_checked_after_a_run(convstudy: Call, tiny: Path, finished: Path) -> None:
    result = convstudy("check", tiny, "--runs", finished, "--json")
    assert result.status == 0
    assert result.json["run"].startswith("tiny-")
    before = ["no-op-layer", "unequal-tuning", "few-validation-images", "few-seeds"]
    assert checks(result)[:4] == before
    assert "difference-within-noise" in checks(result)
    assert "test-set-in-a-choice" not in checks(result), "its own test-set evaluations follow its selections"
    changed = convstudy("check", tiny, "--runs", finished, "--json", "--set", "recipe.epochs=3")
    assert changed.json["run"] is None
    assert checks(changed) == [*before, "test-set-in-a-choice"]


def test_suppressed_findings_are_listed_apart_and_may_change_after_the_run(
    convstudy: Call, tiny: Path, finished: Path
) -> None:
    tiny.write_text(tiny.read_text() + SUPPRESS)
    result = convstudy("check", tiny, "--runs", finished, "--json")
    assert result.json["run"].startswith("tiny-"), "it is the same run"
    assert not {"no-op-layer", "unequal-tuning"} & set(checks(result))
    suppressed = {each["finding"]["check"]: each["reason"] for each in result.json["suppressed"]}
    assert suppressed == {
        "no-op-layer": "the tiny study has one to be found",
        "unequal-tuning": "only the comparison matters",
    }
    text = convstudy("check", tiny, "--runs", finished).out
    assert "and 2 suppressed" in text.splitlines()[0]
    assert "suppressed: unequal-tuning, compare.both (only the comparison matters)" in text


def test_strict_gives_exit_status_1_for_a_warning(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    runs = ("--runs", tmp_path / "none")
    for command in (("check",), ("plan", "--no-estimate-time")):
        result = convstudy(*command, tiny, *runs, "--strict")
        assert result.status == 1
        assert "no-op-layer" in result.out
        assert result.err == ""
        assert convstudy(*command, tiny, *runs).status == 0
    tiny.write_text(tiny.read_text() + SUPPRESS)
    for command in (("check",), ("plan", "--no-estimate-time")):
        result = convstudy(*command, tiny, *runs, "--strict")
        assert result.status == 0, "notes are no warnings"
        assert "few-seeds" in result.out


def test_strict_changes_only_the_exit_status_of_a_run(convstudy: Call, tiny: Path, finished: Path) -> None:
    arguments = ("run", tiny, "--runs", finished, "--no-report")
    strict = convstudy(*arguments, "--strict")
    plain = convstudy(*arguments)
    assert (strict.status, plain.status) == (1, 0)
    assert strict.out == plain.out
    assert re.search(
        r"^checks: \d warnings and \d notes; list them: convstudy check ", plain.err, re.MULTILINE
    )
    assert f"; list them: convstudy check {tiny} --runs {finished}\n" in plain.err
    assert checks(convstudy(*arguments, "--json"))[0] == "no-op-layer"


def test_study_without_findings_exits_with_status_0_if_strict(convstudy: Call, tmp_path: Path) -> None:
    path = tmp_path / "clean.toml"
    path.write_text(
        '[study]\nname = "clean"\ndataset = "mnist"\nseeds = 5\n'
        '[network.flat]\nlayers = ["flatten", "dense 8 relu"]\n'
        '[ablate.flat]\ntanh = { activation = "tanh" }\n'
    )
    result = convstudy("check", path, "--runs", tmp_path / "none", "--strict")
    assert result.status == 0
    assert result.out.startswith("clean (plan, nothing trained yet): no findings\n\npassed: no-op-layer, ")
    assert "not applicable, because nothing is trained yet: diverged-fit, " in result.out
    assert result.out.splitlines()[-1].startswith("next: ")


@pytest.mark.parametrize("command", ["check", "plan", "run"])
def test_help_describes_strict(convstudy: Call, command: str) -> None:
    text = " ".join(convstudy(command, "--help").out.split())
    assert "Exit with status 1 if a check warns." in text
    assert "(with --strict)" in text
