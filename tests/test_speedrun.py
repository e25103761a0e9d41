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


FAKE = """import json, os, sys
print("one more line")
seed = int(sys.argv[sys.argv.index("--first-seed") + 1])
found = {"seconds": SECONDS, "seconds_in_all": 2 * SECONDS, "accuracy": 0.99 + seed / 1e4 + EXTRA}
print(json.dumps({**found, "path": os.environ["PYTHONPATH"], "arguments": sys.argv[1:]}))
"""


def _checkout(folder: Path, script: str, seconds: float, extra: float = 0.0) -> Path:
    """Return a folder with a script that prints fixed seconds, and an accuracy that depends on the seed."""
    path = folder / script
    path.parent.mkdir(parents=True)
    path.write_text(FAKE.replace("SECONDS", str(seconds)).replace("EXTRA", str(extra)), encoding="utf-8")
    return folder


def test_compare_alternates_with_a_checkout_and_reports_ratio_and_difference(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    base = _checkout(tmp_path / "base", "benchmarks/speedrun.py", 20.0)
    this = _checkout(tmp_path / "this", "benchmarks/accuracy/speedrun.py", 8.0, 1e-4)
    monkeypatch.setattr(script, "HOME", this)
    original, order = script.chosen_by, []

    def recorded(build: Path, *arguments: Any) -> dict[str, Any]:
        order.append(build.name)
        return original(build, *arguments)

    monkeypatch.setattr(script, "chosen_by", recorded)
    arguments = ["compare", "--base", str(base), "--rounds", "3", "--first-seed", "7", "--set", "a.b=1"]
    monkeypatch.setattr(sys, "argv", ["speedrun.py", *arguments])
    script.main()
    *lines, last = capsys.readouterr().out.splitlines()
    assert order == ["base", "this", "this", "base", "base", "this"]
    assert lines[0] == "seed 7  base 20.00 s, 99.07 %  this build 8.00 s, 99.08 %  ratio 2.50"
    assert (
        lines[3]
        == "seconds: base 20.00 (20.00 to 20.00), this build 8.00 (8.00 to 8.00), ratio 2.50 (2.50 to 2.50)"
    )
    assert "+0.010 ± 0.000 (standard error) percentage points" in lines[5]
    second = json.loads(last)["rounds"][1]
    assert second["base"]["path"].split(":") == [str(base / "src"), str(base)]
    expected = ["choose", "--seeds", "1", "--first-seed", "8", "--study", "mnist-speedrun", "--set", "a.b=1"]
    assert second["base"]["arguments"] == second["this"]["arguments"] == expected


def test_compare_needs_a_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["speedrun.py", "compare", "--base", str(tmp_path)])
    with pytest.raises(SystemExit, match="--base must be a checkout with"):
        script.main()
