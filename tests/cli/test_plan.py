"""``convstudy plan``: what a study would do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import N_FITS, Ended

Call = Callable[..., Ended]


def test_a_plan_before_anything_is_trained(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "none"
    ended = convstudy("plan", tiny, "--runs", runs, "--no-calibrate")
    assert ended.status == 0
    assert not runs.exists()
    rows = {line.split()[0]: line.split() for line in ended.out.splitlines() if line.split()}
    # 100 images: 2 folds of 50, 2 epochs; 2 candidates
    assert rows["search.kernel"][1:5] == ["2", "4", "0", "400"]
    # 90 of 100 images train
    assert rows["compare.both"][1:5] == ["2", "4", "0", "720"]
    # the network as it is has been counted by the comparison
    assert rows["ablate.flat"][1:5] == ["2", "4", "0", "360"]
    assert rows["in"][2:4] == [str(N_FITS), "0"]
    assert "compare.both: small on search.kernel" in ended.out
    assert "does nothing" in ended.out
    assert f"next: convstudy run {tiny} --runs {runs}" in ended.out


def test_a_plan_as_json(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    plan = convstudy("plan", tiny, "--runs", tmp_path / "none", "--json", "--no-calibrate", "--seeds", 3).json
    assert [stage["n_fits"] for stage in plan["stages"]] == [4, 6, 6]
    assert plan["total"]["n_fits"] == plan["left"]["n_fits"] == 13
    assert plan["seconds"] is None
    assert plan["stages"][1]["waits_for"] == ["search.kernel"]
    assert [found["check"] for found in plan["findings"]] == ["idle-layer"]
    assert sum(stage["left"]["operations"] for stage in plan["stages"]) == plan["total"]["operations"]


def test_what_is_done_is_not_to_be_done(convstudy: Call, tiny: Path, finished: Path) -> None:
    plan = convstudy("plan", tiny, "--runs", finished, "--json").json
    assert plan["left"]["n_fits"] == 0
    assert plan["seconds"] == 0
    assert "Everything is trained" in convstudy("plan", tiny, "--runs", finished).out


def test_a_changed_study_after_a_look_at_the_test_set_is_pointed_out(
    convstudy: Call, tiny: Path, finished: Path
) -> None:
    def checks(*options: object) -> set[str]:
        plan = convstudy("plan", tiny, "--runs", finished, "--no-calibrate", "--json", *options).json
        return {found["check"] for found in plan["findings"]}

    assert "test-set-in-a-choice" not in checks(), "its own openings came after its choices"
    assert "test-set-in-a-choice" in checks("--seeds", 3)


def test_expected_time(convstudy: Call, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def calibrate(fits: list[object], seconds: float) -> dict[str, float]:
        asked.extend(fits)
        return {fit.id: 10.0 for fit in fits}  # type: ignore[attr-defined]

    monkeypatch.setattr("convstudy.engine.calibration.calibrate", calibrate)
    words = ("plan", tiny, "--runs", tmp_path / "none", "--workers", 4)
    plan = convstudy(*words, "--json").json
    assert len(asked) == N_FITS
    assert [stage["seconds"] for stage in plan["stages"]] == [40, 40, 20]
    assert plan["seconds"] == 100 / 4
    assert "with 4 workers: about 25 s" in convstudy(*words).out


def test_a_calibration_is_possible(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    plan = convstudy("plan", tiny, "--runs", tmp_path / "none", "--json").json
    assert plan["seconds"] > 0
