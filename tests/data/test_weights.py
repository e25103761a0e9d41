"""Weights of images: their checks, and their way from arrays and files into the training loss."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convstudy.data import Dataset, Images
from convstudy.data.arrays import PixelFile, map_array
from convstudy.data.sources import npy
from convstudy.data.sources.npy import NpySource
from convstudy.errors import DataError
from tests.data.sources.conformance import ARRAYS, X_TRAIN, Y_TRAIN

WEIGHTS = np.linspace(0.5, 4, len(Y_TRAIN)).astype(np.float32)


def weighted(weights: Any = WEIGHTS) -> Dataset:
    return Dataset.from_arrays(*ARRAYS, sample_weight=weights)


def test_take_keeps_the_weight_of_each_image(tmp_path: Path) -> None:
    images = Images(X_TRAIN, Y_TRAIN.astype(np.int64), weights=WEIGHTS)
    rows = np.array([7, 0, 7])
    np.save(tmp_path / "x.npy", X_TRAIN)
    mapped = map_array(tmp_path / "x.npy", "|u1", X_TRAIN.shape)
    on_disk = replace(images, pixels=mapped, file=PixelFile.of(mapped, tmp_path / "x.npy"))
    for each in (images, on_disk):
        taken = each.take(rows).weights
        assert taken is not None and taken.tolist() == WEIGHTS[rows].tolist()
    assert Images(X_TRAIN, Y_TRAIN.astype(np.int64)).take(rows).weights is None


def test_weights_enter_the_digest_only_if_present() -> None:
    plain = Images(X_TRAIN, Y_TRAIN.astype(np.int64))
    digests = {
        plain.digest(),
        replace(plain, weights=WEIGHTS).digest(),
        replace(plain, weights=WEIGHTS[::-1].copy()).digest(),
        replace(plain, groups=np.arange(len(Y_TRAIN))).digest(),
    }
    assert len(digests) == 4
    assert Dataset.from_arrays(*ARRAYS).digest != weighted().digest == weighted(WEIGHTS.astype(float)).digest


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS[:-1], "8 weights for 9 images"),
        (np.where(np.arange(9) == 4, 0, WEIGHTS), "0.0 for image 4"),
        (np.where(np.arange(9) > 4, -1, 1), "-1 for image 5 and 3 more"),
        (np.full(9, np.nan), "nan for image 0 and 8 more"),
        (np.full(9, 1e-60), "1e-60 for image 0"),  # 0 in float32
        (np.full(9, 1e60), "1e\\+60 for image 0"),
        (np.ones((9, 2)), "weights must be numbers of shape"),
        (["heavy"] * 9, "weights must be numbers of shape"),
        (np.ones(9, bool), "weights must be numbers of shape"),
        ("heavy", "sample_weight: weights must be numbers"),
    ],
)
def test_wrong_weights_of_arrays_raise(weights: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        weighted(weights)


@pytest.mark.parametrize(
    "weights", [WEIGHTS.astype(np.float64), WEIGHTS[:-1], -WEIGHTS, WEIGHTS * np.float32("nan")]
)
def test_images_refuse_wrong_weights(weights: Any) -> None:
    with pytest.raises(DataError, match="weights must be"):
        Images(X_TRAIN, Y_TRAIN.astype(np.int64), weights=weights)


@pytest.mark.parametrize("most_in_memory", [1 << 28, 0])
def test_weights_are_written_and_read_with_the_arrays(
    tmp_path: Path, most_in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npy, "MAX_BYTES_IN_MEMORY", most_in_memory)
    dataset = weighted()
    source = dataset.source.write(tmp_path)  # type: ignore[attr-defined]
    assert (tmp_path / "train-weights.npy").is_file()
    assert not (tmp_path / "test-weights.npy").exists()
    for written in (source, NpySource.from_json(source.as_json(), tmp_path), npy.find(tmp_path).source):
        assert written.digest == dataset.digest
        read = written.read("train")
        assert read.weights is not None and read.weights.tolist() == WEIGHTS.tolist()
        assert (read.file is None) == bool(most_in_memory)
        assert written.read("test").weights is None


def test_changed_or_missing_file_of_weights_is_noticed(tmp_path: Path) -> None:
    source = weighted().source.write(tmp_path)  # type: ignore[attr-defined]
    path = tmp_path / "train-weights.npy"
    np.save(path, WEIGHTS + 1)
    with pytest.raises(DataError, match="the train set has changed"):
        source.read("train")
    path.unlink()
    with pytest.raises(DataError, match="the train set has changed"):
        source.read("train")
    # A run writes the arrays again; arrays without weights remove the file of others.
    weighted().source.write(tmp_path)  # type: ignore[attr-defined]
    assert source.read("train").weights is not None
    Dataset.from_arrays(*ARRAYS).source.write(tmp_path)  # type: ignore[attr-defined]
    assert not path.exists()


@pytest.mark.parametrize("content", [np.zeros(9), np.ones(5), np.array(["a"] * 9), np.ones((9, 2))])
def test_wrong_file_of_weights_raises_with_its_name(tmp_path: Path, content: Any) -> None:
    Dataset.from_arrays(*ARRAYS).source.write(tmp_path)  # type: ignore[attr-defined]
    np.save(tmp_path / "train-weights.npy", content)
    with pytest.raises(DataError, match=r"train-weights\.npy"):
        npy.find(tmp_path)
