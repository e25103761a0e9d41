"""What may touch test images before the end: reading, hashing and the search for duplicates; no statistic, no model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from convstudy import Compare, Dataset, Study, load_study, run_study
from convstudy.data.sources.prepared import PreparedSource
from convstudy.run.events import EvaluatedOnTestSet, FitEnded
from convstudy.studyfile import check_classes, check_study
from convstudy.studyfile.images import DatasetTable
from tests.data.opened_files import opened_files

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def drawn(number: int, size: int, seed: int = 0) -> Pixels:
    """Return a grey image of a class; images with other numbers or seeds are not near-duplicates."""
    coarse = np.random.RandomState([seed, number]).randint(0, 256, (4, 4)).astype(np.uint8)
    return np.kron(coarse, np.ones((size // 4, size // 4), dtype=np.uint8))


def write(folder: Path, name: str, pixels: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def training_images(folder: Path) -> None:
    for number in range(12):
        write(folder, f"train/{'ab'[number % 2]}/{number}.png", drawn(number, 32))


def dataset_of(folder: Path, **keys: Any) -> Dataset:
    return DatasetTable.model_validate({"path": str(folder), **keys}).dataset(folder.parent)


def test_test_images_decide_no_statistic(tmp_path: Path) -> None:
    """Large colour images with 16 bits in the test part leave the training part as it is."""
    found = []
    for name, tests in (("like", [drawn(90, 32), drawn(91, 32)]), ("unlike", None)):
        training_images(tmp_path / name)
        if tests is None:
            colour = np.random.RandomState(0).randint(0, 256, (96, 200, 3)).astype(np.uint8)
            tests = [colour, (drawn(91, 128).astype(np.uint16) * 200)]  # type: ignore[list-item]
        for number, pixels in enumerate(tests):
            write(tmp_path / name, f"test/{'ab'[number]}/t.png", pixels)
        dataset = dataset_of(tmp_path / name)
        train = dataset.load(download=False).train
        found.append((dataset.image_shape, dataset.class_names, dataset.n_train, train.digest()))
    assert found[0] == found[1]
    assert found[0][:3] == ((32, 32, 1), ("a", "b"), 12)


@contextmanager
def watched(dataset: Dataset) -> Iterator[list[str]]:
    """Yield the list of the names of the dataset's arrays, as they are opened."""
    folder = Path(dataset.source.arrays.path)  # type: ignore[attr-defined]
    with opened_files(folder) as names:
        yield names


def test_test_images_are_not_opened_before_the_last_fit_has_ended(tmp_path: Path) -> None:
    training_images(tmp_path / "data")
    for number in range(4):
        write(tmp_path / "data", f"test/{'ab'[number % 2]}/{number}.png", drawn(100 + number, 32))
    dataset = dataset_of(tmp_path / "data")
    study = Study(
        name="locked",
        dataset=dataset,
        seeds=2,
        validation=0.4,
        recipe={"epochs": 1, "batch_size": 4},
        network={"a": {"layers": ["flatten"]}, "b": {"layers": ["conv 2 3 relu", "flatten"]}},
        compare={"both": Compare(networks=("a", "b"))},
    )
    ended: list[list[str]] = []
    evaluated: list[list[str]] = []
    with watched(dataset) as opened:
        check_study(study)
        check_classes(study, dataset.load_labels("train"))
        dataset.load_labels("test")
        assert "train-labels.npy" in opened and "test-images.npy" not in opened

        def listener(event: object) -> None:
            if isinstance(event, FitEnded):
                ended.append(list(opened))
            elif isinstance(event, EvaluatedOnTestSet):
                evaluated.append(list(opened))

        results = run_study(study, tmp_path / "runs", workers=0, listener=listener)
    assert results.complete and len(ended) == 4 and evaluated
    assert all("train-images.npy" in names and "test-images.npy" not in names for names in ended)
    assert "test-images.npy" in evaluated[-1]


