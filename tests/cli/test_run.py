"""``convstudy run`` from the words to the answer."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.cli.run import TASTE_OF_MNIST
from convstudy.run import read_events
from tests.cli.conftest import N_FITS, Ended, process_words

Call = Callable[..., Ended]
FIGURES = ("validation", "test", "n_done", "n_failed", "n_parameters")


def table_of(ended: Ended) -> list[object]:
    """Return the results table of a run, without what differs between runs: seconds."""
    return [
        [row["stage"], row["name"], *(row[figure] for figure in FIGURES)] for row in ended.json["results"]
    ]


def test_one_and_two_workers_come_to_the_same(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    one, two = (
        convstudy("run", tiny, "--runs", tmp_path / f"runs{n}", "--workers", n, "--json") for n in (1, 2)
    )
    for ended in (one, two):
        assert ended.status == 0
        assert ended.json["complete"] and ended.json["failed"] == []
        assert len(ended.json["answer"]) >= 3
        report = Path(ended.json["report"])
        assert report.suffix == ".html" and report.is_file()
        assert ended.err.count("validation accuracy") >= N_FITS
    assert len(table_of(one)) == 6
    assert table_of(one) == table_of(two)


def test_the_answer_and_what_to_do_next(convstudy: Call, tiny: Path, finished: Path) -> None:
    ended = convstudy("run", tiny, "--runs", finished, "--no-report")
    assert ended.status == 0
    assert f"{N_FITS} of them trained before" in ended.err
    answer, _, rest = ended.out.partition("\n\n")
    assert len(answer.splitlines()) >= 3
    assert "report: none written" in rest
    assert "next:   convstudy report tiny-" in rest
    assert f"convstudy check {tiny} --runs {finished}" in rest
    assert rest.count(f"--runs {finished}") == 3


def test_after_digits_comes_mnist(
    convstudy: Call, tmp_path: Path, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from convstudy.history import History

    results = History.open(finished).results("tiny")
    monkeypatch.setattr("convstudy.run.run_study", lambda *_, **__: results)
    ended = convstudy("run", "digits", "--runs", tmp_path, "--no-report")
    assert f"next:   convstudy {TASTE_OF_MNIST}" in ended.out


def test_failed_fits_are_told_and_the_study_goes_on(
    convstudy: Call, tiny: Path, tmp_path: Path, finished: Path
) -> None:
    # Decay that is larger than the weights: each step multiplies them by −899, until they are no numbers any more.
    changes = {"optimizer": "sgd", "learning_rate": 100.0, "weight_decay": 9.0, "batch_size": 5}
    words = [word for key, value in changes.items() for word in ("--set", f"recipe.{key}={value}")]
    ended = convstudy("run", tiny, "--runs", tmp_path / "runs", "--no-report", "--json", *words)
    # All but the comparison's "small", whose kernel nobody could choose.
    assert len(ended.json["failed"]) == N_FITS - 2
    assert [row["n_failed"] for row in ended.json["results"]] == [2, 2, 0, 2, 2, 2]
    assert ended.status == 1
    assert {fit["error_kind"] for fit in ended.json["failed"]} == {"diverged"}
    assert f"{len(ended.json['failed'])} fits of {N_FITS} failed:" in ended.err
    assert ended.err.count("hint:") == 1
    status = convstudy("status", "--runs", tmp_path / "runs")
    assert "failed fits" in status.out and "diverged" in status.out


def test_a_folder_in_use_is_an_error(convstudy: Call, tiny: Path, finished: Path) -> None:
    from convstudy.history import History

    with History.open(finished).writing():
        ended = convstudy("run", tiny, "--runs", finished)
    assert ended.status == 2
    assert "another convstudy process" in ended.err


def test_ctrl_c_says_how_to_go_on_and_a_second_run_does(tiny: Path, tmp_path: Path) -> None:
    words = [
        "run",
        str(tiny),
        "--runs",
        str(tmp_path / "runs"),
        "--workers",
        "1",
        "--seeds",
        "4",
        "--no-report",
    ]
    process = subprocess.Popen(
        process_words(*words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has switched this signal off, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    line = ""
    while not line.startswith("["):
        line = process.stderr.readline()
        assert line, "the run ended before its first fit"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "Interrupted: " in err and "are kept in" in err
    assert f"convstudy run {tiny} --runs {tmp_path / 'runs'} --workers 1 --seeds 4 --no-report" in err
    status = subprocess.run(
        process_words("status", "--runs", str(tmp_path / "runs"), "--json"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(status.stdout)["run"]["status"] == "interrupted"
    again = subprocess.run(process_words(*words, "--json"), capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "of them trained before" in again.stderr
    assert json.loads(again.stdout)["complete"]


def test_events_are_appended_to_a_file(convstudy: Call, tiny: Path, finished: Path, tmp_path: Path) -> None:
    """Everything is trained already, so that no worker starts."""
    path = tmp_path / "events.jsonl"
    for n_runs in (1, 2):
        ended = convstudy("run", tiny, "--runs", finished, "--events", path, "--no-report")
        assert ended.status == 0, ended.err
        events = list(read_events(path))
        assert [event.kind for event in events].count("run-started") == n_runs
    assert {event.kind for event in events} == {"run-started", "choice-made"}


def test_a_file_of_events_that_cannot_be_written_is_one_error(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    ended = convstudy("run", tiny, "--runs", tmp_path / "runs", "--events", tmp_path)
    assert (ended.status, ended.out) == (2, "")
    assert f"{tmp_path}: events cannot be written to this file" in ended.err
    assert not (tmp_path / "runs").exists()
