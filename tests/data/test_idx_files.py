"""The listing of a user's IDX files, in the layout that LeCun's page defines and EMNIST uses."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convstudy.data.array_files.idx import LISTED_SOURCE
from convstudy.data.listing import SourceOptions
from convstudy.errors import DataError
from tests.data.sources.conformance import X_TEST, X_TRAIN, Y_TEST, Y_TRAIN
from tests.data.sources.listed import assert_lists, listed

CODES = {"|u1": 0x08, "|i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
GREY, GREY_TEST = X_TRAIN[..., 0], X_TEST[..., 0]


def write_idx(path: Path, values: npt.NDArray[Any]) -> None:
    """Write an IDX file; it is compressed if its name ends in .gz."""
    header = struct.pack(f">2x2B{values.ndim}I", CODES[values.dtype.str], values.ndim, *values.shape)
    path.write_bytes((gzip.compress if path.suffix == ".gz" else bytes)(header + values.tobytes()))


def save(folder: Path, prefix: str = "", end: str = "", test: str = "t10k", images: Any = GREY) -> Path:
    """Write four files with the names of MNIST's, or with a prefix."""
    write_idx(folder / f"{prefix}train-images-idx3-ubyte{end}", images)
    write_idx(folder / f"{prefix}train-labels-idx1-ubyte{end}", Y_TRAIN.astype(np.uint8))
    write_idx(folder / f"{prefix}{test}-images-idx3-ubyte{end}", GREY_TEST)
    write_idx(folder / f"{prefix}{test}-labels-idx1-ubyte{end}", Y_TEST.astype(np.uint8))
    return folder


@pytest.mark.parametrize("end", ["", ".gz"])
def test_files_of_mnist_are_listed(tmp_path: Path, end: str) -> None:
    found = listed("idx", save(tmp_path, end=end))
    assert_lists(found, "idx", {"train": (GREY, Y_TRAIN), "test": (GREY_TEST, Y_TEST)})
    assert found.notes == ()


def test_names_with_a_dot_and_an_unpacked_copy_are_accepted(tmp_path: Path) -> None:
    save(tmp_path, end=".gz")
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
        content = gzip.decompress((tmp_path / f"{name}.gz").read_bytes())
        (tmp_path / name.replace("-idx3", ".idx3")).write_bytes(content)
    found = listed("idx", tmp_path)
    assert_lists(found, "idx", {"train": (GREY, Y_TRAIN), "test": (GREY_TEST, Y_TEST)})


def test_emnist_is_named_as_transposed_and_the_option_turns_it_upright(tmp_path: Path) -> None:
    """EMNIST's page says that rows and columns are exchanged. The name decides: pixels alone do not show it."""
    save(tmp_path, "emnist-letters-", ".gz", "test")
    found = listed("idx", tmp_path)
    assert_lists(found, "idx", {"train": (GREY, Y_TRAIN), "test": (GREY_TEST, Y_TEST)})
    assert found.notes == (
        "The name says EMNIST, whose files have rows and columns exchanged; "
        "transpose = true turns them upright.",
    )
    found = listed("idx", tmp_path, transpose=True)
    upright = {"train": (GREY.transpose(0, 2, 1), Y_TRAIN), "test": (GREY_TEST.transpose(0, 2, 1), Y_TEST)}
    assert_lists(found, "idx", upright)
    assert found.notes == ("The images are transposed, as transpose = true says.",)


def test_mapping_of_emnist_gives_class_names_in_the_order_of_the_labels(tmp_path: Path) -> None:
    save(tmp_path, "emnist-letters-", "", "test")
    (tmp_path / "emnist-letters-mapping.txt").write_text("0 66 98\n1 65 97\n2 67 99\n3 68 100\n")
    found = listed("idx", tmp_path)
    assert found.class_names == ("Bb", "Aa", "Cc", "Dd")
    assert found.labels[:4] == ["Bb", "Aa", "Cc", "Bb"]
    (tmp_path / "emnist-letters-mapping.txt").write_text("0 66\n1 65\n")
    found = listed("idx", tmp_path)
    assert found.class_names is None and found.labels[:3] == ["0", "1", "2"]
    for content in ("0 66\n1 66\n", "0\n", "0 x\n", "0 -1\n", "0 99999999999999999999\n", "ß"):
        (tmp_path / "emnist-letters-mapping.txt").write_text(content)
        with pytest.raises(DataError, match="not a mapping of labels"):
            listed("idx", tmp_path)


def test_several_datasets_in_a_folder_need_the_name_of_a_file(tmp_path: Path) -> None:
    save(tmp_path, "emnist-letters-", ".gz", "test")
    save(tmp_path, "emnist-digits-", ".gz", "test", images=GREY[::-1].copy())
    with pytest.raises(DataError, match=r"several datasets.*emnist-digits, emnist-letters") as caught:
        listed("idx", tmp_path)
    assert "emnist-digits-test-images-idx3-ubyte.gz" in caught.value.problems[0].hint
    for kind in ("train-images-idx3", "test-labels-idx1"):
        found = listed("idx", tmp_path / f"emnist-digits-{kind}-ubyte.gz")
        assert_lists(found, "idx", {"train": (GREY[::-1], Y_TRAIN), "test": (GREY_TEST, Y_TEST)})


