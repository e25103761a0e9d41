"""A path of images as STUDY: what is found, the file that is written, and the study that runs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convstudy import Study
from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]
KIND = ("--set", "dataset.source=npz")


@pytest.fixture
def arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an array file in the current folder, with more images of one class than of the other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("convstudy.run.first_study.CALIBRATION_SECONDS", 0.05)
    rng = np.random.default_rng(0)
    labels = np.array([0] * 90 + [1] * 15)
    images = rng.integers(0, 60, (105, 8, 8), "uint8") + labels[:, None, None].astype("uint8") * 90
    order = rng.permutation(105)
    images, labels = images[order], labels[order]
    path = tmp_path / "my shapes.npz"
    np.savez(path, x_train=images[:84], y_train=labels[:84], x_test=images[84:], y_test=labels[84:])
    return Path("my shapes.npz")


def test_plan_and_check_of_a_path_write_nothing(convstudy: Call, arrays: Path) -> None:
    before = sorted(Path().iterdir())
    planned = convstudy("plan", arrays, *KIND, "--no-estimate-time", "--minutes", "2")
    assert planned.status == 0 and "compare.networks" in planned.out
    assert "--minutes 2" in planned.out.splitlines()[-1]
    assert "84 training images and 21 test images of 2 classes; used as 8 × 8 × 1" in planned.err
    assert "metric: balanced-accuracy" in planned.err
    assert convstudy("check", arrays, *KIND).status == 0
    assert sorted(Path().iterdir()) == before


def test_run_of_a_path_writes_its_study_and_the_second_run_uses_it(convstudy: Call, arrays: Path) -> None:
    shorter = ("--set", "recipe.epochs=1", "--seeds", "2", "--no-report")
    first = convstudy("run", arrays, *KIND, *shorter)
    assert first.status == 0, first.err
    assert "my-shapes.toml: written" in first.err and "Comparison networks" in first.out
    text = Path("my-shapes.toml").read_text("utf-8")
    document = tomllib.loads(text)
    assert document["dataset"] == {"path": "my shapes.npz", "source": "npz"}
    assert document["study"]["metric"] == "balanced-accuracy"
    assert "convstudy run 'my shapes.npz'" in text.splitlines()[0]
    again = convstudy("run", arrays, *shorter, "--minutes", "3", "--json")
    assert again.status == 0
    assert "my-shapes.toml: this study file is used; --minutes has no effect on it" in again.err
    assert json.loads(again.out)["complete"] and "15 already" not in again.err
    assert Path("my-shapes.toml").read_text("utf-8") == text


def test_study_file_of_other_images_is_refused(convstudy: Call, arrays: Path) -> None:
    text = '[study]\nname = "a"\n[dataset]\npath = "other"\n'
    Path("my-shapes.toml").write_text(text, encoding="utf-8")
    for command in ("run", "plan", "check"):
        refused = convstudy(command, arrays)
        assert refused.status == 2
        assert "my-shapes.toml must be a study of the images at my shapes.npz; got images at" in refused.err
    assert Path("my-shapes.toml").read_text("utf-8") == text


def test_study_file_without_a_dataset_is_refused(convstudy: Call, arrays: Path) -> None:
    Path("my-shapes.toml").write_text('[study]\nname = "a"\ndataset = "digits"\n', encoding="utf-8")
    refused = convstudy("plan", arrays)
    assert refused.status == 2 and "got a study without the path of its images" in refused.err


def test_path_has_precedence_over_a_built_in_study(convstudy: Call, arrays: Path) -> None:
    arrays.rename("digits")
    found = convstudy("networks", "digits", *KIND)
    assert found.status == 0 and "small-cnn" in found.out
    assert "digits: the file in this folder, not the built-in study" in found.err
    Path("digits").unlink()
    assert "one-conv" in convstudy("networks", "digits").out


def test_path_that_does_not_exist_names_the_nearest(convstudy: Call, arrays: Path) -> None:
    missing = convstudy("run", "my shape.npz")
    assert missing.status == 2 and 'did you mean "my shapes.npz"?' in missing.err


def test_wrong_key_of_the_dataset_is_reported_and_nothing_is_written(convstudy: Call, arrays: Path) -> None:
    wrong = convstudy("run", arrays, *KIND, "--set", "dataset.sise=64")
    assert wrong.status == 2 and "dataset.sise: unknown key" in wrong.err
    assert "--set dataset.on_error=skip" in wrong.err
    assert not Path("my-shapes.toml").exists()


def test_minutes_of_a_study_file_are_refused(convstudy: Call, tiny: Path) -> None:
    refused = convstudy("plan", tiny, "--minutes", "5")
    assert refused.status == 2 and "--minutes sizes the first study of a path of images" in refused.err


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "soon"])
def test_minutes_must_be_positive(convstudy: Call, arrays: Path, minutes: str) -> None:
    refused = convstudy("plan", arrays, "--minutes", minutes)
    assert refused.status == 2 and "must be a positive number of minutes" in refused.err


def test_study_of_a_path_in_python_equals_that_of_the_command(convstudy: Call, arrays: Path) -> None:
    study = Study.from_data(arrays, minutes=2, source="npz")
    planned = convstudy("plan", arrays, *KIND, "--minutes", "2", "--no-estimate-time", "--json")
    assert planned.json["study"] == study.name == "my-shapes"
    networks = {each["network"] for each in planned.json["stages"][0]["candidates"]}
    assert networks == set(study.network)
