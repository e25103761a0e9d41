"""The source of one .npz file with four arrays that need no decoding."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset
from convstudy.data import four_arrays as npz
from convstudy.errors import DataError
from convstudy.studyfile import Compare, NetworkPattern, Study, check_study
from tests.data.sources.conformance import ARRAYS, X_TRAIN, Y_TRAIN

KEYS = ("x_train", "y_train", "x_test", "y_test")


def save(path: Path, save: Any = np.savez, **changes: Any) -> Path:
    """Write a file of the four arrays, some of them replaced."""
    save(path, **{**dict(zip(KEYS, ARRAYS, strict=True)), **changes})
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return save(tmp_path / "mine.npz")


def test_digest_equals_that_of_the_same_arrays_in_memory(file: Path) -> None:
    assert npz.find(file).source.digest == Dataset.from_arrays(*ARRAYS).digest


def test_file_in_the_form_of_keras_is_read(tmp_path: Path) -> None:
    flat = {key: array[..., 0] for key, array in zip(KEYS, ARRAYS, strict=True) if key.startswith("x")}
    labels = {"y_train": Y_TRAIN.astype(np.uint8), "y_test": ARRAYS[3].astype(np.uint8)}
    found = npz.find(save(tmp_path / "mnist.npz", np.savez_compressed, **flat, **labels))
    assert (found.image_shape, found.n_train, found.n_test, found.n_classes) == ((4, 3, 1), 9, 5, 3)
    assert np.array_equal(found.source.read("train").pixels, X_TRAIN[..., :1])


def test_study_can_use_an_npz_file(file: Path) -> None:
    study = Study(
        name="mine",
        dataset={"source": "npz", "path": str(file), "classes": ["a", "b", "c"]},
        validation=0.4,
        network={name: NetworkPattern(layers=("flatten",)) for name in ("one", "two")},
        compare={"both": Compare(networks=("one", "two"))},
    )
    check_study(study)
    assert (study.dataset.kind, study.dataset.name, study.dataset.n_train) == ("npz", "mine", 9)


def test_load_reads_only_the_arrays_of_the_training_part(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, names = Dataset.of(npz.find(file), "mine"), list[str]()
    opened = zipfile.ZipFile.open

    def watched(archive: zipfile.ZipFile, name: str, *more: Any, **others: Any) -> Any:
        names.append(name)
        return opened(archive, name, *more, **others)

    monkeypatch.setattr(zipfile.ZipFile, "open", watched)
    dataset.load()
    dataset.load_labels("test")
    assert names == ["x_train.npy", "y_train.npy", "y_test.npy"]


def _member(name: str, content: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Return a function that changes the content of one member of a file."""

    def change(path: Path) -> None:
        with zipfile.ZipFile(path) as archive:
            members = {each: archive.read(each) for each in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for each, old in members.items():
                archive.writestr(each, content(old) if each == f"{name}.npy" else old)

    return change


def _flip(path: Path) -> None:
    """Change one byte of pixels, so that the checksum of the zip file is wrong."""
    content = bytearray(path.read_bytes())
    content[content.index(X_TRAIN.tobytes()[:16])] ^= 1
    path.write_bytes(content)


INVALID: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), "there is no such file"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "cannot read the file"),
    "no zip": (lambda path: path.write_bytes(b"\x93NUMPY\1\0"), "not a valid .npz file"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-10]), "not a valid .npz file"),
    "checksum": (_flip, "not a valid .npz file"),
    "no array": (lambda path: np.savez(path, x_train=X_TRAIN), "there is no array y_train"),
    "short": (_member("x_test", lambda content: content[:-1]), "ends too early"),
    "long": (_member("x_test", lambda content: content + b"\0"), "bytes follow the last value"),
    "no header": (_member("y_test", lambda content: content[4:]), "not a valid .npz file"),
    "objects": (
        lambda path: save(path, y_train=np.array(["a"] * 9, object)),
        "a non-empty array of numbers in C order",
    ),
    "texts": (
        lambda path: save(path, y_train=np.array(["a"] * 9)),
        "a non-empty array of numbers in C order",
    ),
    "Fortran": (
        lambda path: save(path, x_train=np.asfortranarray(X_TRAIN)),
        "a non-empty array of numbers in C order",
    ),
    "empty": (lambda path: save(path, x_test=X_TRAIN[:0]), "a non-empty array of numbers in C order"),
    "floats": (lambda path: save(path, x_train=X_TRAIN / 255), "images must be uint8"),
    "counts": (lambda path: save(path, y_train=Y_TRAIN[:-1]), "one label per image"),
    "gap": (lambda path: save(path, y_train=Y_TRAIN * 2), "must have training images"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_file_raises_one_error_with_its_path(file: Path, name: str) -> None:
    damage, what = INVALID[name]
    damage(file)
    with pytest.raises(DataError, match=what) as caught:
        npz.find(file)
    (problem,) = caught.value.problems
    assert problem.where.file == str(file)


def test_array_beyond_the_limit_raises_before_it_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npz, "MAX_BYTES", X_TRAIN.nbytes - 1)
    with pytest.raises(DataError, match="too large") as caught:
        npz.find(file)
    assert 'source = "npy"' in caught.value.problems[0].hint
