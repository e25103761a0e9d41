"""Run, check and report random small studies in all formats, twice.

Every study is valid, so that no command can end in a usage error or an internal error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import convstudy.run
import convstudy.run.execute
from convstudy.analysis import analyse
from convstudy.cli import main
from convstudy.data import digits
from convstudy.data.images import Part
from convstudy.history import History, Results
from convstudy.report import short_answer
from convstudy.report.toml import toml_text
from convstudy.run import run_study
from convstudy.studyfile import study_of
from tests.fuzz.formats import Report, assert_formats_agree
from tests.fuzz.random_studies import random_study

# These seeds have few fits, and every kind of question and every method among them.
QUICK = (0, 3, 4, 5, 6, 8, 14, 16, 18, 21, 26, 33, 44, 48, 50)
SLOW = tuple(seed for seed in range(315) if seed not in QUICK)
IMAGE_FORMATS = ("svg", "pdf", "png")


# Cached, because every command reads the images again, which takes longer than a fit.
read_digits = cache(digits.read_digits)


@dataclass
class Calls:
    """Calls the command line and trains in this process, and counts the fits."""

    capsys: pytest.CaptureFixture[str]
    n_trained: int = 0

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self.capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = self.capsys.readouterr()
        context = f"{arguments}: exit status {status}\n{captured.err}"
        assert status in (0, 1), context
        assert "Traceback" not in captured.err and "it is a bug in convstudy" not in captured.err, context
        return status, captured.out, captured.err


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Calls:
    found = Calls(capsys)
    train = convstudy.run.execute.run_fit

    def in_this_process(study: Any, runs: Path, workers: object, *more: Any, **named: Any) -> Results:
        return run_study(study, runs, 0, *more, **named)

    def counted(*args: Any, **named: Any) -> Any:
        found.n_trained += 1
        return train(*args, **named)

    monkeypatch.setattr(digits, "read_digits", read_digits)
    monkeypatch.setattr(convstudy.run, "run_study", in_this_process)
    monkeypatch.setattr(convstudy.run.execute, "run_fit", counted)
    return found


@pytest.mark.parametrize("seed", QUICK)
def test_properties_hold_for_a_random_study(seed: int, tmp_path: Path, calls: Calls) -> None:
    # Images take most of the time, so each study is written in one image format.
    assert_commands_agree(seed, tmp_path, calls, IMAGE_FORMATS[QUICK.index(seed) % len(IMAGE_FORMATS)])


@pytest.mark.slow
@pytest.mark.parametrize("seed", SLOW)
def test_properties_hold_for_a_further_random_study(seed: int, tmp_path: Path, calls: Calls) -> None:
    assert_commands_agree(seed, tmp_path, calls, *IMAGE_FORMATS)


def assert_commands_agree(seed: int, folder: Path, calls: Calls, *image_formats: str) -> None:
    """Run all commands on one study twice, and compare their output."""
    file, runs = folder / "study.toml", folder / "runs"
    document = random_study(seed)
    if seed % 3 == 0:
        document = from_a_file(document, folder)
    file.write_text(toml_text(document), encoding="utf-8")
    assert calls("check", file, "--runs", runs)[0] == 0

    status, out, _ = calls("run", file, "--runs", runs, "--json")
    printed, results = json.loads(out), stored(runs)
    assert calls.n_trained == len(results.records) > 0
    assert status == expected_status(results)
    assert printed["complete"] == results.complete
    assert {failed["fit_id"] for failed in printed["failed"]} == {record.fit_id for record in results.failed}

    report = reported(
        calls, runs, results.run_id, folder / "first", "html", "csv", "markdown", "json", *image_formats
    )
    assert Path(printed["report"]).read_bytes() == (folder / "first" / "report.html").read_bytes()
    assert_formats_agree(report, image_formats)
    assert report.document["answer"] == printed["answer"]
    assert set(report.document["records"]) == set(results.records) & {fit.id for fit in results.plan.fits}

    strict, out, _ = calls("check", file, "--runs", runs, "--json", "--strict")
    checked = json.loads(out)
    assert checked["findings"] == printed["findings"] == report.document["checks"]["reported"]
    assert checked["suppressed"] == printed["suppressed"] == report.document["checks"]["suppressed"]
    assert strict == any(found["level"] == "warning" for found in checked["findings"])

    n_trained = calls.n_trained
    again, out, _ = calls("run", file, "--runs", runs, "--json", "--no-report")
    assert (again, calls.n_trained) == (status, n_trained)
    assert {**json.loads(out), "report": ""} == {**printed, "report": ""}
    second = reported(calls, runs, results.run_id, folder / "second", "csv", "json")
    assert second.csv == report.csv
    assert {**second.document, "updated_at": ""} == {**report.document, "updated_at": ""}

    assert calls("status", "--runs", runs)[0] == calls("runs", "--runs", runs)[0] == 0


def from_a_file(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the same study with the same images in a file, so that its fits have the same ids."""
    parts: tuple[Part, Part] = ("train", "test")
    images = {part: read_digits(part) for part in parts}
    arrays = {f"x_{part}": each.pixels for part, each in images.items()}
    np.savez(folder / "digits.npz", **arrays, **{f"y_{part}": each.labels for part, each in images.items()})
    study = {key: value for key, value in document["study"].items() if key != "dataset"}
    return {**document, "study": study, "dataset": {"source": "npz", "path": "digits.npz"}}


def stored(runs: Path) -> Results:
    history = History.open(runs)
    try:
        (summary,) = history.runs()
        return history.results(summary.run_id)
    finally:
        history.close()


def expected_status(results: Results) -> int:
    """Return 1 if fits failed. They can fail only by divergence, and only then can a run be incomplete."""
    assert {record.error_kind for record in results.failed} <= {"diverged"}
    assert results.complete or results.failed
    return 1 if results.failed else 0


def reported(calls: Calls, runs: Path, run_id: str, folder: Path, *formats: str) -> Report:
    """Write a report in these formats, and compare the printed answer and paths with the files."""
    status, out, err = calls(
        "report", run_id, "--runs", runs, "--output", folder, "--format", ",".join(formats)
    )
    assert status == 0
    files = {path for path in folder.rglob("*") if path.is_file()}
    assert {Path(line) for line in out.splitlines()} == files
    report = Report(folder)
    assert err.splitlines() == list(short_answer(analyse(stored(runs))))
    return report


def test_random_studies_are_valid_and_cover_every_kind_of_question() -> None:
    assert (len(set(QUICK)), len(SLOW)) == (15, 300)
    for seeds in (QUICK, SLOW):
        some = [random_study(seed) for seed in seeds]
        assert all(study_of(study) for study in some)
        searches = [search for study in some for search in study.get("search", {}).values()]
        found = {search.get("method", "grid") for search in searches}
        assert found == {"grid", "halving", "screening", "random", "tpe"}
        assert any(search.get("nested") for search in searches)
        assert any(
            ablation.get("interactions") for study in some for ablation in study.get("ablate", {}).values()
        )
        assert any("compare" in study for study in some)
        assert {study["study"]["seeds"] for study in some} == {1, 2, 3}
        assert all(40 <= study["study"]["subset"] <= 300 for study in some)
