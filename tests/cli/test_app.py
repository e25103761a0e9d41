"""All commands: imports, help, exit statuses and error messages."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import convstudy.studyfile
from convstudy.cli.app import app
from tests.cli.conftest import CommandResult, process_arguments

Call = Callable[..., CommandResult]
COMMANDS = sorted(app.commands)


def test_the_main_commands_exist() -> None:
    assert {"run", "plan", "status", "runs", "report", "networks", "schema", "init"} <= set(COMMANDS)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["run", "--help"], ["report", "--help"], ["verdict", "--help"]]
)
def test_help_imports_no_heavy_package(arguments: list[str]) -> None:
    script = (
        f"import sys\nfrom convstudy.cli import main\nmain({arguments})\nprint(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "convstudy.cli.app" in loaded
    assert not loaded & {"torch", "pydantic", "numpy", "scipy", "sklearn", "altair", "rich"}


@pytest.mark.parametrize(
    "arguments", [["status"], ["runs"], ["networks", "digits"], ["schema"], ["datasets"]]
)
def test_commands_that_do_not_train_import_no_torch(arguments: list[str], finished: Path) -> None:
    in_folder = ["--runs", str(finished)] if arguments[0] in ("status", "runs") else []
    call = f"main({arguments + in_folder})"
    script = f"import sys\nfrom convstudy.cli import main\nprint({call}, *sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    status, *loaded = done.stderr.split()
    assert status == "0"
    assert "torch" not in loaded


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_exit_status_and_an_example(convstudy: Call, command: str) -> None:
    result = convstudy(command, "--help")
    assert result.status == 0
    assert result.out.startswith(f"Usage: convstudy {command}")
    assert "Exit status: 0 success" in result.out
    assert f"\n\n  Examples:\n    convstudy {command}" in result.out
    assert result.err == ""


def test_help_lists_commands_with_whole_sentences(convstudy: Call) -> None:
    listed = convstudy("--help").out.partition("Commands:")[2]
    assert all(name in listed for name in COMMANDS)
    assert "..." not in listed


def test_no_arguments_show_the_help(convstudy: Call) -> None:
    result = convstudy()
    assert result.status == 0
    assert "Commands:" in result.out


def test_version_is_that_of_the_package(convstudy: Call) -> None:
    assert convstudy("--version").out == f"convstudy {convstudy_version()}\n"


def convstudy_version() -> str:
    from convstudy import __version__

    return __version__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], 'unknown command "rnu"'),
        (["rnu"], 'did you mean "run"?'),
        (["run"], "convstudy run: STUDY is missing"),
        (["report"], "convstudy report: RUN is missing"),
        (["run", "digits", "--worker", "2"], 'did you mean "--workers"?'),
        (["--jsn"], 'unknown option "--jsn"'),
        (["run", "digits", "--workers"], "--workers"),
        (["run", "digits", "twice"], "unexpected argument (twice)"),
        (
            ["run", "digits", "--workers", "0"],
            "convstudy run --workers must be an integer of 1 or more; got 0.",
        ),
        (["run", "digits", "--workers", "many"], "got many"),
        (["run", "digits", "--device", "cdua"], 'did you mean "cuda"?'),
        (["run", "digits", "--device", "cuda:99"], 'device must be one of "auto", "cpu"'),
        (["plan", "digits", "--seeds", "0"], "convstudy plan --seeds"),
        (["plan", "digits", "--subset", "-3"], "must be an integer of 1 or more"),
        (
            ["plan", "digits", "--seeds", "1000000000"],
            "must be an integer of 1 to 999,999,999; got 1000000000.",
        ),
        (["plan", "digits", "--subset", "3"], "study.subset"),
        (["plan", "digits", "--set", "epochs"], "KEY=VALUE"),
        (["plan", "digits", "--set", "recipe.epoch=3"], 'did you mean "epochs"?'),
        (["plan", "digits", "--set", "recipe.optimizer=adm"], 'did you mean "adam"?'),
        (["plan", "digits", "--seeds", "2", "--set", "study.seeds=3"], "study.seeds has two values"),
        (["plan", "digit"], 'did you mean "digits"?'),
        (["networks", "digits", "oen-conv"], 'did you mean "one-conv"?'),
        (["init", "--dataset", "mnits"], 'did you mean "mnist"?'),
        (["report", "any", "--format", "html,pfd"], 'did you mean "pdf"?'),
    ],
)
def test_usage_error_names_the_invalid_argument(convstudy: Call, arguments: list[str], message: str) -> None:
    result = convstudy(*arguments)
    assert result.status == 2
    assert message in result.err
    assert result.out == ""


def test_all_invalid_changes_are_reported_at_once(convstudy: Call) -> None:
    result = convstudy("plan", "digits", "--set", "epochs", "--set", "=3", "--set", "a.b=[")
    assert result.status == 2
    assert result.err.count("--set") >= 3


def test_errors_are_json_with_json(convstudy: Call) -> None:
    result = convstudy("plan", "digits", "--json", "--set", "recipe.epoch=3")
    assert result.status == 2
    (problem,) = result.json["errors"]
    assert problem["got"] == '"epoch"'
    assert problem["hint"] == 'did you mean "epochs"?'
    assert "epochs" in result.err


def test_errors_of_click_are_json_with_json(convstudy: Call) -> None:
    result = convstudy("plan", "--json")
    assert result.status == 2
    assert result.json["errors"][0]["what"] == "STUDY is missing"


def test_a_bug_has_one_line_and_its_traceback_in_a_file(
    convstudy: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("an unexpected state\nin two lines")

    monkeypatch.setattr(convstudy_spec(), "load_study", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    result = convstudy("plan", "digits", "--json")
    assert result.status == 1
    assert "bug" in result.err and "RuntimeError: an unexpected state" in result.err
    assert result.json["errors"][0]["got"] == "RuntimeError: an unexpected state"
    (file,) = tmp_path.glob("convstudy-bug-*.txt")
    assert str(file) in result.err
    assert "Traceback" in file.read_text("utf-8") and "in broken" in file.read_text("utf-8")


def convstudy_spec() -> object:
    return convstudy.studyfile


def test_an_error_of_the_file_system_is_no_bug(convstudy: Call, tmp_path: Path) -> None:
    result = convstudy("init", tmp_path / "no" / "such" / "folder" / "study.toml")
    assert result.status == 2
    assert "no such file or directory" in result.err


def test_ctrl_c_outside_a_run_gives_exit_status_130(convstudy: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(convstudy_spec(), "load_study", stopped)
    result = convstudy("plan", "digits")
    assert result.status == 130
    assert "Interrupted." in result.err


def test_a_closed_pipe_gives_exit_status_141_without_message() -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(process_arguments("schema"), stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    _, err = process.communicate()
    assert process.returncode == 141
    assert err == ""


def test_the_console_script_names_main() -> None:
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text("utf-8")
    assert re.search(r'^convstudy = "convstudy\.cli:main"$', text, re.MULTILINE)