@pytest.mark.parametrize("dtype", CODES)
def test_all_types_of_values_are_read(tmp_path: Path, dtype: str) -> None:
    images = (GREY // 2).astype(dtype)
    write_idx(tmp_path / "images-idx3", images)
    write_idx(tmp_path / "labels-idx1", Y_TRAIN.astype(">i4"))
    assert_lists(listed("idx", tmp_path), "idx", {"": (images, Y_TRAIN)})


def test_labels_with_further_columns_use_the_first(tmp_path: Path) -> None:
    """QMNIST's labels have eight columns: the class, and where the digit is from."""
    write_idx(tmp_path / "qmnist-train-images-idx3-ubyte", GREY)
    write_idx(
        tmp_path / "qmnist-train-labels-idx2-int", np.stack([Y_TRAIN] + [Y_TRAIN + 9] * 7, 1).astype(">i4")
    )
    found = listed("idx", tmp_path)
    assert_lists(found, "idx", {"train": (GREY, Y_TRAIN)})
    assert found.notes == ("The first of 8 columns is the label (qmnist-train-labels-idx2-int).",)


def test_other_paths_are_not_recognised(tmp_path: Path) -> None:
    assert not LISTED_SOURCE.recognise(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_text("no labels")
    assert not LISTED_SOURCE.recognise(tmp_path)
    assert not LISTED_SOURCE.recognise(tmp_path / "train-labels-idx1-ubyte")
    (tmp_path / "train-labels-idx1-ubyte.gz").write_text("no gzip file")
    assert not LISTED_SOURCE.recognise(tmp_path / "train-labels-idx1-ubyte.gz")


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "images too short": ("images", lambda content: content[:-1], "the file ends too early"),
    "images too long": ("images", lambda content: content + b"\0", "bytes follow the last value"),
    "labels too short": ("labels", lambda content: content[:-1], "the file ends too early"),
    "labels too long": ("labels", lambda content: content + b"\0", "bytes follow the last value"),
    "only a header": ("labels", lambda content: content[:6], "ends within its header"),
    "no labels": ("labels", lambda content: content[:4] + bytes(4), "there are no labels"),
    "another number": (
        "labels",
        lambda content: content[:7] + b"\x08" + content[8:-1],
        "8 labels for 9 images",
    ),
    "a huge number of images": (
        "images",
        lambda content: content[:4] + b"\xff" + content[5:],
        "ends too early",
    ),
    "huge images": (
        "images",
        lambda content: content[:8] + b"\xff" + content[9:],
        "the images are too large",
    ),
    "huge labels": ("labels", lambda content: content[:4] + b"\xff" + content[5:], "this array is too large"),
}


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_file_raises_one_error_with_its_path(tmp_path: Path, name: str, end: str) -> None:
    kind, damage, what = DAMAGE[name]
    save(tmp_path, end=end)
    (path,) = tmp_path.glob(f"train-{kind}*")
    unpack, pack = (gzip.decompress, gzip.compress) if end else (bytes, bytes)
    path.write_bytes(pack(damage(unpack(path.read_bytes()))))
    with pytest.raises(DataError, match=what) as caught:
        LISTED_SOURCE.listing(tmp_path, SourceOptions())
    (problem,) = caught.value.problems
    assert problem.where.file == str(path)


def test_gzip_file_that_is_cut_raises(tmp_path: Path) -> None:
    path = save(tmp_path, end=".gz") / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="the file is damaged"):
        LISTED_SOURCE.listing(tmp_path, SourceOptions())


def test_missing_file_of_a_part_is_named(tmp_path: Path) -> None:
    (save(tmp_path) / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="there is no file of labels of the test part"):
        LISTED_SOURCE.listing(tmp_path, SourceOptions())
    with pytest.raises(DataError, match="no IDX files"):
        LISTED_SOURCE.listing(tmp_path / "nowhere", SourceOptions())


def test_folder_with_a_damaged_or_missing_file_is_still_recognised_so_that_the_error_names_it(
    tmp_path: Path,
) -> None:
    folder = save(tmp_path)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(b"")
        assert LISTED_SOURCE.recognise(folder)
        with pytest.raises(DataError, match=name):
            LISTED_SOURCE.listing(folder, SourceOptions())
        (folder / name).write_bytes(content)
    for path in folder.glob("*labels*"):
        path.unlink()
    assert LISTED_SOURCE.recognise(folder)
    with pytest.raises(DataError, match="there is no file of labels of the test part"):
        LISTED_SOURCE.listing(folder, SourceOptions())
