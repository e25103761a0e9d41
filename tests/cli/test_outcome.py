"""The output of a run whose report or checks fail: the answer is always printed."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import convstudy.checks
import convstudy.report.write
from convstudy.cli import outcome
from convstudy.history import History
from convstudy.record import Record
from convstudy.store.artefacts import Artefacts
from tests.cli.conftest import CommandResult, process_arguments

Call = Callable[..., CommandResult]
QUESTIONS = ("Search kernel: ", "Comparison both: ", "Ablation of flat")


@pytest.fixture
def arguments(finished: Path, tmp_path: Path) -> list[object]:
    """Return a command that runs the finished study again in a copy of its runs folder."""
    # Other tests write reports into the shared folder.
    shutil.copytree(finished, tmp_path / "runs", ignore=shutil.ignore_patterns("tiny-*"))
    return ["run", finished.parent / "tiny.toml", "--runs", tmp_path / "runs"]


def broken(*_: object, **__: object) -> str:
    raise RuntimeError("the template is wrong")


def interrupted(*_: object, **__: object) -> str:
    raise KeyboardInterrupt


def full(texts: object) -> bytes:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def folder_of_report(arguments: list[object]) -> Path:
    history = History.open(Path(str(arguments[-1])))
    (run,) = history.runs()
    return history.report_folder(run.run_id)


def has_the_answer(result: CommandResult) -> bool:
    return all(question in result.out for question in QUESTIONS)


def test_a_bug_in_the_report_keeps_the_answer(
    convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convstudy_write(), "pieces", broken)
    result = convstudy(*arguments)
    assert result.status == 1
    assert has_the_answer(result) and "checks: " in result.err
    assert "report: not written; `convstudy report tiny-" in result.out
    assert "report.html: this is a bug in convstudy; got RuntimeError: the template is wrong." in result.err
    assert "got RuntimeError: the template is wrong" in result.err
    as_json = convstudy(*arguments, "--json")
    assert as_json.status == 1
    assert len(as_json.json["answer"]) == len(QUESTIONS) and as_json.json["report"] is None
    assert as_json.json["findings"]
    (problem,) = as_json.json["errors"]
    assert problem["got"] == "RuntimeError: the template is wrong"


@pytest.mark.parametrize("command", ["run", "report", "check", "status"])
def test_a_command_reads_each_file_at_most_once(
    command: str, convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[tuple[object, ...]] = Counter()
    computed: Counter[str] = Counter()
    analyse: Any = importlib.import_module("convstudy.analysis.analyse")
    original_read, original_stage_result, original_protocol = (
        Artefacts.read,
        analyse.stage_result,
        analyse.protocol,
    )

    def reading(self: Artefacts, fit_id: str, kind: str, weights_digest: str = "") -> object:
        read[fit_id, kind] += 1
        return original_read(self, fit_id, kind, weights_digest)

    def verifying(self: Artefacts, fit_id: str, kind: str, weights_digest: str) -> bool:
        return bool(original_read(self, fit_id, kind, weights_digest))

    def stage_result(*passed: Any) -> object:
        computed[passed[1].key] += 1
        return original_stage_result(*passed)

    def protocol(*passed: Any) -> object:
        computed["protocol"] += 1
        return original_protocol(*passed)

    monkeypatch.setattr(Artefacts, "read", reading)
    # A run verifies its files before the analysis.
    monkeypatch.setattr(Artefacts, "is_sound", verifying)
    monkeypatch.setattr(analyse, "stage_result", stage_result)
    monkeypatch.setattr(analyse, "protocol", protocol)
    result = convstudy(command, arguments[1] if command in ("run", "check") else "tiny", *arguments[2:])
    assert result.status == 0
    if command == "status":
        assert not read and not computed
        return
    assert len(read) > 5 and set(read.values()) == {1}
    assert len(computed) == len(QUESTIONS) + 1 and set(computed.values()) == {1}


@pytest.mark.parametrize("when", ["before the report", "while it is written"])
def test_a_deleted_runs_folder_gives_exit_status_2(
    when: str, convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Path(str(arguments[-1]))
    name = "write_report" if when == "before the report" else "write_files"
    owner = outcome.Outcome if when == "before the report" else outcome
    original = getattr(owner, name)

    def delete(*passed: object) -> object:
        shutil.rmtree(runs)
        return original(*passed)

    monkeypatch.setattr(owner, name, delete)
    result = convstudy(*arguments)
    assert result.status == 2
    assert has_the_answer(result) and "report: not written" in result.out
    assert f"{runs}: this runs folder was deleted after the run" in result.err
    assert runs.exists() == (when == "while it is written")


def convstudy_write() -> object:
    return convstudy.report.write


def test_a_bug_before_the_report_keeps_the_answer(
    convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convstudy_write(), "gather", broken)
    result = convstudy(*arguments)
    assert result.status == 1 and has_the_answer(result)
    assert "bug in convstudy" in result.err


def test_a_full_disk_keeps_the_answer(
    convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convstudy.report.files._encoded", full)
    result = convstudy(*arguments)
    assert result.status == 2 and has_the_answer(result)
    assert "report.html: the report cannot be written: no space left on device" in result.err
    assert "partial" not in result.err and "bug" not in result.err
    assert "--output DIR" in result.err and "all trained models are kept" in result.err
    (problem,) = convstudy(*arguments, "--json").json["errors"]
    assert problem["where"]["file"].endswith("report.html")


@pytest.mark.skipif(os.name != "posix", reason="Windows has another error message")
def test_a_file_in_place_of_the_report_folder_keeps_the_answer(
    convstudy: Call, arguments: list[object]
) -> None:
    folder = folder_of_report(arguments)
    folder.touch()
    result = convstudy(*arguments)
    assert result.status == 2 and has_the_answer(result)
    assert f"{folder}: the report cannot be written: file exists" in result.err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root can write to read-only folders")
def test_a_read_only_report_folder_keeps_the_answer(convstudy: Call, arguments: list[object]) -> None:
    folder = folder_of_report(arguments)
    folder.mkdir(mode=0o500)
    result = convstudy(*arguments)
    folder.chmod(0o700)
    assert result.status == 2 and has_the_answer(result)
    assert f"{folder / 'report.html'}: the report cannot be written: permission denied" in result.err


def test_a_bug_in_the_checks_keeps_the_answer_and_the_report(
    convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convstudy_checks(), "check_run", broken)
    result = convstudy(*arguments)
    assert result.status == 1 and has_the_answer(result)
    assert "checks:" not in result.err and "bug in convstudy" in result.err
    (line,) = [line for line in result.out.splitlines() if line.startswith("report: ")]
    assert Path(line.removeprefix("report: ")).is_file()
    as_json = convstudy(*arguments, "--json").json
    assert len(as_json["errors"]) == 1 and "findings" not in as_json


def test_a_bug_in_the_results_keeps_the_answer_in_json(
    convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convstudy.cli.outcome.failed_json", broken)
    result = convstudy(*arguments, "--no-report", "--json")
    assert result.status == 1
    assert len(result.json["answer"]) == len(QUESTIONS) and len(result.json["errors"]) == 1


def convstudy_checks() -> object:
    return convstudy.checks


def test_ctrl_c_during_the_report_keeps_the_answer(
    convstudy: Call, arguments: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convstudy_write(), "gather", interrupted)
    result = convstudy(*arguments)
    assert result.status == 130 and has_the_answer(result)
    assert "interrupted" in result.err and "report: not written" in result.out
    as_json = convstudy(*arguments, "--json")
    assert as_json.status == 130
    assert len(as_json.json["answer"]) == 3 and as_json.json["errors"][0]["what"].startswith("interrupted")


def test_a_bug_in_one_format_keeps_the_others(
    convstudy: Call, arguments: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convstudy_write(), "figure_spec", broken)
    report = ["report", "tiny", *arguments[2:], "--output", tmp_path / "there"]
    result = convstudy(*report, "--format", "svg,csv,markdown,png,json")
    assert result.status == 1
    written = {Path(line).suffix for line in result.out.splitlines()}
    assert written == {".csv", ".md", ".json"}
    assert result.err.count("bug in convstudy") == 1 and ".svg and " in result.err
    assert all(question in result.err for question in QUESTIONS)


def test_an_unwritable_file_keeps_the_others(
    convstudy: Call, arguments: list[object], tmp_path: Path
) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "tables").touch()
    (folder / "report.md").mkdir()
    report = ["report", "tiny", *arguments[2:], "--output", folder]
    result = convstudy(*report, "--format", "csv,markdown,json")
    assert result.status == 2
    assert result.out.split() == [str(folder / "report.json")]
    assert f"{folder / 'tables'} and " in result.err and f"{folder / 'report.md'}: " in result.err


def test_failed_fits_decide_the_exit_status_before_the_report(
    convstudy: Call, tiny: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = History.open(finished).results("tiny")
    fit = results.plan.fits[-1]
    failed = Record(fit.id, "failed", error_kind="diverged", error="the loss is not finite")
    object.__setattr__(results, "records", {**results.records, fit.id: failed})
    monkeypatch.setattr("convstudy.run.run_study", lambda *_, **__: results)
    History.open(tmp_path / "runs", create=True).close()
    monkeypatch.setattr("convstudy.report.files._encoded", full)
    result = convstudy("run", tiny, "--runs", tmp_path / "runs")
    assert result.status == 1
    assert "1 of 10 fits failed" in result.err and "cannot be written" in result.err


@pytest.mark.parametrize("closed", [">&-", ">/dev/full"])
def test_a_run_with_a_failing_stdout_writes_its_report(arguments: list[object], closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *process_arguments(*map(str, arguments))],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("stdout: the result cannot be printed: ")
    assert (folder_of_report(arguments) / "report.html").is_file()
