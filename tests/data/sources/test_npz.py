"""The listing of a .npz file, as NumPy writes it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from convstudy.data.array_files import image_blocks
from convstudy.data.array_files import store as array_store
from convstudy.data.listing import SourceOptions
from convstudy.data.sources import npz
from convstudy.data.value_range import natural_range
from convstudy.errors import DataError
from tests.data.sources.conformance import (
    ARRAYS,
    X_TEST,
    X_TRAIN,
    Y_TEST,
    Y_TRAIN,
)
from tests.data.sources.conformance_listed import ListedExample, ListedSourceConformance
from tests.data.sources.listed import assert_lists, example_of, images_of, listed

KEYS = ("x_train", "y_train", "x_test", "y_test")
SAVES: dict[str, Callable[..., None]] = {"stored": np.savez, "compressed": np.savez_compressed}
GREY = X_TRAIN[..., 0]
PARTS = {"train": (X_TRAIN, Y_TRAIN), "test": (X_TEST, Y_TEST)}


def save(folder: Path, how: str = "stored", **arrays: Any) -> Path:
    path = folder / "mine.npz"
    SAVES[how](path, **arrays)
    return path


class TestListedNpz(ListedSourceConformance):
    """A .npz file passes the tests of all listed sources."""

    @pytest.fixture(params=SAVES)
    def listed_example(self, tmp_path: Path, request: pytest.FixtureRequest) -> ListedExample:
        path = save(tmp_path, str(request.param), **dict(zip(KEYS, ARRAYS, strict=True)))
        return example_of(path, PARTS)


@pytest.fixture(params=SAVES)
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_arrays_in_the_form_of_keras_are_listed(tmp_path: Path, how: str) -> None:
    path = save(tmp_path, how, **dict(zip(KEYS, ARRAYS, strict=True)))
    found = listed("npz", path)
    assert_lists(found, "npz", PARTS)
    assert found.names[0] == "train row 0" and found.names[-1] == "test row 4"
    assert found.class_names is None and found.notes == ()


def test_arrays_in_the_form_of_medmnist_are_listed(tmp_path: Path, how: str) -> None:
    """MedMNIST's files have these six names, labels of shape (n, 1), and grey or RGB images."""
    arrays = {
        "train_images": GREY,
        "val_images": GREY[:2],
        "test_images": X_TEST[..., 0],
        "train_labels": Y_TRAIN[:, None].astype(np.uint8),
        "val_labels": Y_TRAIN[:2, None].astype(np.uint8),
        "test_labels": Y_TEST[:, None].astype(np.uint8),
    }
    found = listed("npz", save(tmp_path, how, **arrays))
    expected = {
        "train": (GREY, Y_TRAIN),
        "validation": (GREY[:2], Y_TRAIN[:2]),
        "test": (X_TEST[..., 0], Y_TEST),
    }
    assert_lists(found, "npz", expected)


@pytest.mark.parametrize("names", [("X", "y"), ("images", "labels"), ("data", "target"), ("x", "label")])
def test_arrays_without_parts_are_one_set(tmp_path: Path, names: tuple[str, str]) -> None:
    found = listed("npz", save(tmp_path, **{names[0]: X_TRAIN, names[1]: Y_TRAIN}))
    assert_lists(found, "npz", {"": (X_TRAIN, Y_TRAIN)})
    assert found.names[3] == "row 3"


