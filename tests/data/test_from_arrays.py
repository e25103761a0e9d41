"""Datasets of NumPy arrays: checks of the arrays, and the files that a run writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.data.from_python.memory import MemorySource
from convstudy.data.sources.npy import NpySource
from convstudy.errors import DataError
from tests.data.sources.conformance import ARRAYS, SHAPE, X_TEST, X_TRAIN, Y_TEST, Y_TRAIN


def dataset_of(**changes: Any) -> Dataset:
    names = ("x_train", "y_train", "x_test", "y_test")
    return Dataset.from_arrays(**{**dict(zip(names, ARRAYS, strict=True)), **changes})


def test_from_arrays_returns_the_images_and_labels() -> None:
    dataset = dataset_of(class_names=("a", "b", "c"), name="mine")
    assert (dataset.name, dataset.image_shape, dataset.class_names) == ("mine", SHAPE, ("a", "b", "c"))
    assert (dataset.n_train, dataset.n_test, dataset.kind) == (9, 5, "")
    loaded = dataset.load()
    assert np.array_equal(loaded.train.pixels, X_TRAIN)
    assert loaded.train.labels.tolist() == Y_TRAIN.tolist() == dataset.load_labels("train").tolist()
    assert np.array_equal(loaded.test.open(lambda: None).pixels, X_TEST)
    assert dataset_of().class_names == ("0", "1", "2")
    assert dataset_of() == dataset_of() and hash(dataset_of()) == hash(dataset_of())


def test_arrays_in_the_forms_of_keras_are_accepted() -> None:
    flat = dataset_of(x_train=X_TRAIN[..., 0], x_test=X_TEST[..., 0])
    assert flat.image_shape == (4, 3, 1)
    column = dataset_of(y_train=Y_TRAIN[:, None].astype(np.uint8), y_test=Y_TEST[:, None].astype(np.int32))
    assert column.digest == dataset_of().digest
    assert dataset_of(y_train=Y_TRAIN.tolist(), y_test=list(Y_TEST)).digest == dataset_of().digest
    assert dataset_of(x_train=np.asfortranarray(X_TRAIN)).digest == dataset_of().digest


def test_digest_changes_with_any_pixel_or_label() -> None:
    other = X_TEST.copy()
    other[4, 3, 2, 1] ^= 1
    assert (
        len(
            {
                dataset_of().digest,
                dataset_of(x_test=other).digest,
                dataset_of(y_test=Y_TEST[::-1].copy()).digest,
            }
        )
        == 3
    )


class NotAnArray:
    """An object whose ``__array__`` raises."""

    def __array__(self, *_: object, **__: object) -> np.ndarray[Any, Any]:
        raise RuntimeError("no array here")


def test_class_names_can_be_a_numpy_array() -> None:
    assert dataset_of(class_names=np.array(["a", "b", "c"])).class_names == ("a", "b", "c")
    names = dataset_of(class_names=np.array([3, 4, 5])).class_names
    assert names == ("3", "4", "5") and {type(name) for name in names} == {str}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"x_train": X_TRAIN / 255}, "test images must have the number format", "expected float64; got uint8"),
    ({"x_train": X_TRAIN.astype(np.int64) // 16}, "images must be uint8", "x.astype('uint8')"),
    ({"x_train": X_TRAIN.astype(np.uint16) * 16}, "images must be uint8", "scale them"),
    ({"x_test": X_TEST.astype(np.int64) * 2}, "images must be uint8", "scale them to values from 0 to 255"),
    ({"x_train": X_TRAIN.reshape(9, -1)}, "images must be uint8 of shape (n, height, width)", ""),
    (
        {"x_train": np.zeros((9, 3, 8, 8), np.uint8)},
        "must be of shape (n, height, width, channels)",
        "x.transpose(0, 2, 3, 1)",
    ),
    ({"x_test": X_TEST[:0], "y_test": Y_TEST[:0]}, "at least one image", ""),
    ({"x_train": "images"}, "images must be uint8", ""),
    ({"x_train": X_TRAIN.astype(np.float32) / 16}, "images must be uint8", "255, use x.round().astype"),
    ({"x_train": X_TRAIN - 0.5}, "images must be uint8", "scale them"),
    ({"x_train": X_TRAIN * np.nan}, "images must be uint8", "scale them"),
    ({"x_test": X_TEST > 9}, "images must be uint8", "255 * x.astype('uint8')"),
    ({"x_train": X_TRAIN > 9}, "test images must have the number format", "expected bool; got uint8"),
    (
        {"x_train": X_TRAIN / 255, "x_test": X_TEST / 128},
        "test images must be from 0 to 1, as the training images are",
        "got 0.0",
    ),
    ({"x_train": X_TRAIN.astype(np.uint16) * 257}, "test images must have the number format", ""),
    ({"x_train": None}, "", "x_train must be a NumPy array; got NoneType."),
    ({"x_train": [[1, 2], [3]]}, "this cannot become a NumPy array", ""),
    (
        {"y_train": NotAnArray()},
        "this cannot become a NumPy array",
        "y_train: this cannot become a NumPy array: no array here.",
    ),
    ({"x_train": np.ma.masked_array(X_TRAIN)}, "", "x_train must be an array without a mask"),
    ({"y_train": Y_TRAIN.astype(float)}, "labels must be integers", "np.unique(labels, return_inverse=True)"),
    ({"y_train": np.array(["a", "b", "c"] * 3)}, "the labels of both parts must be class names", ""),
    ({"y_train": list("abc" * 3), "y_test": [*"abcd", ""]}, "must have a label", "'' for image 4"),
    ({"y_train": list("abc" * 3), "y_test": [*"abca", None]}, "must have a label", "None for image 4"),
    ({"y_train": list("abc" * 3), "y_test": [*"abca", np.nan]}, "must have a label", "nan for image 4"),
    (
        {"y_train": list("abc" * 3), "y_test": np.array([*"abca", np.nan])},
        "must have a label",
        "'nan' for image 4",
    ),
    (
        {"y_train": list("abc" * 3), "y_test": np.array([*"abca", 3], object)},
        "all text or all numbers",
        "int for",
    ),
    ({"y_train": list("abc" * 3), "y_test": list("abcad")}, "must have training images", "none of d"),
    (
        {"y_train": list("abc" * 3), "y_test": list("abcad"), "class_names": ["c", "b", "a"]},
        "each label must be one of class_names",
        "got d",
    ),
    (
        {"y_train": np.eye(3, dtype=int)[Y_TRAIN]},
        "labels must be integers of shape (n,) or (n, 1)",
        "y.argmax(axis=1)",
    ),
    ({"y_train": np.eye(3)[Y_TRAIN]}, "labels must be integers of shape (n,) or (n, 1)", "y.argmax(axis=1)"),
    ({"y_train": np.zeros((9, 0), int)}, "labels must be integers of shape (n,) or (n, 1)", ""),
    ({"y_train": Y_TRAIN[:-1]}, "one label per image", ""),
    ({"y_train": Y_TRAIN - 1}, "labels must be 0, 1, 2", "got labels from -1 to 1"),
    ({"y_train": Y_TRAIN * 2}, "from 0 to the largest label must have training images", "without a gap"),
    ({"y_train": Y_TRAIN + 2**40}, "from 0 to the largest label must have training images", ""),
    ({"y_train": Y_TRAIN * 0, "y_test": Y_TEST * 0}, "at least two classes", ""),
    ({"y_test": Y_TEST + 1}, "test labels must be in [0, 2]", ""),
    ({"x_test": X_TEST[:, :2]}, "must have the same shape", ""),
    ({"class_names": ("a", "b")}, "one name per class", ""),
    ({"class_names": ("a", "b", "a")}, "two classes have the same name", ""),
    (
        {"class_names": "abc"},
        "",
        "class_names must be a list with one name per class, in the order of the labels; got str.",
    ),
    ({"class_names": {"a", "b", "c"}}, "", "class_names must be a list with one name per class"),
    ({"class_names": {0: "a", 1: "b", 2: "c"}}, "", "got dict."),
    ({"class_names": 3}, "", "got int."),
    ({"class_names": (None, "b", "c")}, "a class name must be a text", "got [None]"),
    ({"class_names": (b"a", "b", "c")}, "a class name must be a text", "got [b'a']"),
    (
        {"class_names": ("a\nb", "b", "c")},
        "a class name must be a text of 1 to 1,000 characters",
        "on one line",
    ),
    (
        {"class_names": ("\x1b[2J", "b", "c")},
        "a class name must be a text of 1 to 1,000 characters",
        "on one line",
    ),
    (
        {"class_names": ("\ud800", "b", "c")},
        "a class name must be a text of 1 to 1,000 characters",
        "on one line",
    ),
    ({"name": "my images"}, "1 to 64 letters, digits", ""),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_invalid_arrays_raise_one_error_with_its_reason(number: int) -> None:
    changes, what, more = WRONG[number]
    with pytest.raises(DataError) as caught:
        dataset_of(**changes)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert more in str(problem)


def test_load_of_changed_arrays_raises() -> None:
    pixels = X_TRAIN.copy()
    dataset = dataset_of(x_train=pixels)
    pixels[0] ^= 1
    with pytest.raises(DataError, match="do not change the arrays after from_arrays"):
        dataset.load()


def test_as_json_of_arrays_in_memory_raises() -> None:
    with pytest.raises(DataError, match="run_study writes them"):
        dataset_of().as_json()


def test_write_writes_each_file_once(tmp_path: Path) -> None:
    source = dataset_of().source
    assert isinstance(source, MemorySource)
    written = source.write(tmp_path / "kept")
    assert written.digest == source.digest
    for part in ("train", "test"):
        assert written.read(part).digest() == source.read(part).digest()
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    assert sorted(path.name for path in files) == [
        "test-images.npy",
        "test-labels.npy",
        "train-images.npy",
        "train-labels.npy",
    ]
    assert source.write(tmp_path / "kept") == written
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}


@pytest.mark.parametrize(
    "damage", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\7")]
)
def test_write_replaces_a_missing_or_damaged_file(tmp_path: Path, damage: Any) -> None:
    source = dataset_of().source
    assert isinstance(source, MemorySource)
    written = source.write(tmp_path)
    damage(tmp_path / "test-images.npy")
    with pytest.raises(DataError):
        written.read("test")
    assert source.write(tmp_path).read("test").digest() == source.test_digest


def test_write_converts_fortran_order_to_c_order(tmp_path: Path) -> None:
    source = dataset_of(x_train=np.asfortranarray(X_TRAIN)).source
    assert isinstance(source, MemorySource)
    assert np.array_equal(source.write(tmp_path).read("train").pixels, X_TRAIN)


@pytest.mark.parametrize("part", ["x_train", "x_test"])
def test_write_of_changed_arrays_raises(tmp_path: Path, part: str) -> None:
    """Test images are read last, so without this check the error came after all fits were trained."""
    pixels = {"x_train": X_TRAIN.copy(), "x_test": X_TEST.copy()}
    source = dataset_of(**pixels).source
    assert isinstance(source, MemorySource)
    pixels[part][0] ^= 1
    with pytest.raises(DataError, match="do not change the arrays after from_arrays"):
        source.write(tmp_path)
    assert not list(tmp_path.glob(f"{part[2:]}-*"))


PATIENTS = ["ann", "bob", ("c", 3), "ann", 7, 7, "dan", "ann", "bob"]


def test_groups_of_arrays_are_any_hashable_values_and_become_numbers(tmp_path: Path) -> None:
    dataset = dataset_of(groups=PATIENTS)
    assert dataset.n_groups == 5 and dataset_of().n_groups == 0
    groups = dataset.load().train.groups
    assert groups is not None and groups.tolist() == [0, 1, 2, 0, 3, 3, 4, 0, 1]
    assert dataset.load().test.open(lambda: None).groups is None and dataset.load_groups("test") is None
    # Only the partition matters, and it is part of the digest.
    renamed = dataset_of(groups=np.array([5, 3, 8, 5, 1, 1, 0, 5, 3]))
    assert renamed.digest == dataset.digest != dataset_of().digest
    assert dataset_of(groups=np.arange(9)).digest not in (dataset.digest, dataset_of().digest)


def test_test_images_have_groups_if_they_are_given_or_set_aside(tmp_path: Path) -> None:
    groups = dataset_of(groups=PATIENTS, test_groups=["x"] * len(dataset_of().load_labels("test")))
    found = groups.load_groups("test")
    assert found is not None and set(found.tolist()) == {0}
    assert groups.digest != dataset_of(groups=PATIENTS).digest
    assert isinstance(groups.source, MemorySource)
    read = groups.source.write(tmp_path).read_groups("test")
    assert read is not None and read.tolist() == found.tolist()
    images = np.random.default_rng(0).integers(0, 255, (80, 8, 8)).astype(np.uint8)
    names = np.array([f"patient {i // 4}" for i in range(80)])
    set_aside = Dataset.from_arrays(images, np.arange(80) % 2, groups=names)
    test, train = (set_aside.load_groups(part) for part in ("test", "train"))
    assert test is not None and train is not None
    assert len(set(test.tolist())) * 4 == len(test) and len(set(train.tolist())) * 4 == len(train)
    # Near-duplicates alone are no groups of test images, so that datasets of arrays keep their digests.
    assert Dataset.from_arrays(images, np.arange(80) % 2).load_groups("test") is None


def test_groups_of_test_images_alone_are_refused() -> None:
    with pytest.raises(DataError, match="test_groups can be given only with groups and x_test"):
        dataset_of(test_groups=["x"] * 3)
    with pytest.raises(DataError, match="test_groups must be a sequence with one value per test image"):
        dataset_of(groups=PATIENTS, test_groups="abc")


def test_groups_of_arrays_are_written_and_read_again(tmp_path: Path) -> None:
    dataset = dataset_of(groups=PATIENTS)
    assert isinstance(dataset.source, MemorySource)
    written = dataset.source.write(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.npy"
        for name in ("train-images", "train-labels", "train-groups", "test-images", "test-labels")
    }
    assert written.digest == dataset.digest and written.n_groups == 5
    read = NpySource.from_json(written.as_json(tmp_path), tmp_path)
    assert read == written
    groups = read.read("train").groups
    assert groups is not None and groups.tolist() == dataset.source.train.groups.tolist()  # type: ignore[union-attr]
    (tmp_path / "train-groups.npy").unlink()
    with pytest.raises(DataError, match="the train set has changed"):
        read.read("train")
    dataset.source.write(tmp_path)
    assert read.read("train").groups is not None


def test_file_of_groups_in_the_way_of_arrays_without_groups_is_removed(tmp_path: Path) -> None:
    dataset = dataset_of()
    assert isinstance(dataset.source, MemorySource)
    written = dataset.source.write(tmp_path)
    assert "n_groups" not in written.as_json()
    np.save(tmp_path / "train-groups.npy", np.arange(9))
    assert dataset.source.write(tmp_path).read("train").groups is None


class NAType:
    """A missing value that has no truth value, like that of pandas."""

    def __eq__(self, other: object) -> Any:
        raise TypeError("ambiguous")

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a"] * 8, "8 groups for 9 images"),
        ("abcdefghi", "groups must be a sequence with one value per training image, .* got str"),
        (dict.fromkeys(range(9)), "got dict"),
        (5, "got int"),
        (["a"] * 8 + [["b"]], "groups must be hashable values; got list for image 8"),
        (["a", None, *"abcdefg"], "each training image must have a group; got None for image 1"),
        ([1.0] * 8 + [float("nan")], "each training image must have a group; got nan for image 8"),
        (np.array([1.0] * 8 + [np.nan]), "each training image must have a group"),
        (["a"] * 8 + [NAType()], "each training image must have a group"),
    ],
)
def test_wrong_groups_are_refused(groups: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        dataset_of(groups=groups)
