"""Each kind of files gives the pixels and labels that were written."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from convstudy import Compare, Dataset, Study, run_study
from convstudy.data import Images
from convstudy.studyfile.images import DatasetTable
from tests.data.kinds.kinds import KINDS

FULL_RUNS = ("folder of PNG, colour", "CSV with paths", "npz with X and y")
"""The kinds on which the required tests run a whole study; the slow tests run it on all kinds."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))


def test_there_are_at_least_24_kinds() -> None:
    assert len(KINDS) >= 24


def dataset_of(name: str, folder: Path) -> tuple[Dataset, Images]:
    """Write the files of a kind; return their dataset, and all of its images."""
    kind = KINDS[name]
    folder.mkdir()
    dataset = DatasetTable.model_validate(kind.write(folder, kind.example())).dataset(folder)
    loaded = dataset.load(download=False)
    test = loaded.test.open(lambda: None)
    pixels = np.concatenate([loaded.train.pixels, test.pixels])
    return dataset, Images(pixels, np.concatenate([loaded.train.labels, test.labels]))


@pytest.mark.parametrize("name", KINDS)
def test_files_of_each_kind_give_the_written_pixels_and_labels(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    written = kind.example()
    expected = kind.expected(written.pixels)
    dataset, read = dataset_of(name, tmp_path / "data")
    assert list(dataset.class_names) == written.class_names
    assert read.pixels.shape == expected.shape
    names = [dataset.class_names[label] for label in read.labels.tolist()]
    if kind.tolerance == 0:
        got = Counter(zip(names, (image.tobytes() for image in read.pixels), strict=True))
        assert got == Counter(zip(written.labels, (image.tobytes() for image in expected), strict=True))
        return
    # Lossy files: each image is near an image of its class, and the classes have the same numbers of images.
    assert Counter(names) == Counter(written.labels)
    for image, label in zip(read.pixels, names, strict=True):
        same = expected[np.array(written.labels) == label].astype(int)
        assert np.abs(same - image).max(axis=(1, 2, 3)).min() <= kind.tolerance


@pytest.mark.parametrize(
    "name", [name if name in FULL_RUNS else pytest.param(name, marks=pytest.mark.slow) for name in KINDS]
)
def test_a_study_runs_on_files_of_each_kind(name: str, tmp_path: Path) -> None:
    dataset, _ = dataset_of(name, tmp_path / "data")
    study = Study(
        name="kinds",
        dataset=dataset,
        seeds=2,
        validation=0.3,
        recipe={"epochs": 2, "batch_size": 8},
        network={"linear": {"layers": ["flatten"]}, "conv": {"layers": ["conv 4 3 relu", "flatten"]}},
        compare={"both": Compare(networks=("linear", "conv"))},
    )
    results = run_study(study, tmp_path / "runs", workers=0)
    assert results.complete and len(results.records) == 4
