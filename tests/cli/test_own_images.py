"""Every command on a study of the user's own images, before the run and after the images are deleted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import CommandResult

Call = Callable[..., CommandResult]

TEXT = """\
[study]
name = "own"
seeds = 1
validation = 0.2

[dataset]
source = "npy"
path = "arrays"
name = "pets"
classes = ["cat", "dog", "cow"]

[recipe]
epochs = 1

[network.small]
layers = ["conv 2 3 relu", "flatten"]

[network.plain]
layers = ["flatten"]

[compare.both]
networks = ["small", "plain"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder, generator = tmp_path / "arrays", np.random.default_rng(0)
    folder.mkdir()
    for part, n in (("train", 60), ("test", 30)):
        np.save(folder / f"{part}-images.npy", generator.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8))
        np.save(folder / f"{part}-labels.npy", np.arange(n) % 3)
    path = tmp_path / "own.toml"
    path.write_text(TEXT)
    return path


def test_every_command_succeeds_before_and_after_a_run(convstudy: Call, file: Path, tmp_path: Path) -> None:
    runs = ("--runs", tmp_path / "runs")
    assert "8 × 8 × 3" in convstudy("networks", file).out
    assert convstudy("networks", file, "--json").json["dataset"] == "pets"
    assert convstudy("plan", file, *runs).out.startswith("own: dataset pets, ")
    assert convstudy("check", file, *runs).status == 0
    assert convstudy("run", file, *runs, "--workers", "1", "--no-report").status == 0
    shutil.rmtree(tmp_path / "arrays")
    (run,) = convstudy("runs", *runs, "--json").json
    assert run["dataset"] == "pets"
    assert (
        "Models evaluated on the test set of pets: 2 in this folder, 2 in this run."
        in convstudy("status", run["run_id"], *runs).out
    )
    assert convstudy("report", run["run_id"], *runs, "--format", "html,json").status == 0
    document = json.loads((tmp_path / "runs" / run["run_id"] / "report.json").read_text())
    assert document["study"]["dataset"]["classes"] == ["cat", "dog", "cow"]


def test_check_rejects_a_class_with_too_few_images(convstudy: Call, file: Path, tmp_path: Path) -> None:
    labels = np.minimum(np.arange(60) % 3, 1)
    labels[7] = 2
    np.save(tmp_path / "arrays" / "train-labels.npy", labels)
    result = convstudy("check", file, "--runs", tmp_path / "runs")
    assert result.status == 2
    assert '1 image of class "cow"' in result.err


def test_a_missing_file_is_one_error_with_file_and_line(convstudy: Call, file: Path, tmp_path: Path) -> None:
    (tmp_path / "arrays" / "test-labels.npy").unlink()
    result = convstudy("plan", file)
    assert result.status == 2
    assert f"{file}:8: dataset.path: " in result.err
    assert "got test-images, train-images, train-labels" in result.err


def test_an_unreadable_run_is_listed_with_the_others(convstudy: Call, file: Path, tmp_path: Path) -> None:
    runs = ("--runs", tmp_path / "runs")
    assert convstudy("run", file, *runs, "--workers", 1).status == 0
    other = tmp_path / "other.toml"
    other.write_text(TEXT.replace('"own"', '"other"').replace('path = "arrays"', 'path = "changed"'))
    shutil.copytree(tmp_path / "arrays", tmp_path / "changed")
    np.save(tmp_path / "changed" / "test-images.npy", np.zeros((30, 8, 8, 3), np.uint8))
    assert convstudy("run", other, *runs, "--workers", 1).status == 0
    found = convstudy("runs", *runs, "--json").json
    lost, kept = (next(each["run_id"] for each in found if each["name"] == name) for name in ("own", "other"))
    with closing(sqlite3.connect(tmp_path / "runs" / "convstudy.sqlite")) as database:
        (text,) = database.execute("SELECT document FROM runs WHERE id = ?", (lost,)).fetchone()
    (tmp_path / "runs" / "datasets" / json.loads(text)["dataset"]["digest"] / "dataset.json").unlink()
    shutil.rmtree(tmp_path / "arrays")
    listed = {each["run_id"]: each["status"] for each in convstudy("runs", *runs, "--json").json}
    assert listed == {lost: "unreadable", kept: "complete"}
    assert f"{lost} cannot be read; to see why: convstudy status {lost}" in convstudy("runs", *runs).out
    assert f"{kept}: complete" in convstudy("status", "other", *runs).out
    result = convstudy("status", "own", *runs)
    assert result.status == 2 and "the description of the dataset is missing or damaged" in result.err
