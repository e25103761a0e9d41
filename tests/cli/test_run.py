"""``convstudy run`` from the command line to the answer."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.cli.run import SHORT_MNIST
from convstudy.run import read_events
from tests.cli.conftest import N_FITS, CommandResult, process_arguments

Call = Callable[..., CommandResult]
SCORES = ("validation", "test", "n_done", "n_failed", "n_parameters")


def results_of(result: CommandResult) -> list[object]:
    """Return the results table of a run without seconds, which differ between runs."""
    return [[row["stage"], row["name"], *(row[key] for key in SCORES)] for row in result.json["results"]]


def test_one_and_two_workers_give_the_same_results(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    one, two = (
        convstudy("run", tiny, "--runs", tmp_path / f"runs{n}", "--workers", n, "--json", "-v")
        for n in (1, 2)
    )
    for result in (one, two):
        assert result.status == 0
        assert result.json["complete"] and result.json["failed"] == []
        assert len(result.json["answer"]) >= 3
        report = Path(result.json["report"])
        assert report.suffix == ".html" and report.is_file()
        assert result.err.count("validation accuracy") >= N_FITS
    assert len(results_of(one)) == 6
    assert results_of(one) == results_of(two)


def test_stdout_has_the_answer_and_the_report(convstudy: Call, tiny: Path, finished: Path) -> None:
    result = convstudy("run", tiny, "--runs", finished, "--no-report")
    assert result.status == 0
    assert f"10 fits ({N_FITS} already trained)" in result.err
    assert f"list them: convstudy check {tiny} --runs {finished}\n" in result.err
    assert "next:" not in result.err
    *answer, report = result.out.splitlines()
    assert [line.split()[0] for line in answer] == ["Search", "Comparison", "Ablation"]
    assert re.fullmatch(
        rf"report: not written; `convstudy report tiny-\w+ --runs {finished}` writes it", report
    )


def test_a_run_prints_stages_and_with_verbose_fits(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    plain = convstudy(
        "run", tiny, "--runs", tmp_path / "plain", "--workers", 1, "--no-report"
    ).err.splitlines()
    run, search, comparison, ablation, summary, checks = plain
    assert re.fullmatch(r"tiny-\w+: 10 fits, 1 worker", run)
    assert re.match(
        r"search\.kernel: selected kernel=\d \(validation accuracy .* %\); 4 of 10 fits done", search
    )
    assert re.match(
        r"compare\.both: selected \w+ \(validation accuracy .* %\); 8 of 10 fits done", comparison
    )
    assert ablation == "ablate.flat: done"
    assert re.fullmatch(r"10 of 10 fits done, 6 models tested, .* s", summary)
    assert checks.startswith("checks: ")
    verbose = convstudy(
        "run", tiny, "--runs", tmp_path / "verbose", "--workers", 1, "--no-report", "--verbose"
    )
    assert len(re.findall(r"^\[ ?\d+/10\] ", verbose.err, re.MULTILINE)) == N_FITS
    assert verbose.err.count(": test accuracy ") == 6


def test_digits_suggests_a_part_of_mnist(
    convstudy: Call, tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convstudy.history import History

    results = History.open(finished).results("tiny")
    monkeypatch.setattr("convstudy.run.run_study", lambda *_, **__: results)
    result = convstudy("run", "digits", "--runs", tmp_path, "--no-report")
    assert f"next:   convstudy {SHORT_MNIST}" in result.err


def test_a_study_with_failed_fits_runs_to_its_end(
    convstudy: Call, tiny: Path, tmp_path: Path, finished: Path
) -> None:
    # Weight decay × learning rate is 900: each step multiplies the weights by −899, until they overflow.
    changes = {"optimizer": "sgd", "learning_rate": 100.0, "weight_decay": 9.0, "batch_size": 5}
    arguments = [word for key, value in changes.items() for word in ("--set", f"recipe.{key}={value}")]
    result = convstudy("run", tiny, "--runs", tmp_path / "runs", "--no-report", "--json", *arguments)
    # The comparison's "small" is not trained, because no kernel is selected.
    assert len(result.json["failed"]) == N_FITS - 2
    assert [row["n_failed"] for row in result.json["results"]] == [2, 2, 0, 2, 2, 2]
    assert result.status == 1
    assert {fit["error_kind"] for fit in result.json["failed"]} == {"diverged"}
    assert f"{len(result.json['failed'])} of {N_FITS} fits failed:" in result.err
    assert result.err.count("hint:") == 1
    status = convstudy("status", "--runs", tmp_path / "runs")
    assert "failed fits" in status.out and "diverged" in status.out


def test_a_runs_folder_in_use_is_an_error(convstudy: Call, tiny: Path, finished: Path) -> None:
    from convstudy.history import History

    with History.open(finished).writing():
        result = convstudy("run", tiny, "--runs", finished)
    assert result.status == 2
    assert "another convstudy process" in result.err


def test_the_same_command_resumes_after_ctrl_c(tiny: Path, tmp_path: Path) -> None:
    arguments = [
        "run",
        str(tiny),
        "--runs",
        str(tmp_path / "runs"),
        "--workers",
        "1",
        "--seeds",
        "4",
        "--no-report",
        "-v",
    ]
    process = subprocess.Popen(
        process_arguments(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores this signal, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    line = ""
    while not line.startswith("["):
        line = process.stderr.readline()
        assert line, "the run result before its first fit"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "Interrupted: " in err and "are kept in" in err
    assert f"convstudy run {tiny} --runs {tmp_path / 'runs'} --workers 1 --seeds 4 --no-report -v" in err
    status = subprocess.run(
        process_arguments("status", "--runs", str(tmp_path / "runs"), "--json"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(status.stdout)["run"]["status"] == "interrupted"
    again = subprocess.run(
        process_arguments(*arguments, "--json"), capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "already trained)" in again.stderr
    assert json.loads(again.stdout)["complete"]


def test_events_are_appended_to_a_file(convstudy: Call, tiny: Path, finished: Path, tmp_path: Path) -> None:
    # Everything is trained already, so no worker starts.
    path = tmp_path / "events.jsonl"
    for n_runs in (1, 2):
        result = convstudy("run", tiny, "--runs", finished, "--events", path, "--no-report")
        assert result.status == 0, result.err
        events = list(read_events(path))
        assert [event.kind for event in events].count("run-started") == n_runs
    assert {event.kind for event in events} == {"run-started", "choice-made"}


def test_an_events_path_that_is_a_folder_is_one_error(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    result = convstudy("run", tiny, "--runs", tmp_path / "runs", "--events", tmp_path)
    assert (result.status, result.out) == (2, "")
    assert f"{tmp_path}: events cannot be written to this file" in result.err
    assert not (tmp_path / "runs").exists()
