"""``convstudy status``, ``runs`` and ``report`` on what was run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.cli.runs import FORMATS
from convstudy.plan import fit as fit_module
from tests.cli.conftest import N_FITS, CommandResult

Call = Callable[..., CommandResult]


@pytest.mark.parametrize("make", [True, False])
def test_folder_without_runs_gives_empty_lists_or_an_error(
    convstudy: Call, tmp_path: Path, make: bool
) -> None:
    runs = tmp_path / "runs"
    if make:
        runs.mkdir()
    for command in ("runs", "status"):
        result = convstudy(command, "--runs", runs)
        assert result.status == 0
        assert "convstudy run digits" in result.out
    assert convstudy("runs", "--runs", runs, "--json").json == []
    assert convstudy("status", "--runs", runs, "--json").json == {"run": None}
    for command in ("status", "report"):
        result = convstudy(command, "tiny", "--runs", runs)
        assert result.status == 2
        assert "the folder has no runs" in result.err
    assert list(runs.glob("*")) == []


def test_runs_lists_a_run(convstudy: Call, finished: Path) -> None:
    (run,) = convstudy("runs", "--runs", finished, "--json").json
    assert (run["name"], run["status"], run["n_fits"], run["n_done"]) == ("tiny", "complete", N_FITS, N_FITS)
    assert run["run_id"] in convstudy("runs", "--runs", finished).out


def test_status_shows_stages_and_test_set_evaluations(convstudy: Call, finished: Path) -> None:
    status = convstudy("status", "--runs", finished, "--json").json
    assert status["run"]["status"] == "complete"
    assert [(stage["n_fits"], stage["n_done"], stage["n_failed"]) for stage in status["stages"]] == [
        (4, 4, 0)
    ] * 3
    assert status["stages"][0]["chosen"] in ("kernel=3", "kernel=5")
    assert status["n_tested"] == status["n_test_evaluations"] == 6
    text = convstudy("status", "tiny", "--runs", finished).out
    assert f"{N_FITS} of {N_FITS} fits done" in text
    assert status["stages"][0]["chosen"] in text
    assert "test set of digits: 6 in this folder, 6 in this run." in text


def test_an_unknown_run_is_an_error(convstudy: Call, finished: Path) -> None:
    (run,) = convstudy("runs", "--runs", finished, "--json").json
    for command in ("status", "report"):
        result = convstudy(command, "x" + run["run_id"], "--runs", finished)
        assert result.status == 2
        assert f'did you mean "{run["run_id"]}"?' in result.err


def test_a_damaged_database_is_an_error(convstudy: Call, tmp_path: Path) -> None:
    (tmp_path / "convstudy.sqlite").write_bytes(b"this is no database" * 100)
    for command in ("runs", "status"):
        result = convstudy(command, "--runs", tmp_path)
        assert result.status == 2
        assert "convstudy.sqlite" in result.err


def test_formats_equal_those_of_the_report() -> None:
    report = pytest.importorskip("convstudy.report")
    assert tuple(report.FORMATS) == FORMATS


def test_report_writes_html_and_prints_the_answer_on_stderr(
    convstudy: Call, finished: Path, tmp_path: Path
) -> None:
    result = convstudy("report", "tiny", "--runs", finished, "--output", tmp_path / "there")
    assert result.status == 0
    paths = [Path(line) for line in result.out.splitlines()]
    assert [path.suffix for path in paths] == [".html"]
    assert all(path.is_file() and path.is_relative_to(tmp_path / "there") for path in paths)
    # stdout has only paths, for programs.
    assert [line.split(":")[0].split()[0] for line in result.err.splitlines()] == [
        "Search",
        "Comparison",
        "Ablation",
    ]


def test_report_writes_several_formats(convstudy: Call, finished: Path, tmp_path: Path) -> None:
    arguments = ("report", "tiny", "--runs", finished, "--output", tmp_path)
    result = convstudy(*arguments, "--format", "csv,json", "--format", "markdown")
    assert result.status == 0
    paths = [Path(line) for line in result.out.splitlines()]
    assert {path.suffix for path in paths} == {".csv", ".json", ".md"}
    assert all(path.is_file() for path in paths)


def test_a_run_of_an_older_version_is_outdated(
    convstudy: Call, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_module, "ENGINE_VERSION", fit_module.ENGINE_VERSION + 1)
    text = convstudy("status", "--runs", finished).out
    assert ": outdated, " in text
    assert "Another version of convstudy trained this run" in text
    assert "outdated" in convstudy("runs", "--runs", finished).out


def test_the_report_of_another_version_is_not_replaced(
    convstudy: Call, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Path(convstudy("report", "tiny", "--runs", finished).out.strip())
    before = page.read_bytes()
    monkeypatch.setattr(fit_module, "ENGINE_VERSION", fit_module.ENGINE_VERSION + 1)
    result = convstudy("report", "tiny", "--runs", finished)
    assert result.status == 2 and page.read_bytes() == before
    assert "another version of convstudy trained this run" in result.err
    assert "run the study again to train its fits" in result.err