def test_digits_of_scikit_learn_use_the_square_images(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    del digits["feature_names"], digits["frame"]
    found = listed("npz", save(tmp_path, **digits))
    assert_lists(found, "npz", {"": (digits.images, digits.target)})
    assert found.notes == ("Arrays that are not used: data, DESCR.",)
    assert found.bounds is not None
    assert natural_range(found.bounds(range(100))) == (0, 16)


def test_fortran_order_gives_the_same_images(tmp_path: Path, how: str) -> None:
    fortran = {key: np.asfortranarray(array) for key, array in zip(KEYS, ARRAYS, strict=True)}
    found = listed("npz", save(tmp_path, how, **fortran))
    assert_lists(found, "npz", PARTS)
    assert all(image.flags.c_contiguous for image in images_of(found, "npz"))


@pytest.mark.parametrize("dtype", ["bool", "uint16", ">u2", "int64", "float32", "float64", "float16"])
def test_number_formats_keep_their_values(tmp_path: Path, how: str, dtype: str) -> None:
    pixels = (GREY % 2 if dtype == "bool" else GREY).astype(dtype)
    found = listed("npz", save(tmp_path, how, X=pixels, y=Y_TRAIN))
    assert_lists(found, "npz", {"": (pixels, Y_TRAIN)})


def test_bounds_are_those_of_the_given_images_only(tmp_path: Path, how: str) -> None:
    pixels = GREY.astype(float) / 255
    pixels[0] = -1
    found = listed("npz", save(tmp_path, how, X=pixels, y=Y_TRAIN))
    assert found.bounds is not None
    assert natural_range(found.bounds(range(9))) == (-1, 1)
    assert natural_range(found.bounds([8, 3, 1])) == (0, 1)


def test_text_labels_are_class_names_and_missing_ones_none(tmp_path: Path) -> None:
    labels = np.array(["cat", "dog", "émeu"] * 3)
    found = listed("npz", save(tmp_path, X=X_TRAIN, y=labels))
    assert found.labels == ["cat", "dog", "émeu"] * 3
    found = listed("npz", save(tmp_path, X=X_TRAIN, y=np.array([b"cat", b"", b"dog"] * 3)))
    assert found.labels == ["cat", None, "dog"] * 3
    found = listed("npz", save(tmp_path, X=X_TRAIN, y=np.array([0, np.nan, 2] * 3)))
    assert found.labels == ["0", None, "2"] * 3
    labels = np.array(["cat", float("nan"), "dog"] * 3)
    assert labels.tolist()[:3] == ["cat", "nan", "dog"]  # NumPy's doing
    assert listed("npz", save(tmp_path, X=X_TRAIN, y=labels)).labels == ["cat", None, "dog"] * 3


def test_class_names_in_the_file_replace_numbers(tmp_path: Path) -> None:
    found = listed("npz", save(tmp_path, X=X_TRAIN, y=Y_TRAIN, class_names=np.array(["b", "a", "c", "d"])))
    assert found.labels == ["b", "a", "c"] * 3
    assert found.class_names == ("b", "a", "c", "d")


def test_rows_of_a_square_number_of_values_are_square_images(tmp_path: Path) -> None:
    rows = np.arange(5 * 784).reshape(5, 784) % 256
    found = listed("npz", save(tmp_path, X=rows.astype(np.uint8), y=Y_TEST))
    assert_lists(found, "npz", {"": (rows.astype(np.uint8).reshape(5, 28, 28), Y_TEST)})
    assert found.notes == ("A row of 784 values is an image of 28 × 28 pixels (X).",)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_first_are_moved_last_and_said(tmp_path: Path, how: str, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 9, channels), dtype=np.uint8)
    first = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
    found = listed("npz", save(tmp_path, how, X=first, y=Y_TEST))
    assert_lists(found, "npz", {"": (pixels, Y_TEST)})
    assert found.notes == (f"An image of shape ({channels}, 8, 9) has its {channels} channels first (X).",)


