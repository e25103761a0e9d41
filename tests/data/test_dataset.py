"""Training images are at hand and checked; the test set stays shut until its opening is on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from convstudy.data import BUILT_IN_DATASETS, LoadedDataset
from convstudy.data.idx import read_idx
from convstudy.data.images import Part
from convstudy.errors import DataError

from .conftest import Tiny
from .opened_files import opened_files

MakeTiny = Callable[..., Tiny]
Folders = tuple[Path, Path]


def test_training_images_as_they_were_published(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    dataset = tiny.info.load()
    assert dataset.info is tiny.info
    assert dataset.train.pixels.dtype == np.uint8
    assert dataset.train.pixels.shape == (12, 4, 4, 1)
    assert dataset.train.pixels.tobytes() == tiny.contents["train-images"][16:]
    assert dataset.train.labels.dtype == np.int64
    assert dataset.train.labels.tolist() == [0, 1, 2] * 4


def test_loading_never_opens_a_test_file(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    with opened_files(folders[0]) as opened:
        dataset = tiny.info.load()
        assert len(dataset.test) == 6
        assert opened == ["train-images.gz", "train-labels.gz"]
        dataset.test.open(lambda: opened.append("recorded"))
    assert opened[2:] == ["recorded", "test-images.gz", "test-labels.gz"]


@pytest.mark.parametrize("part", ["train", "test"])
def test_labels_are_read_without_an_image(make_tiny: MakeTiny, folders: Folders, part: Part) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0])
    (folder / f"{part}-images.gz").write_bytes(b"spoiled")
    with opened_files(folder) as opened:
        labels = tiny.info.load_labels(part)
    assert labels.dtype == np.int64 and labels.tolist() == [0, 1, 2] * (4 if part == "train" else 2)
    assert opened == [f"{part}-labels.gz"]


def test_labels_are_verified(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0], plain=True)
    (folder / "test-labels").write_bytes(tiny.contents["test-labels"][:-1] + b"\1")
    with pytest.raises(DataError, match="test-labels"):
        tiny.info.load_labels("test")


@pytest.mark.parametrize("part", ["train", "test"])
def test_labels_without_a_class_are_refused_with_no_image_read(
    make_tiny: MakeTiny, folders: Folders, part: Part
) -> None:
    tiny = make_tiny(labels=(0, 1, 3))
    tiny.write(folders[0])
    with pytest.raises(DataError, match=f"a label of the {part} images names no class"):
        tiny.info.load_labels(part)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_labels_are_those_of_the_images(name: str) -> None:
    if name == "mnist" and not (Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist").is_dir():
        pytest.skip("the MNIST files do not lie in ../shared/data")
    dataset = BUILT_IN_DATASETS[name].load()
    assert BUILT_IN_DATASETS[name].load_labels("train").tolist() == dataset.train.labels.tolist()
    assert (
        BUILT_IN_DATASETS[name].load_labels("test").tolist()
        == dataset.test.open(lambda: None).labels.tolist()
    )


def test_spoiled_test_files_show_when_they_are_opened(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0])
    (folder / "test-images.gz").write_bytes(b"spoiled")
    dataset = tiny.info.load()
    with pytest.raises(DataError, match="test-images"):
        dataset.test.open(lambda: None)


def test_missing_test_files_show_at_once(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0], only="train")
    with pytest.raises(DataError, match="test-images"):
        tiny.info.load()


def test_an_opening_that_cannot_be_recorded_does_not_happen(
    make_tiny: MakeTiny, folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    dataset = tiny.info.load()
    read: list[Path] = []

    def watched(path: Path, shape: tuple[int, ...]) -> object:
        read.append(path)
        return read_idx(path, shape)

    monkeypatch.setattr("convstudy.data.idx.read_idx", watched)

    def fail() -> None:
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        dataset.test.open(fail)
    assert read == []
    dataset.test.open(lambda: None)
    assert len(read) == 2


def test_each_opening_is_recorded(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    test = tiny.info.load().test
    test_evaluations: list[int] = []
    for _ in range(3):
        assert test.open(lambda: test_evaluations.append(1)).labels.tolist() == [0, 1, 2] * 2
    assert len(test_evaluations) == 3


def test_a_label_without_a_class_is_refused(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny(labels=(0, 1, 3))
    tiny.write(folders[0])
    with pytest.raises(DataError, match="a label of the train images names no class") as caught:
        tiny.info.load()
    assert caught.value.problems[0].got == "labels from 0 to 3"
    assert caught.value.problems[0].expected == "0 to 2"


@pytest.mark.parametrize("change", [{"n_train": 13}, {"image_shape": (4, 4, 3)}])
def test_a_source_that_disagrees_with_the_dataset_is_refused(
    make_tiny: MakeTiny, folders: Folders, change: dict[str, object]
) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    wrong = replace(tiny.info, **change)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="wrong shape"):
        wrong.load()


def test_a_dataset_cannot_be_changed(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    dataset = tiny.info.load()
    assert isinstance(dataset, LoadedDataset)
    with pytest.raises(FrozenInstanceError):
        dataset.train = dataset.train  # type: ignore[misc]


def test_real_mnist() -> None:
    shared = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"
    if not shared.is_dir():
        pytest.skip("the MNIST files do not lie in ../shared/data")
    dataset = BUILT_IN_DATASETS["mnist"].load()
    assert dataset.train.pixels.shape == (60_000, 28, 28, 1)
    assert dataset.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.train.labels).tolist() == counts
    test_evaluations: list[str] = []
    test = dataset.test.open(lambda: test_evaluations.append("opened"))
    assert test_evaluations == ["opened"]
    assert test.pixels.shape == (10_000, 28, 28, 1)
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