def test_part_that_is_set_aside_stays_and_copies_of_test_images_join_it(tmp_path: Path) -> None:
    for number in range(20):
        write(tmp_path / "photos", f"{'ab'[number % 2]}/{number:02d}.png", drawn(number, 32))
    path = tmp_path / "photos.toml"
    path.write_text(
        '[study]\nname = "photos"\nseeds = 2\nvalidation = 0.3\n[dataset]\npath = "photos"\n[recipe]\nepochs = 1\n'
        '[network.a]\nlayers = ["flatten"]\n[network.b]\nlayers = ["conv 2 3", "flatten"]\n'
        '[compare.c]\nnetworks = ["a", "b"]\n',
        encoding="utf-8",
    )
    parts = tmp_path / "photos.parts.csv"
    study = load_study(path)
    assert not parts.exists()  # reading a study writes nothing next to it
    run_study(study, tmp_path / "runs", workers=0)
    first = parts.read_text(encoding="utf-8")
    test = [line.partition(",")[2] for line in first.splitlines() if line.startswith("test,")]
    train = [line.partition(",")[2] for line in first.splitlines() if line.startswith("train,")]
    assert (len(test), len(train)) == (4, 16)
    # A noisy copy of a test image in the other class: it is no training image, whatever the hash of its name is.
    noise = np.random.RandomState(1).randint(-6, 7, (32, 32))
    copy = np.clip(np.asarray(Image.open(tmp_path / "photos" / test[0])).astype(int) + noise, 0, 255)
    names = [f"a/copy-{number}.png" for number in range(3)]
    for name in names:
        write(tmp_path / "photos", name, copy.astype(np.uint8))
    dataset = load_study(path).dataset
    assert (dataset.n_train, dataset.n_test) == (16, 7)
    assert parts.read_text(encoding="utf-8") == first
    # An edited file decides.
    edited = first.replace(f"train,{train[0]}", f"test,{train[0]}")
    parts.write_text(edited, encoding="utf-8")
    assert load_study(path).dataset.n_test == 8
    parts.write_text(edited.replace("test,", "maybe,"), encoding="utf-8")
    with pytest.raises(Exception, match=r"photos.parts.csv:4: the part must be train or test"):
        load_study(path)


def test_what_is_said_of_the_files_describes_the_training_images_alone(tmp_path: Path) -> None:
    """A user chooses size, fit and range from these sentences and numbers."""
    training_images(tmp_path / "data")
    wide = np.random.RandomState(0).randint(0, 256, (8, 200)).astype(np.uint16) * 200
    write(tmp_path / "data", "test/a/wide.png", wide)
    write(tmp_path / "data", "test/b/plain.png", drawn(91, 32))
    source = dataset_of(tmp_path / "data").source
    assert isinstance(source, PreparedSource)
    summary = source.summary()
    assert summary.originals.heights == summary.originals.widths == (32, 32, 32)
    assert summary.originals.modes == {"L": 12}
    assert summary.warnings == ()
    assert not any("bits" in note or "enlarged" in note for note in summary.notes)


def test_access_log_has_evaluations_of_the_same_images_at_another_size_and_another_path(
    tmp_path: Path,
) -> None:
    """Otherwise, a size could be chosen by test scores, and each report would say that the test set was used once.

    Neither another path nor an added test image makes another test set. With the same training images, the same
    networks are the same hypotheses.
    """
    training_images(tmp_path / "data")
    for number in range(4):
        write(tmp_path / "data", f"test/{'ab'[number % 2]}/{number}.png", drawn(100 + number, 32))
    runs, results = tmp_path / "runs", []
    for folder, size in (("data", 16), ("data", 20), ("other", 16)):
        if folder == "other":
            (tmp_path / "data").rename(tmp_path / "other")
            write(tmp_path / "other", "test/a/9.png", drawn(200, 32))
        study = Study(
            name=f"{folder}-{size}",
            dataset=dataset_of(tmp_path / folder, size=size),
            seeds=1,
            validation=0.3,
            recipe={"epochs": 1},
            network={"n": {"layers": ["flatten"]}, "m": {"layers": ["conv 2 3", "flatten"]}},
            compare={"both": Compare(networks=("n", "m"))},
        )
        results.append(run_study(study, runs, workers=0))
    assert [each.n_test_evaluations_before for each in results] == [0, 2, 4]
    assert [len({entry.hypothesis for entry in each.access_log}) for each in results] == [2, 4, 4]
    assert [len(each.test_evaluations) for each in results] == [2, 2, 2]