def test_options_name_the_arrays(tmp_path: Path) -> None:
    arrays = {"scans": X_TRAIN, "grade": Y_TRAIN, "y": Y_TRAIN * 0, "patient": Y_TRAIN + 7, "when": Y_TRAIN}
    path = save(tmp_path, **arrays, importance=Y_TRAIN + 0.5)
    names = {"image": "scans", "label": "grade", "group": "patient", "time": "when", "weight": "importance"}
    found = listed("npz", path, **names)
    assert found.labels == [str(label) for label in Y_TRAIN]
    assert found.groups == [str(label + 7) for label in Y_TRAIN]
    assert found.times == found.labels
    assert found.weights == (Y_TRAIN + 0.5).tolist()
    assert found.notes == (
        "Columns: patient (group), when (time), importance (weight).",
        "Arrays that are not used: y.",
    )
    assert listed("npz", path, image="scans", group="row (.*)").groups is None
    with pytest.raises(DataError, match=r'dataset\.group must be one of "scans"') as caught:
        listed("npz", path, image="scans", group="patent")
    assert 'did you mean "patient"' in caught.value.problems[0].hint


def test_groups_and_weights_are_used_by_their_usual_names(tmp_path: Path) -> None:
    """An array of groups that is not used would let images of one patient straddle a split."""
    arrays: dict[str, Any] = dict(zip(KEYS, ARRAYS, strict=True))
    groups = {"train_groups": Y_TRAIN + 5, "groups_test": Y_TEST}
    path = save(tmp_path, **arrays, **groups, train_weights=Y_TRAIN + 0.5)
    found = listed("npz", path)
    assert found.groups == [str(label + 5) for label in Y_TRAIN] + [str(label) for label in Y_TEST]
    assert found.weights == [*(Y_TRAIN + 0.5).tolist(), *[1.0] * 5]
    assert listed("npz", path, group="", weight="").groups is None
    path = save(tmp_path, **arrays, train_groups=Y_TRAIN)
    with pytest.raises(DataError, match="no array of the groups of the test part") as caught:
        listed("npz", path)
    assert caught.value.problems[0].hint == 'put group = "" under [dataset] to use none'


