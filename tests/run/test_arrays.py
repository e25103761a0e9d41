"""A study on arrays: they are stored once in the runs folder, and every executor reads them there."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.data.sources.npy import NpySource
from convstudy.errors import StoreError, StudyError
from convstudy.history import History
from convstudy.run import run_study
from convstudy.run.executors import GpuExecutor, InlineExecutor
from convstudy.studyfile import Compare, NetworkPattern, Recipe, Study, study_document, study_of
from tests.datasets import DIGITS
from tests.run.studies import ran, statistics, stored

X = np.random.default_rng(0).integers(0, 200, (90, 8, 8, 1), dtype=np.uint8)
Y = np.arange(90) % 3
X[np.arange(90), Y, Y] = 255


def arrays(seed: int = 0) -> Dataset:
    """Return a dataset of 60 and 30 images; another seed gives others."""
    order = np.random.default_rng(seed).permutation(90) if seed else np.arange(90)
    x, y = X[order], Y[order]
    return Dataset.from_arrays(x[:60], y[:60], x[60:], y[60:], class_names=("cat", "dog", "cow"), name="pets")


def study_on(dataset: Any, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "pets",
        "dataset": dataset,
        "seeds": 1,
        "validation": 0.2,
        "recipe": Recipe(epochs=2, batch_size=16),
        "network": {
            "one": NetworkPattern(layers=("conv 4 3 relu", "flatten")),
            "two": NetworkPattern(layers=("flatten",)),
        },
        "compare": {"both": Compare(networks=("one", "two"))},
    }
    return Study(**{**values, **changes})


def test_arrays_are_written_once_and_all_executors_give_the_same_results(tmp_path: Path) -> None:
    study = study_on(arrays())
    here, _ = ran(study, tmp_path / "here", workers=0)
    apart, _ = ran(study, tmp_path / "apart", workers=1)
    on_others = run_study(study_on(DIGITS), tmp_path / "given", executor=InlineExecutor, data=arrays())
    threads = run_study(study, tmp_path / "threads", executor=lambda layout: GpuExecutor(layout, "cpu", 2))
    assert here.complete
    assert statistics(here) == statistics(apart) == statistics(on_others) == statistics(threads)
    folder = tmp_path / "here" / "datasets" / study.dataset.digest
    names = [
        "baseline-test.safetensors",
        "dataset.json",
        "statistics.json",
        "test-images.npy",
        "test-labels.npy",
        "train-images.npy",
        "train-labels.npy",
    ]
    assert sorted(path.name for path in folder.iterdir()) == names
    written = {path: path.stat().st_mtime_ns for path in folder.glob("*.npy")}
    again, _ = ran(study, tmp_path / "here", workers=0)
    assert statistics(again) == statistics(here)
    assert written == {path: path.stat().st_mtime_ns for path in folder.glob("*.npy")}


def test_runs_on_the_same_images_keep_their_own_names(tmp_path: Path) -> None:
    first = arrays()
    run_study(study_on(first), tmp_path, workers=0)
    second = dataclasses.replace(
        first, name="animals", title="animals", class_names=("felis", "canis", "bos")
    )
    run_study(study_on(second, name="latin"), tmp_path, workers=0)
    third = dataclasses.replace(first, name="plain", title="plain", class_names=("0", "1", "2"))
    run_study(study_on(third, name="plain"), tmp_path, workers=0)
    with closing(History.open(tmp_path)) as history:
        for run, expected in (("pets", first), ("latin", second), ("plain", third)):
            found = history.results(run).dataset
            assert (found.name, found.title, found.class_names) == (
                expected.name,
                expected.title,
                expected.class_names,
            )
        assert [run.dataset for run in history.runs()] == ["pets", "animals", "plain"]


def test_results_have_the_dataset_without_its_arrays(tmp_path: Path) -> None:
    study = study_on(arrays())
    results, _ = ran(study, tmp_path / "runs")
    folder = tmp_path / "runs" / "datasets" / study.dataset.digest
    for path in folder.glob("*.npy"):
        path.unlink()
    moved = (tmp_path / "runs").rename(tmp_path / "moved")
    read = stored(moved, study)
    dataset = read.study.dataset
    assert (dataset.name, dataset.class_names, dataset.digest) == (
        "pets",
        ("cat", "dog", "cow"),
        study.dataset.digest,
    )
    assert isinstance(dataset.source, NpySource)
    assert Path(dataset.source.path) == moved / "datasets" / dataset.digest  # the path moves with the folder
    assert statistics(read) == statistics(results)
    assert all(fit.dataset == dataset for fit in read.plan.fits)
    assert (
        json.loads((moved / "datasets" / dataset.digest / "dataset.json").read_text())["source"]["path"]
        == "."
    )


def test_stored_study_on_arrays_can_be_run_from_the_stored_files(tmp_path: Path) -> None:
    results, _ = ran(study_on(arrays()), tmp_path / "runs")
    again = study_of(json.loads(json.dumps(study_document(results.study))))
    assert again.dataset.digest == results.study.dataset.digest
    rerun, _ = ran(again, tmp_path / "runs")
    assert statistics(rerun) == statistics(results)


def test_other_arrays_under_the_same_name_are_an_error_with_both_digests(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    ran(study_on(arrays()), runs)
    before = sorted((runs / "datasets").iterdir())
    with pytest.raises(StoreError, match="was run on other arrays") as caught:
        run_study(study_on(arrays(seed=1)), runs, 0)
    (problem,) = caught.value.problems
    assert arrays(seed=1).digest in problem.got
    assert arrays().digest in problem.expected
    assert sorted((runs / "datasets").iterdir()) == before
    assert run_study(study_on(arrays(seed=1), name="others"), runs, 0).complete


def test_arrays_replace_a_built_in_dataset_of_the_same_name(tmp_path: Path) -> None:
    study = study_on(DIGITS, subset=60)
    first, second = run_study(study, tmp_path, 0), run_study(study, tmp_path, 0, data=arrays())
    assert [each.study.dataset.name for each in (first, second)] == ["digits", "pets"]
    assert first.run_id != second.run_id
    assert not set(first.records) & set(second.records)


def test_data_that_is_not_a_dataset_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"study\.dataset must be a Dataset"):
        run_study(study_on(DIGITS), tmp_path, 0, data=(X, Y, X, Y))  # type: ignore[arg-type]


def test_lost_array_is_written_again_by_the_next_run(tmp_path: Path) -> None:
    study = study_on(arrays())
    whole, _ = ran(study, tmp_path / "runs")
    lost = tmp_path / "runs" / "datasets" / study.dataset.digest / "train-images.npy"
    lost.write_bytes(b"spoiled")
    again, _ = ran(study, tmp_path / "runs")
    assert statistics(again) == statistics(whole)
    assert lost.stat().st_size > 60 * 64


def test_arrays_that_cannot_be_written_are_one_error(tmp_path: Path) -> None:
    (tmp_path / "datasets").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="cannot write the arrays") as caught:
        run_study(study_on(arrays()), tmp_path, 0)
    (problem,) = caught.value.problems
    assert problem.where.file == str(tmp_path / "datasets" / arrays().digest)
    assert problem.hint.startswith("make this path a writable folder")


def test_lost_description_and_arrays_are_one_error_and_written_by_the_next_run(
    tmp_path: Path,
) -> None:
    study = study_on(arrays())
    whole, _ = ran(study, tmp_path)
    folder = tmp_path / "datasets" / study.dataset.digest
    (folder / "dataset.json").write_text("{}")
    assert statistics(stored(tmp_path, study)) == statistics(whole)  # the arrays exist already
    (folder / "train-images.npy").unlink()
    with pytest.raises(StoreError, match="description of the dataset is missing or damaged"):
        stored(tmp_path, study)
    again, _ = ran(study, tmp_path)
    assert statistics(again) == statistics(whole) == statistics(stored(tmp_path, study))


def test_study_on_built_in_dataset_is_read_without_its_description(tmp_path: Path) -> None:
    study = study_on(DIGITS, subset=60)
    whole, _ = ran(study, tmp_path)
    assert "digest" in json.loads(_document(tmp_path))["dataset"]
    (tmp_path / "datasets" / DIGITS.digest / "dataset.json").unlink()
    assert statistics(stored(tmp_path, study)) == statistics(whole)


def test_study_with_only_a_dataset_name_is_read(tmp_path: Path) -> None:
    study = study_on(DIGITS, subset=60)
    whole, _ = ran(study, tmp_path)
    shutil.rmtree(tmp_path / "datasets")
    document = json.loads(_document(tmp_path))
    del document["dataset"]
    assert document["study"]["dataset"] == "digits"
    with closing(sqlite3.connect(tmp_path / "convstudy.sqlite")) as connection, connection:
        connection.execute("UPDATE runs SET document = ?", (json.dumps(document),))
    assert statistics(stored(tmp_path, study)) == statistics(whole)


def _document(runs: Path) -> str:
    history = History.open(runs)
    try:
        return json.dumps(history.store.runs()[0].document)
    finally:
        history.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_resume_after_kill_gives_the_records_of_an_undisturbed_run(tmp_path: Path) -> None:
    whole, _ = ran(study_on(arrays(), recipe=Recipe(epochs=30, batch_size=16)), tmp_path / "whole")
    runs = tmp_path / "killed"
    code = (
        "import sys; from tests.run.test_arrays import *\n"
        "run_study(study_on(arrays(), recipe=Recipe(epochs=30, batch_size=16)), sys.argv[1], 1)\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", code, str(runs)], start_new_session=True)
    while killed.poll() is None and not list(runs.glob("fits/*/checkpoint.safetensors")):
        time.sleep(0.01)
    assert killed.poll() is None
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    again, _ = ran(study_on(arrays(), recipe=Recipe(epochs=30, batch_size=16)), runs, workers=0)
    assert statistics(again) == statistics(whole)


@pytest.mark.parametrize("metric", ["balanced-accuracy", "macro-f1", "roc-auc", "kappa", "mcc"])
def test_metric_undefined_on_the_test_set_is_an_error_before_anything_is_written(
    metric: str, tmp_path: Path
) -> None:
    dataset = Dataset.from_arrays(X[:60], Y[:60], X[60::3], Y[60::3], name="one-class")
    with pytest.raises(StudyError, match="needs test images of") as caught:
        run_study(study_on(dataset, metric=metric), tmp_path / "runs", workers=0)
    assert caught.value.problems[0].where.key == ("study", "metric")
    assert not (tmp_path / "runs").exists()
