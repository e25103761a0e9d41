"""``convstudy plan``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from convstudy.engine.run_time import Expected
from convstudy.plan import Fit
from convstudy.run import Event, SearchAdvanced, run_study
from convstudy.studyfile import load_study, read_change
from tests.cli.conftest import N_FITS, CommandResult

Call = Callable[..., CommandResult]


def test_plan_of_an_untrained_study_lists_fits_and_images_per_stage(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "none"
    result = convstudy("plan", tiny, "--runs", runs, "--no-estimate-time")
    assert result.status == 0
    assert not runs.exists()
    rows = {line.split()[0]: line.split() for line in result.out.splitlines() if line.split()}
    # 100 images: 2 folds of 50, 2 epochs; 2 candidates
    assert rows["search.kernel"][1:5] == ["2", "4", "0", "400"]
    # 90 of 100 images train
    assert rows["compare.both"][1:5] == ["2", "4", "0", "720"]
    # the comparison counts the unchanged network
    assert rows["ablate.flat"][1:5] == ["2", "4", "0", "360"]
    assert rows["total"][1:3] == [str(N_FITS), "0"]
    assert "compare.both: depends on search.kernel (for small)" in result.out
    assert "does nothing" in result.out
    assert f"next: convstudy run {tiny} --runs {runs}" in result.out


def test_plan_json_has_stages_totals_and_findings(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    plan = convstudy(
        "plan", tiny, "--runs", tmp_path / "none", "--json", "--no-estimate-time", "--seeds", 3
    ).json
    assert [stage["n_fits"] for stage in plan["stages"]] == [4, 6, 6]
    assert plan["total"]["n_fits"] == plan["left"]["n_fits"] == 13
    assert plan["seconds"] is None
    assert plan["stages"][1]["depends_on"] == ["search.kernel"]
    found = ["no-op-layer", "unequal-tuning", "few-validation-images"]
    assert [each["check"] for each in plan["findings"]] == found
    assert plan["suppressed"] == []
    assert sum(stage["left"]["flops"] for stage in plan["stages"]) == plan["total"]["flops"]


def test_finished_fits_cost_nothing(convstudy: Call, tiny: Path, finished: Path) -> None:
    plan = convstudy("plan", tiny, "--runs", finished, "--json").json
    assert plan["left"]["n_fits"] == 0
    assert plan["seconds"] == 0
    assert "All fits are trained" in convstudy("plan", tiny, "--runs", finished).out


def test_a_study_changed_after_a_test_set_evaluation_has_a_warning(
    convstudy: Call, tiny: Path, finished: Path
) -> None:
    def checks(*options: object) -> set[str]:
        plan = convstudy("plan", tiny, "--runs", finished, "--no-estimate-time", "--json", *options).json
        return {found["check"] for found in plan["findings"]}

    assert "test-set-in-a-choice" not in checks(), "its own test-set evaluations follow its selections"
    assert "test-set-in-a-choice" in checks("--seeds", 3)


def test_estimated_time_is_divided_among_workers(
    convstudy: Call, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimated_fits: list[object] = []

    n_timed = 24

    def estimate_run_time(fits: list[Fit], seconds: float) -> Expected:
        estimated_fits.extend(fits)
        return Expected({fit.id: 10.0 for fit in fits}, n_kinds=1_250, n_timed=n_timed)

    monkeypatch.setattr("convstudy.engine.run_time.estimate_run_time", estimate_run_time)
    arguments = ("plan", tiny, "--runs", tmp_path / "none", "--workers", 4)
    plan = convstudy(*arguments, "--json").json
    assert len(estimated_fits) == N_FITS
    assert [stage["seconds"] for stage in plan["stages"]] == [40, 40, 20]
    assert plan["seconds"] == 100 / 4
    text = "24 of 1,250 kinds of training steps are timed; the others are interpolated."
    assert f"with 4 workers: about 25 s.\n{text}" in convstudy(*arguments).out
    n_timed = 1_250
    assert "interpolated" not in convstudy(*arguments).out


def test_the_time_of_real_steps_is_positive(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    plan = convstudy("plan", tiny, "--runs", tmp_path / "none", "--json").json
    assert plan["seconds"] > 0


HALVING = {
    "--set": (
        "search.kernel.parameters={kernel = [1, 2, 3, 4, 5]}",
        "search.kernel.method=halving",
        "search.kernel.budget=0.5",
        "search.kernel.recipe={epochs = 4}",
    )
}


def _changes() -> list[str]:
    return [word for change in HALVING["--set"] for word in ("--set", change)]


def test_plan_of_a_screening_search_shows_its_rungs(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    changes = [change.replace("=halving", "=screening") for change in _changes()]
    result = convstudy("plan", tiny, "--runs", tmp_path / "none", "--no-estimate-time", *changes)
    assert result.status == 0
    assert (
        "search.kernel screens its candidates in rungs: 5 × 1 fold × 1 epoch, 3 × 1 fold × 4 epochs; "
        "14 epochs in total, 35 % of the grid's 40." in result.out
    )


def test_plan_of_a_halving_search_shows_its_rungs(convstudy: Call, tiny: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    result = convstudy("plan", tiny, "--runs", runs, "--no-estimate-time", *_changes())
    assert result.status == 0
    assert (
        "search.kernel halves its candidates in rungs: 5 × 1 fold × 1 epoch, 3 × 1 fold × 3 epochs, "
        "2 × 2 folds × 3 epochs; 17 epochs in total, 42 % of the grid's 40." in result.out
    )
    plan = convstudy("plan", tiny, "--runs", runs, "--no-estimate-time", "--json", *_changes()).json
    search = plan["stages"][0]
    assert search["left"]["images"] == 17 * 50
    assert (search["n_fits"], len(search["pending"]), search["grid_epochs"]) == (10, 5, 40)
    assert [(r["n_candidates"], r["n_folds"], r["n_epochs"], r["decided"]) for r in search["rungs"]] == [
        (5, 1, 1, False),
        (3, 1, 3, False),
        (2, 2, 3, False),
    ]


def test_plan_of_an_interrupted_halving_search_counts_finished_fits(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    study = load_study(tiny, dict(read_change(change) for change in HALVING["--set"]))

    def stop(event: Event) -> None:
        if isinstance(event, SearchAdvanced):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path, 0, stop)
    search = convstudy("plan", tiny, "--runs", tmp_path, "--no-estimate-time", "--json", *_changes()).json[
        "stages"
    ][0]
    # Five fits of one epoch are done; resumed fits do not train that epoch again.
    assert (search["n_done"], search["left"]["images"]) == (5, 12 * 50)
    assert [rung["decided"] for rung in search["rungs"]] == [True, False, False]
    assert len(search["rungs"][1]["evaluated"]) == 3
    status = convstudy("status", "--runs", tmp_path, "--json").json
    assert (status["stages"][0]["n_fits"], status["stages"][0]["n_done"]) == (10, 5)
    assert (status["stages"][0]["n_rungs_decided"], status["stages"][0]["n_rungs"]) == (1, 3)
    assert status["run"]["status"] == "interrupted"
    assert "1 of 3 rungs done" in convstudy("status", "--runs", tmp_path).out


def test_tpe_without_optuna_is_one_error(
    convstudy: Call, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convstudy.studyfile.checks.find_spec", lambda name: None)
    for command in ("plan", "run"):
        result = convstudy(command, tiny, "--runs", tmp_path, "--set", "search.kernel.method=tpe")
        assert result.status == 2
        assert "pip install optuna" in result.err
        assert result.err.count("needs the package optuna") == 1


def test_fits_of_another_study_do_not_replace_placeholders(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    drawn = [
        "--set",
        "search.kernel.parameters={learning_rate = {low = 0.001, high = 0.1}}",
        "--set",
        "search.kernel.trials=6",
    ]
    assert (
        convstudy(
            "run", tiny, "--runs", tmp_path, *drawn, "--set", "search.kernel.method=random", "--workers", "1"
        ).status
        == 0
    )
    plan = convstudy(
        "plan",
        tiny,
        "--runs",
        tmp_path,
        "--no-estimate-time",
        "--json",
        *drawn,
        "--set",
        "search.kernel.method=tpe",
    ).json
    search = plan["stages"][0]
    assert (search["n_fits"], search["n_done"], len(search["pending"])) == (12, 0, 4)
    assert (search["method"], plan["stages"][1]["method"]) == ("tpe", None)
    for method, text in (
        (
            "tpe",
            "search.kernel draws 6 candidates with TPE, a few at a time; placeholders replace those not drawn yet.",
        ),
        ("random", "search.kernel draws 6 candidates at random."),
    ):
        options = [*drawn, "--set", f"search.kernel.method={method}"]
        assert text in convstudy("plan", tiny, "--runs", tmp_path, "--no-estimate-time", *options).out


def test_the_plan_names_pairs_of_variants_that_are_not_trained(
    convstudy: Call, tiny: Path, tmp_path: Path
) -> None:
    asked = (
        "ablate.flat.interactions=true",
        "ablate.flat.sgd={optimizer = 'sgd'}",
        "ablate.flat.muon={optimizer = 'muon'}",
    )
    arguments = (
        "plan",
        tiny,
        "--runs",
        tmp_path,
        "--no-estimate-time",
        *(w for a in asked for w in ("--set", a)),
    )
    result = convstudy(*arguments)
    assert (
        "ablate.flat also trains 2 pairs of variants, but not sgd and muon (both change optimizer)."
        in result.out
    )
    ablation = convstudy(*arguments, "--json").json["stages"][2]
    assert (len(ablation["candidates"]), ablation["n_fits"]) == (6, 12)
    combined = {each["name"]: each["combines"] for each in ablation["candidates"] if each["combines"]}
    assert combined == {"tanh + sgd": ["tanh", "sgd"], "tanh + muon": ["tanh", "muon"]}
    assert "together" not in convstudy("plan", tiny, "--runs", tmp_path, "--no-estimate-time").out


@pytest.mark.parametrize("command", [["plan"], ["run"], ["check"]])
def test_a_class_with_too_few_images_is_an_error_before_training(
    convstudy: Call, tiny: Path, tmp_path: Path, command: list[str]
) -> None:
    tiny.write_text(tiny.read_text("utf-8").replace("folds = 2", "folds = 100"), encoding="utf-8")
    line = tiny.read_text("utf-8").splitlines().index("folds = 100") + 1
    result = convstudy(*command, tiny, "--subset", 1000, "--runs", tmp_path / "runs")
    assert result.status == 2 and result.out == ""
    assert f"{tiny}:{line}: search.kernel.folds: 100 folds need 100 images of each class" in result.err
    assert 'got 97 images of class "8" in the subset of 1,000' in result.err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["plan", "check"])
def test_labels_are_not_checked_before_the_download(
    convstudy: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("CONVSTUDY_DATA", str(tmp_path))
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path))
    arguments = ["--no-estimate-time"] if command == "plan" else []
    folds = ["--set", "search.kernel-size.folds=10"]
    result = convstudy(command, "mnist", "--subset", 103, *folds, "--runs", tmp_path / "runs", *arguments)
    assert result.status == 0
