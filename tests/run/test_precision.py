"""``precision = "auto"`` is replaced before planning, and a run keeps the precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from convstudy.engine import bfloat16, devices
from convstudy.errors import UsageError
from convstudy.history import History
from convstudy.plan import make_plan
from convstudy.run import fix_precision, run_study
from convstudy.studyfile import Ablate, Recipe, Search, Study, Variant, study_document
from tests.run.studies import small_study


def automatic() -> Study:
    """Return a study with ``"auto"`` at each place where a study can have a precision."""
    return small_study(
        recipe=Recipe(epochs=1, batch_size=40, precision="auto"),
        search={
            "precision": Search(
                network="one", parameters={"precision": ("auto", "float32", "bfloat16")}, folds=2
            ),
            "kernel": Search(
                network="one", parameters={"kernel": (3,)}, folds=2, recipe={"precision": "auto"}
            ),
        },
        ablate={"one": Ablate(network="one", variants={"same": Variant(recipe={"precision": "auto"})})},
    )


@pytest.fixture
def computing(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets whether CPUs support bfloat16."""

    def say(able: bool) -> None:
        monkeypatch.setattr(bfloat16, "computes_bfloat16", lambda _: able)

    return say


@pytest.mark.parametrize(("able", "word"), [(True, "bfloat16"), (False, "float32")])
def test_every_auto_precision_becomes_the_fast_dtype_of_the_device(
    computing: Any, able: bool, word: str
) -> None:
    computing(able)
    fixed = fix_precision(automatic(), "cpu")
    assert fixed.recipe.precision == word
    assert set(fixed.search["precision"].parameters["precision"]) == {"float32", "bfloat16"}
    assert len(fixed.search["precision"].parameters["precision"]) == 2
    assert fixed.search["kernel"].recipe["precision"] == word
    assert fixed.ablate["one"].variants["same"].recipe["precision"] == word
    # Everything else is unchanged.
    assert "auto" not in str(study_document(fixed))
    assert fixed.network == automatic().network
    assert {fit.recipe.precision for fit in make_plan(fixed).fits} == {"float32", "bfloat16"}


def test_study_without_auto_precision_is_unchanged_and_no_device_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> Any:
        raise AssertionError("a device was searched")

    monkeypatch.setattr(devices, "find_device", fail)
    study = small_study(recipe=Recipe(precision="bfloat16"))
    assert fix_precision(study) is study
    with pytest.raises(AssertionError, match="a device was searched"):
        fix_precision(automatic())


def test_run_keeps_the_precision_of_the_machine_that_started_it(tmp_path: Path, computing: Any) -> None:
    study = small_study(recipe=Recipe(epochs=1, batch_size=40, precision="auto"))
    computing(able=True)
    run_study(study, tmp_path, 0)
    computing(able=False)
    history = History.open(tmp_path)
    first = history.results(next(run.run_id for run in history.runs()))
    history.close()
    assert first.complete
    assert first.study.recipe.precision == "bfloat16"
    assert {fit.recipe.precision for fit in first.plan.fits} == {"bfloat16"}
    # On a machine of another kind it becomes a second run next to the first.
    second = run_study(study, tmp_path, 0)
    assert second.study.recipe.precision == "float32"
    assert second.run_id != first.run_id


def test_missing_device_is_rejected() -> None:
    with pytest.raises(UsageError, match="device must be one of"):
        fix_precision(automatic(), "cuda:99")