def test_labels_of_a_pandas_text_column_are_refused_with_the_way_to_save_them(tmp_path: Path) -> None:
    """NumPy turns a text column of pandas into Python objects and pickles them; only reading raises."""
    labels = pd.DataFrame({"label": ["cat", "dog", "cow"] * 3})["label"].to_numpy()
    assert labels.dtype == object
    path = save(tmp_path, X=X_TRAIN, y=labels)
    with pytest.raises(DataError, match="Python objects") as caught:
        listed("npz", path)
    (problem,) = caught.value.problems
    assert problem.hint == "save text as text, with np.asarray(y, dtype=str)"
    found = listed("npz", save(tmp_path, X=X_TRAIN, y=np.asarray(labels, dtype=str)))
    assert found.labels == ["cat", "dog", "cow"] * 3


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no labels": ({"X": X_TRAIN}, "there are no labels; expected x_train"),
    "no images": ({"y": Y_TRAIN}, "there are no images"),
    "no arrays": ({}, "there are no images; .*got no array"),
    "labels of one part": (
        {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TEST},
        "no labels of the test part",
    ),
    "only a test part": ({"x_test": X_TEST, "y_test": Y_TEST}, "a test part, but no training part"),
    "twice": ({"X": X_TRAIN, "x": X_TRAIN, "y": Y_TRAIN}, "the arrays X and x have the same meaning"),
    "counts": ({"X": X_TRAIN, "y": Y_TRAIN[1:]}, "8 labels for 9 images"),
    "one-hot": ({"X": X_TRAIN, "y": np.eye(3)[Y_TRAIN]}, "there must be one label per image"),
    "measured": ({"X": X_TRAIN, "y": Y_TRAIN + 0.5}, "a label must be a whole number or text; got 0.5"),
    "complex": ({"X": X_TRAIN * 1j, "y": Y_TRAIN}, "images must be numbers"),
    "no rows": ({"X": X_TRAIN[:0], "y": Y_TRAIN[:0]}, "images must be numbers"),
    "one image": ({"X": X_TRAIN[0, 0, 0], "y": Y_TRAIN}, "images must be numbers"),
    "videos": ({"X": X_TRAIN[None], "y": Y_TRAIN[:1]}, "images must be numbers"),
    "row of no square": (
        {"X": np.zeros((9, 3072)), "y": Y_TRAIN},
        "a row of 3,072 values is no square image",
    ),
    "volumes": ({"X": np.zeros((9, 7, 7, 7)), "y": Y_TRAIN}, "these look like volumes"),
    "two formats": (
        {"x_train": X_TRAIN, "y_train": Y_TRAIN, "x_test": X_TEST / 255, "y_test": Y_TEST},
        "the same number format; got <f8 and |u1",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_arrays_that_are_no_dataset_raise_one_error(tmp_path: Path, name: str) -> None:
    arrays, what = WRONG[name]
    with pytest.raises(DataError, match=what) as caught:
        listed("npz", save(tmp_path, **arrays))
    assert len(caught.value.problems) == 1


def _member(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a function that changes the content of one member of a file."""

    def changed(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {each: archive.read(each) for each in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for each, old in members.items():
                archive.writestr(each, change(old) if each == f"{name}.npy" else old)

    return changed


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[content.index(X_TRAIN.tobytes()[:16])] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no zip": (lambda path: path.write_bytes(b"\x93NUMPY\1\0"), "not a valid .npz file"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-10]), "not a valid .npz file"),
    "checksum": (_flip, "not a valid .npz file: Bad CRC-32"),
    "short": (_member("x_test", lambda content: content[:-1]), "x_test: the array ends too early"),
    "long": (_member("x_test", lambda content: content + b"\0"), "x_test: bytes follow the last value"),
    "no header": (_member("y_test", lambda content: content[4:]), "not a valid .npz file"),
    "huge": (
        _member("x_test", lambda content: content.replace(b"(5, 4, 3, 2)", b"(5000000000, 4, 3, 2)")),
        "not a valid .npz file|ends too early",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_file_raises_one_error_with_its_path(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, **dict(zip(KEYS, ARRAYS, strict=True)))
    damage, what = DAMAGE[name]
    damage(path)
    with pytest.raises(DataError, match=what) as caught:
        npz.listing(path, SourceOptions())
    (problem,) = caught.value.problems
    assert problem.where.file == str(path)


def test_checksum_of_an_array_that_is_not_compressed_is_verified(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 50, 50), dtype=np.uint8)
    path = save(tmp_path, X=pixels, y=Y_TRAIN)
    content = bytearray(path.read_bytes())
    content[content.index(pixels[8].tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="Bad CRC-32"):
        npz.listing(path, SourceOptions())


def test_damaged_compressed_images_raise_when_they_are_read(tmp_path: Path) -> None:
    path = save(tmp_path, "compressed", **dict(zip(KEYS, ARRAYS, strict=True)))
    found = listed("npz", path)
    content = bytearray(path.read_bytes())
    content[300] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="the file is damaged"):
        images_of(found, "npz")


def test_limits_are_checked_before_an_array_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path, **dict(zip(KEYS, ARRAYS, strict=True)))
    for module, limit, what in (
        (image_blocks, "MAX_IMAGE_BYTES", "the images are too large"),
        (array_store, "MAX_LABEL_BYTES", "this array is too large"),
        (npz, "MAX_ARRAYS", "there are too many arrays"),
    ):
        with monkeypatch.context() as context:
            context.setattr(module, limit, 3)
            with pytest.raises(DataError, match=what):
                npz.listing(path, SourceOptions())


def test_large_compressed_array_is_read_as_a_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_blocks, "MAX_BYTES_IN_MEMORY", 10)
    path = save(tmp_path, "compressed", **dict(zip(KEYS, ARRAYS, strict=True)))
    assert_lists(listed("npz", path), "npz", PARTS)


def test_file_that_is_missing_or_a_folder_raises_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        npz.listing(tmp_path / "no.npz", SourceOptions())
    (tmp_path / "a.npz").mkdir()
    assert not npz.recognise(tmp_path / "a.npz")
    with pytest.raises(DataError, match="must be a regular file"):
        npz.listing(tmp_path / "a.npz", SourceOptions())
