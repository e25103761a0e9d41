"""Loading a dataset, and the locked test set, which is read only after its evaluation is recorded."""

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


def test_load_returns_the_published_training_images(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    dataset = tiny.info.load()
    assert dataset.info is tiny.info
    assert dataset.train.pixels.dtype == np.uint8
    assert dataset.train.pixels.shape == (12, 4, 4, 1)
    assert dataset.train.pixels.tobytes() == tiny.contents["train-images"][16:]
    assert dataset.train.labels.dtype == np.int64
    assert dataset.train.labels.tolist() == [0, 1, 2] * 4


def test_load_opens_no_test_file(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    with opened_files(folders[0]) as opened:
        dataset = tiny.info.load()
        assert len(dataset.test) == 6
        assert opened == ["train-images.gz", "train-labels.gz"]
        dataset.test.open(lambda: opened.append("recorded"))
    assert opened[2:] == ["recorded", "test-images.gz", "test-labels.gz"]


@pytest.mark.parametrize("part", ["train", "test"])
def test_load_labels_opens_no_image_file(make_tiny: MakeTiny, folders: Folders, part: Part) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0])
    (folder / f"{part}-images.gz").write_bytes(b"damaged")
    with opened_files(folder) as opened:
        labels = tiny.info.load_labels(part)
    assert labels.dtype == np.int64 and labels.tolist() == [0, 1, 2] * (4 if part == "train" else 2)
    assert opened == [f"{part}-labels.gz"]


def test_load_labels_of_a_changed_file_raises(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0], plain=True)
    (folder / "test-labels").write_bytes(tiny.contents["test-labels"][:-1] + b"\1")
    with pytest.raises(DataError, match="test-labels"):
        tiny.info.load_labels("test")


@pytest.mark.parametrize("part", ["train", "test"])
def test_load_labels_out_of_range_raises(make_tiny: MakeTiny, folders: Folders, part: Part) -> None:
    tiny = make_tiny(labels=(0, 1, 3))
    tiny.write(folders[0])
    with pytest.raises(DataError, match=rf"the {part} labels must be in \[0, 2\]; got labels from 0 to 3"):
        tiny.info.load_labels(part)


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_load_labels_equals_the_labels_of_the_images(name: str) -> None:
    if name == "mnist" and not (Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist").is_dir():
        pytest.skip("there are no MNIST files in ../shared/data")
    dataset = BUILT_IN_DATASETS[name].load()
    assert BUILT_IN_DATASETS[name].load_labels("train").tolist() == dataset.train.labels.tolist()
    assert (
        BUILT_IN_DATASETS[name].load_labels("test").tolist()
        == dataset.test.open(lambda: None).labels.tolist()
    )


def test_open_of_a_damaged_test_file_raises(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    folder = tiny.write(folders[0])
    (folder / "test-images.gz").write_bytes(b"damaged")
    dataset = tiny.info.load()
    with pytest.raises(DataError, match="test-images"):
        dataset.test.open(lambda: None)


def test_load_with_missing_test_files_raises(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0], only="train")
    with pytest.raises(DataError, match="test-images"):
        tiny.info.load()


def test_open_reads_nothing_if_the_evaluation_cannot_be_recorded(
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


def test_each_open_records_an_evaluation(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    test = tiny.info.load().test
    test_evaluations: list[int] = []
    for _ in range(3):
        assert test.open(lambda: test_evaluations.append(1)).labels.tolist() == [0, 1, 2] * 2
    assert len(test_evaluations) == 3


def test_load_with_a_label_out_of_range_raises(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny(labels=(0, 1, 3))
    tiny.write(folders[0])
    with pytest.raises(DataError, match=r"the train labels must be in \[0, 2\]") as caught:
        tiny.info.load()
    assert caught.value.problems[0].got == "labels from 0 to 3"


@pytest.mark.parametrize("change", [{"n_train": 13}, {"image_shape": (4, 4, 3)}])
def test_load_of_a_source_with_another_shape_raises(
    make_tiny: MakeTiny, folders: Folders, change: dict[str, object]
) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    wrong = replace(tiny.info, **change)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="wrong shape"):
        wrong.load()


def test_loaded_dataset_is_immutable(make_tiny: MakeTiny, folders: Folders) -> None:
    tiny = make_tiny()
    tiny.write(folders[0])
    dataset = tiny.info.load()
    assert isinstance(dataset, LoadedDataset)
    with pytest.raises(FrozenInstanceError):
        dataset.train = dataset.train  # type: ignore[misc]


def test_mnist_has_the_published_labels_and_counts() -> None:
    shared = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"
    if not shared.is_dir():
        pytest.skip("there are no MNIST files in ../shared/data")
    dataset = BUILT_IN_DATASETS["mnist"].load()
    assert dataset.train.pixels.shape == (60_000, 28, 28, 1)
    assert dataset.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(dataset.train.labels).tolist() == counts
    test_evaluations: list[str] = []
    test = dataset.test.open(lambda: test_evaluations.append("recorded"))
    assert test_evaluations == ["recorded"]
    assert test.pixels.shape == (10_000, 28, 28, 1)
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
