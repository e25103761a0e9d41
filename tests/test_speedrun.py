"""benchmarks/accuracy/speedrun.py on a small study: what it prints, and that each opening is written down."""

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
    """Return a function that runs the script and returns its last line."""

    def run(*words: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["speedrun.py", *words])
        script.main()
        found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return found

    return run


def test_choosing_looks_at_validation_images_only(
    speedrun: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("the test set was opened")

    monkeypatch.setattr("convstudy.data.loaded.LockedTest.open", refuse)
    apart = speedrun("choose", *SMALL, "--test-evaluations", str(tmp_path / "test_evaluations"))
    assert apart["seeds"] == [0, 1]
    assert apart["accuracy"] == pytest.approx(sum(apart["accuracies"]) / 2)
    assert "ensemble_accuracy" not in apart  # each seed has validation images of its own
    assert min(apart["seconds"], apart["seconds_in_all"]) > 0
    together = speedrun("choose", *SMALL, "--split-seed", "7")
    assert 0 <= together["ensemble_accuracy"] <= 1
    assert list(tmp_path.iterdir()) == []


def test_the_last_word_opens_the_test_set_once_a_seed_and_writes_it_down(
    speedrun: Any, tmp_path: Path
) -> None:
    test_evaluations = tmp_path / "test_evaluations"
    found = speedrun("final", *SMALL, "--first-seed", "1000", "--test-evaluations", str(test_evaluations))
    lines = [json.loads(line) for line in test_evaluations.read_text().splitlines()]
    assert found["seeds"] == [1000, 1001]
    assert len({line["fit_id"] for line in lines}) == len(lines) == 2
    assert len({line["weights_digest"] for line in lines}) == 2
    assert 0 < found["ensemble_accuracy"] <= 1
    assert (found["n"], found["environment"]["threads"]) == (2, 1)
