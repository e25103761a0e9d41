"""Arrays of a Python program become a dataset, or one clear error; they are written once, as files that a run reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.data.in_memory import MemorySource
from convstudy.errors import DataError
from tests.data.sources.conformance import ARRAYS, SHAPE, X_TEST, X_TRAIN, Y_TEST, Y_TRAIN


def made(**changes: Any) -> Dataset:
    names = ("x_train", "y_train", "x_test", "y_test")
    return Dataset.from_arrays(**{**dict(zip(names, ARRAYS, strict=True)), **changes})


def test_the_dataset_of_four_arrays() -> None:
    dataset = made(class_names=("a", "b", "c"), name="mine")
    assert (dataset.name, dataset.image_shape, dataset.class_names) == ("mine", SHAPE, ("a", "b", "c"))
    assert (dataset.n_train, dataset.n_test, dataset.kind) == (9, 5, "")
    loaded = dataset.load()
    assert np.array_equal(loaded.train.pixels, X_TRAIN)
    assert loaded.train.labels.tolist() == Y_TRAIN.tolist() == dataset.load_labels("train").tolist()
    assert np.array_equal(loaded.test.open(lambda: None).pixels, X_TEST)
    assert made().class_names == ("0", "1", "2")
    assert made() == made() and hash(made()) == hash(made())


def test_what_keras_gives_is_taken() -> None:
    flat = made(x_train=X_TRAIN[..., 0], x_test=X_TEST[..., 0])
    assert flat.image_shape == (4, 3, 1)
    column = made(y_train=Y_TRAIN[:, None].astype(np.uint8), y_test=Y_TEST[:, None].astype(np.int32))
    assert column.digest == made().digest
    assert made(y_train=Y_TRAIN.tolist(), y_test=list(Y_TEST)).digest == made().digest
    assert made(x_train=np.asfortranarray(X_TRAIN)).digest == made().digest


def test_any_other_pixel_or_label_is_another_dataset() -> None:
    other = X_TEST.copy()
    other[4, 3, 2, 1] ^= 1
    assert len({made().digest, made(x_test=other).digest, made(y_test=Y_TEST[::-1].copy()).digest}) == 3


class NoArray:
    """What another library offers as an array, and cannot be made one."""

    def __array__(self, *_: object, **__: object) -> np.ndarray[Any, Any]:
        raise RuntimeError("no array here")


def test_class_names_as_numpy_has_them() -> None:
    assert made(class_names=np.array(["a", "b", "c"])).class_names == ("a", "b", "c")
    names = made(class_names=np.array([3, 4, 5])).class_names
    assert names == ("3", "4", "5") and {type(name) for name in names} == {str}


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"x_train": X_TRAIN / 255}, "images must be uint8, not floats", "(255 * x).round().astype('uint8')"),
    ({"x_train": X_TRAIN.astype(np.int64)}, "images must be uint8", "x.astype('uint8')"),
    ({"x_test": X_TEST.astype(np.int64) * 2}, "images must be uint8", "scale them to values from 0 to 255"),
    ({"x_train": X_TRAIN.reshape(9, -1)}, "must have three or four dimensions", ""),
    (
        {"x_train": np.zeros((9, 3, 8, 8), np.uint8)},
        "must have their channels last",
        "x.transpose(0, 2, 3, 1)",
    ),
    ({"x_test": X_TEST[:0], "y_test": Y_TEST[:0]}, "there must be images", ""),
    ({"x_train": "images"}, "images must be uint8", ""),
    ({"x_train": X_TRAIN.astype(np.float32)}, "images must be uint8, not floats", "255: x.round().astype"),
    ({"x_train": X_TRAIN - 0.5}, "images must be uint8, not floats", "scale them"),
    ({"x_train": X_TRAIN * np.nan}, "images must be uint8, not floats", "scale them"),
    ({"x_train": X_TRAIN > 9}, "images must be uint8", "255 * x.astype('uint8')"),
    ({"x_train": None}, "this must be a NumPy array", "got NoneType"),
    ({"x_train": [[1, 2], [3]]}, "this must be a NumPy array", ""),
    (
        {"y_train": NoArray()},
        "this must be a NumPy array",
        "y_train: this must be a NumPy array; got no array here",
    ),
    ({"x_train": np.ma.masked_array(X_TRAIN)}, "must be a plain array", ""),
    ({"y_train": Y_TRAIN.astype(float)}, "labels must be integers", "np.unique(labels, return_inverse=True)"),
    ({"y_train": np.array(["a", "b", "c"] * 3)}, "labels must be integers", "return_inverse"),
    ({"y_train": np.eye(3, dtype=int)[Y_TRAIN]}, "one value for each image", "y.argmax(axis=1)"),
    ({"y_train": np.eye(3)[Y_TRAIN]}, "one value for each image", "y.argmax(axis=1)"),
    ({"y_train": np.zeros((9, 0), int)}, "one value for each image", ""),
    ({"y_train": Y_TRAIN[:-1]}, "one label for each image", ""),
    ({"y_train": Y_TRAIN - 1}, "labels must be class numbers", ""),
    ({"y_train": Y_TRAIN * 2}, "each class must have training images", "without a gap"),
    ({"y_train": Y_TRAIN + 2**40}, "each class must have training images", ""),
    ({"y_train": Y_TRAIN * 0, "y_test": Y_TEST * 0}, "two or more classes", ""),
    ({"y_test": Y_TEST + 1}, "must be of a class that has training images", ""),
    ({"x_test": X_TEST[:, :2]}, "must have one shape", ""),
    ({"class_names": ("a", "b")}, "one name for each class", ""),
    ({"class_names": ("a", "b", "a")}, "two classes have the same name", ""),
    ({"class_names": "abc"}, "class names must be a list", "got str"),
    ({"class_names": {"a", "b", "c"}}, "class names must be a list", "got set"),
    ({"class_names": {0: "a", 1: "b", 2: "c"}}, "class names must be a list", "got dict"),
    ({"class_names": 3}, "class names must be a list", "got int"),
    ({"class_names": (None, "b", "c")}, "a class name must be a text", "got [None]"),
    ({"class_names": (b"a", "b", "c")}, "a class name must be a text", "got [b'a']"),
    ({"class_names": ("a\nb", "b", "c")}, "a class name must be a text", "on one line"),
    ({"class_names": ("\x1b[2J", "b", "c")}, "a class name must be a text", "on one line"),
    ({"class_names": ("\ud800", "b", "c")}, "a class name must be a text", "on one line"),
    ({"name": "my images"}, "must be a plain name", ""),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_wrong_arrays_are_one_error_each(number: int) -> None:
    changes, what, more = WRONG[number]
    with pytest.raises(DataError) as caught:
        made(**changes)
    (problem,) = caught.value.problems
    assert what in problem.what
    assert more in str(problem)


def test_a_torch_tensor_is_refused_with_what_to_call() -> None:
    import torch

    with pytest.raises(DataError, match=r"x_train.numpy\(force=True\)"):
        made(x_train=torch.zeros(9, 4, 3, 2, dtype=torch.uint8))


def test_arrays_that_were_changed_since_are_an_error() -> None:
    pixels = X_TRAIN.copy()
    dataset = made(x_train=pixels)
    pixels[0] ^= 1
    with pytest.raises(DataError, match="do not change the arrays after from_arrays"):
        dataset.load()


def test_no_file_describes_arrays_in_memory() -> None:
    with pytest.raises(DataError, match="run_study writes them"):
        made().as_json()


def test_written_files_hold_the_arrays_and_are_written_once(tmp_path: Path) -> None:
    source = made().source
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
    "spoil", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes()[:-1] + b"\7")]
)
def test_a_lost_or_damaged_file_is_written_again(tmp_path: Path, spoil: Any) -> None:
    source = made().source
    assert isinstance(source, MemorySource)
    written = source.write(tmp_path)
    spoil(tmp_path / "test-images.npy")
    with pytest.raises(DataError):
        written.read("test")
    assert source.write(tmp_path).read("test").digest() == source.test_digest


def test_arrays_in_another_order_of_memory_are_written_in_c_order(tmp_path: Path) -> None:
    source = made(x_train=np.asfortranarray(X_TRAIN)).source
    assert isinstance(source, MemorySource)
    assert np.array_equal(source.write(tmp_path).read("train").pixels, X_TRAIN)


@pytest.mark.parametrize("part", ["x_train", "x_test"])
def test_arrays_that_were_changed_since_are_not_written(tmp_path: Path, part: str) -> None:
    """Test images are read at the very end: the error came after everything was trained."""
    pixels = {"x_train": X_TRAIN.copy(), "x_test": X_TEST.copy()}
    source = made(**pixels).source
    assert isinstance(source, MemorySource)
    pixels[part][0] ^= 1
    with pytest.raises(DataError, match="do not change the arrays after from_arrays"):
        source.write(tmp_path)
    assert not list(tmp_path.glob(f"{part[2:]}-*"))
