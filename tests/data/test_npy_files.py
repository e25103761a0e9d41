"""The listing of a folder of .npy files, as NumPy writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data.array_files import image_blocks
from convstudy.data.array_files.npy import LISTED_SOURCE
from convstudy.data.listing import SourceOptions
from convstudy.data.value_range import natural_range
from convstudy.errors import DataError
from tests.data.sources.conformance import X_TEST, X_TRAIN, Y_TEST, Y_TRAIN
from tests.data.sources.listed import assert_lists, listed


def save(folder: Path, **arrays: Any) -> Path:
    for name, array in arrays.items():
        np.save(folder / f"{name.replace('__', '-')}.npy", array)
    return folder


@pytest.mark.parametrize("names", [("images", "labels"), ("X", "y")])
def test_pair_without_parts_is_one_set(tmp_path: Path, names: tuple[str, str]) -> None:
    found = listed("npy", save(tmp_path, **{names[0]: X_TRAIN / 255, names[1]: Y_TRAIN}))
    assert_lists(found, "npy", {"": (X_TRAIN / 255, Y_TRAIN)})
    assert found.bounds is not None and natural_range(found.bounds(range(9))) == (0, 1)


def test_files_with_parts_keep_them(tmp_path: Path) -> None:
    save(tmp_path, train__images=X_TRAIN, train__labels=Y_TRAIN, x_test=X_TEST)
    np.save(tmp_path / "y_test.npy", np.array(["2", "0", "1", "1", "0"]))
    with pytest.raises(DataError, match="no labels of the train part"):
        listed("npy", save(tmp_path, x_train=X_TRAIN), image="x", label="y")
    (tmp_path / "x_train.npy").unlink()
    save(tmp_path, test__images=X_TEST, test__labels=Y_TEST)
    found = listed("npy", tmp_path)
    assert_lists(found, "npy", {"train": (X_TRAIN, Y_TRAIN), "test": (X_TEST, Y_TEST)})
    assert found.notes == ("Arrays that are not used: x_test, y_test.",)


def test_fortran_order_is_mapped_and_gives_the_same_images(tmp_path: Path) -> None:
    found = listed("npy", save(tmp_path, X=np.asfortranarray(X_TRAIN), y=Y_TRAIN[:, None]))
    assert_lists(found, "npy", {"": (X_TRAIN, Y_TRAIN)})


def test_other_folders_are_not_recognised(tmp_path: Path) -> None:
    assert not LISTED_SOURCE.recognise(tmp_path)
    assert not LISTED_SOURCE.recognise(tmp_path / "missing")
    save(tmp_path, images=X_TRAIN)
    assert not LISTED_SOURCE.recognise(tmp_path)
    assert not LISTED_SOURCE.recognise(tmp_path / "images.npy")
    np.save(tmp_path / ".labels.npy", Y_TRAIN)
    assert not LISTED_SOURCE.recognise(tmp_path)


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "images too short": ("X", lambda content: content[:-1], "the file ends too early"),
    "images too long": ("X", lambda content: content + b"\0", "bytes follow the last value"),
    "labels too short": ("y", lambda content: content[:-1], "the file ends too early"),
    "labels too long": ("y", lambda content: content + b"\0", "bytes follow the last value"),
    "no header": ("X", lambda content: content[10:], "not a valid .npy file"),
    "a huge shape": ("X", lambda content: content.replace(b"(9, 4, 3, 2)", b"(9, 4, 3, 2000000000)"), "."),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_file_raises_one_error_with_its_path(tmp_path: Path, name: str) -> None:
    file, damage, what = DAMAGE[name]
    path = save(tmp_path, X=X_TRAIN, y=Y_TRAIN) / f"{file}.npy"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=what) as caught:
        LISTED_SOURCE.listing(tmp_path, SourceOptions())
    (problem,) = caught.value.problems
    assert problem.where.file == str(path)


def test_objects_and_large_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "y.npy", np.array(["a", "b", "c"] * 3, dtype=object))
    with pytest.raises(DataError, match="Python objects"):
        listed("npy", save(tmp_path, X=X_TRAIN))
    monkeypatch.setattr(image_blocks, "MAX_IMAGE_BYTES", 23)
    with pytest.raises(DataError, match="the images are too large; expected at most 23 bytes"):
        listed("npy", save(tmp_path, y=Y_TRAIN))


def test_file_that_shrinks_after_the_listing_raises_when_it_is_read(tmp_path: Path) -> None:
    for order in (np.ascontiguousarray, np.asfortranarray):
        found = listed("npy", save(tmp_path, X=order(X_TRAIN), y=Y_TRAIN))
        content = (tmp_path / "X.npy").read_bytes()
        (tmp_path / "X.npy").write_bytes(content[:-30])
        with pytest.raises(DataError, match="ends too early"):
            found.reader.read(8)
    assert found.reader.stamp(0)[0] == len(content) - 30
