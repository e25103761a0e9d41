"""The source of four .npy files in a folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.data.images import Part
from convstudy.data.sources import npy
from convstudy.errors import DataError
from tests.data.sources.conformance import ARRAYS, X_TRAIN, Y_TRAIN, Example, SourceConformance
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance
from tests.data.sources.listed import example_of

FILES = ("train-images", "train-labels", "test-images", "test-labels")


def write(folder: Path) -> Path:
    """Write four valid files."""
    folder.mkdir()
    for name, array in zip(FILES, ARRAYS, strict=True):
        np.save(folder / f"{name}.npy", array)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "mine")


def dataset_in(folder: Path) -> Dataset:
    return Dataset.of(npy.find(folder), "mine")


class TestNpy(SourceConformance):
    """A source of .npy files passes the tests of all sources."""

    @pytest.fixture(params=["in memory", "in the file"])
    def example(
        self, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> Example:
        if request.param == "in the file":
            monkeypatch.setattr(npy, "MAX_BYTES_IN_MEMORY", 0)

        def damage(part: Part) -> None:
            path = folder / f"{part}-images.npy"
            np.save(path, np.load(path)[::-1].copy())

        return Example(dataset_in(folder), folder, damage, labels_are_apart=True)


class TestListedNpy(ListedSourceConformance):
    """A folder of .npy files passes the tests of all listed sources."""

    @pytest.fixture
    def listed_example(self, folder: Path) -> ListedExample:
        parts = {"train": (X_TRAIN, Y_TRAIN), "test": ARRAYS[2:]}
        return example_of(folder, parts, folder / "train-images.npy")


def test_digest_equals_that_of_the_same_arrays_in_memory(folder: Path) -> None:
    assert dataset_in(folder).digest == Dataset.from_arrays(*ARRAYS).digest


def test_images_without_channels_and_labels_in_a_column_are_accepted(folder: Path) -> None:
    for part in ("train", "test"):
        images, labels = (folder / f"{part}-{kind}.npy" for kind in ("images", "labels"))
        np.save(images, np.load(images)[..., 0])
        np.save(labels, np.load(labels).astype(np.uint8)[:, None])
    dataset = dataset_in(folder)
    assert dataset.image_shape == (4, 3, 1)
    train = dataset.load().train
    assert np.array_equal(train.pixels, X_TRAIN[..., :1])
    assert train.labels.tolist() == Y_TRAIN.tolist() == dataset.load_labels("train").tolist()


def test_images_without_channels_can_stay_in_their_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npy, "MAX_BYTES_IN_MEMORY", 0)
    np.save(folder / "train-images.npy", X_TRAIN[..., 0])
    np.save(folder / "test-images.npy", ARRAYS[2][..., 0])
    train = dataset_in(folder).load().train
    assert train.file is not None
    rows = np.array([8, 0, 3])
    assert np.array_equal(train.take(rows).pixels, X_TRAIN[rows][..., :1])


def _without_class_1(labels: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.where(labels == 1, 2, labels)


INVALID: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "missing": ("test-labels", lambda path: path.unlink(), "there is no test-labels.npy"),
    "no array": ("train-images", lambda path: path.write_bytes(b"PK\3\4"), "not a valid .npy file"),
    "cut": ("train-images", lambda path: path.write_bytes(path.read_bytes()[:-1]), "ends too early"),
    "longer": ("test-images", lambda path: path.write_bytes(path.read_bytes() + b"\0"), "bytes follow"),
    "floats": ("train-images", lambda path: np.save(path, X_TRAIN / 255), "images must be uint8"),
    "wide": ("test-images", lambda path: np.save(path, X_TRAIN.astype(np.int64)), "images must be uint8"),
    "flat": (
        "train-images",
        lambda path: np.save(path, X_TRAIN.reshape(9, -1)),
        "images must be uint8 of shape",
    ),
    "empty": ("test-images", lambda path: np.save(path, X_TRAIN[:0]), "must not be empty"),
    "objects": (
        "train-labels",
        lambda path: np.save(path, np.array(["a"] * 9, object)),
        "must be integers of shape",
    ),
    "Fortran": ("train-images", lambda path: np.save(path, np.asfortranarray(X_TRAIN)), "must be in C order"),
    "counts": ("train-labels", lambda path: np.save(path, Y_TRAIN[:-1]), "one label per image"),
    "gap": (
        "train-labels",
        lambda path: np.save(path, _without_class_1(Y_TRAIN)),
        "must have training images",
    ),
    "new class": ("test-labels", lambda path: np.save(path, np.full(5, 3)), "test labels must be in"),
    "shapes": ("test-images", lambda path: np.save(path, X_TRAIN[:5, :2]), "must have the same shape"),
    "folder": ("train-images", lambda path: (path.unlink(), path.mkdir()), "cannot read the file"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_file_raises_one_error_with_its_path(folder: Path, name: str) -> None:
    file, damage, what = INVALID[name]
    damage(folder / f"{file}.npy")
    with pytest.raises(DataError, match=what) as caught:
        npy.find(folder)
    (problem,) = caught.value.problems
    assert problem.where.file.startswith(str(folder))


def test_missing_folder_or_file_instead_of_a_folder_raises(folder: Path) -> None:
    with pytest.raises(DataError, match="there is no such folder"):
        npy.find(folder / "elsewhere")
    for path in (Path("a" * 300), Path("\0"), folder / "train-images.npy" / "inside"):
        with pytest.raises(DataError, match="there is no such folder"):
            npy.find(path)
    with pytest.raises(DataError, match="must be a folder"):
        npy.find(folder / "train-images.npy")


def test_optional_file_of_groups_is_read_and_enters_the_digest(folder: Path) -> None:
    without = npy.find(folder)
    assert without.source.n_groups == 0 and without.source.read_groups("train") is None
    np.save(folder / "train-groups.npy", np.array([[7], [3], [7], [1], [2], [9], [9], [9], [1]]))
    found = npy.find(folder)
    assert found.source.n_groups == 5 and found.source.digest != without.source.digest
    groups = found.source.read_groups("train")
    assert groups is not None and groups.tolist() == [0, 1, 0, 2, 3, 4, 4, 4, 2]
    assert np.array_equal(found.source.read("train").take(np.arange(9)).groups, groups)
    np.save(folder / "train-groups.npy", np.array([*"babcdeeec"]))  # the same partition
    assert npy.find(folder).source.digest == found.source.digest
    np.save(folder / "train-groups.npy", np.array([*"aaaaaaaab"]))
    with pytest.raises(DataError, match="the train set has changed"):
        found.source.read("train")
    with pytest.raises(DataError, match="the train set has changed"):
        without.source.read("train")


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.arange(8), "8 groups for 9 images"),
        (np.arange(9.0), "must be integers"),
        (np.zeros((9, 2), dtype=int), "groups must be integers of shape"),
    ],
)
def test_wrong_file_of_groups_raises(folder: Path, groups: Any, message: str) -> None:
    np.save(folder / "train-groups.npy", groups)
    with pytest.raises(DataError, match=message):
        npy.find(folder)
