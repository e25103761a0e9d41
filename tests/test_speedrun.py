"""``benchmarks/accuracy/speedrun.py`` on a small study: its output and its records of test-set evaluations."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import speedrun as script

SMALL = ["--study", "digits", "--set", "study.subset=120", "--set", "recipe.epochs=1", "--seeds", "2"]


@pytest.fixture
def speedrun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs the script and returns the JSON of its last line."""

    def run(*arguments: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["speedrun.py", *arguments])
        script.main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return found

    return run


def test_choose_reads_validation_images_only(
    speedrun: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the test set was read")

    monkeypatch.setattr("convstudy.data.loaded.LockedTest.open", refuse)
    own_splits = speedrun("choose", *SMALL, "--test-evaluations", str(tmp_path / "test_evaluations"))
    assert own_splits["seeds"] == [0, 1]
    assert own_splits["accuracy"] == pytest.approx(sum(own_splits["accuracies"]) / 2)
    assert "ensemble_accuracy" not in own_splits  # each seed has its own validation images
    assert min(own_splits["seconds"], own_splits["seconds_in_all"]) > 0
    shared_split = speedrun("choose", *SMALL, "--split-seed", "7")
    assert 0 <= shared_split["ensemble_accuracy"] <= 1
    assert list(tmp_path.iterdir()) == []


def test_final_evaluates_test_set_once_per_seed_and_records_it(speedrun: Any, tmp_path: Path) -> None:
    test_evaluations = tmp_path / "test_evaluations"
    found = speedrun("final", *SMALL, "--first-seed", "1000", "--test-evaluations", str(test_evaluations))
    lines = [json.loads(line) for line in test_evaluations.read_text().splitlines()]
    assert found["seeds"] == [1000, 1001]
    assert len({line["fit_id"] for line in lines}) == len(lines) == 2
    assert len({line["weights_digest"] for line in lines}) == 2
    assert 0 < found["ensemble_accuracy"] <= 1
    assert (found["n"], found["environment"]["threads"]) == (2, 1)
