"""Prepared images: arrays in the cache that are made again if they are lost."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convstudy.data import Dataset
from convstudy.data.images import Part
from convstudy.data.preparing.prepare import prepare
from convstudy.data.preparing.request import DatasetRequest
from convstudy.data.sources.prepared import PreparedSource
from convstudy.errors import DataError
from convstudy.studyfile.images import DatasetTable
from tests.data.sources.conformance import ARRAYS, SHAPE, Example, SourceConformance

KEYS = ("x_train", "y_train", "x_test", "y_test")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVSTUDY_CACHE", str(tmp_path / "cache"))


def prepared(folder: Path) -> Dataset:
    np.savez(folder / "mine.npz", **dict(zip(KEYS, ARRAYS, strict=True)))
    return DatasetTable.model_validate({"path": "mine.npz"}).dataset(folder)


class TestPrepared(SourceConformance):
    """Prepared images pass the tests of all sources."""

    @pytest.fixture
    def example(self, tmp_path: Path) -> Example:
        (tmp_path / "data").mkdir()
        dataset = prepared(tmp_path / "data")
        source = dataset.source
        assert isinstance(source, PreparedSource)
        arrays = Path(source.arrays.path)

        def damage(part: Part) -> None:
            path = arrays / f"{part}-images.npy"
            status = path.stat()
            np.save(path, np.load(path)[::-1])
            # With another time, the arrays would be written again.
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

        return Example(dataset, arrays, damage, labels_are_apart=True)


def test_prepared_arrays_have_the_digest_of_the_same_arrays_in_memory(tmp_path: Path) -> None:
    assert prepared(tmp_path).digest == Dataset.from_arrays(*ARRAYS).digest


def test_cleared_cache_is_filled_again_by_fetch(tmp_path: Path) -> None:
    dataset = prepared(tmp_path)
    again = Dataset.from_json(json.loads(json.dumps(dataset.as_json())))
    shutil.rmtree(tmp_path / "cache")
    assert np.array_equal(again.load().train.pixels, ARRAYS[0])


@pytest.mark.parametrize("name", ["train-images.npy", "train-labels.npy", "test-images.npy"])
@pytest.mark.parametrize("damage", ["cut", "empty", "removed"])
def test_damaged_arrays_in_the_cache_are_written_again(tmp_path: Path, name: str, damage: str) -> None:
    dataset = prepared(tmp_path)
    assert isinstance(dataset.source, PreparedSource)
    path = Path(dataset.source.arrays.path) / name
    path.unlink() if damage == "removed" else path.write_bytes(
        path.read_bytes()[: -5 if damage == "cut" else 0]
    )
    again = prepared(tmp_path)
    assert again == dataset
    assert np.array_equal(again.load().train.pixels, ARRAYS[0])


def test_changed_images_after_a_cleared_cache_are_refused(tmp_path: Path) -> None:
    dataset = prepared(tmp_path)
    shutil.rmtree(tmp_path / "cache")
    np.savez(tmp_path / "mine.npz", **dict(zip(KEYS, (ARRAYS[0][::-1], *ARRAYS[1:]), strict=True)))
    with pytest.raises(DataError, match="have changed"):
        dataset.load()


def test_second_start_reads_neither_images_nor_arrays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = prepared(tmp_path)

    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError

    for name in ("probe_images", "decode_images", "write_parts", "divide"):
        monkeypatch.setattr(f"convstudy.data.preparing.prepare.{name}", fail)
    assert DatasetTable.model_validate({"path": "mine.npz"}).dataset(tmp_path) == dataset


def test_changed_file_gives_another_dataset(tmp_path: Path) -> None:
    first = prepared(tmp_path)
    np.savez(tmp_path / "mine.npz", **dict(zip(KEYS, (255 - ARRAYS[0], *ARRAYS[1:]), strict=True)))
    second = DatasetTable.model_validate({"path": "mine.npz"}).dataset(tmp_path)
    assert second.digest != first.digest
    assert np.array_equal(second.load().train.pixels, 255 - ARRAYS[0])


def test_request_survives_json_with_all_keys() -> None:
    table = DatasetTable.model_validate(
        {
            "path": "photos",
            "source": "folder",
            "classes": ["a", "b"],
            "size": [20, 30],
            "fit": "pad",
            "channels": 3,
            "invert": True,
            "range": [0.0, 4095.0],
            "background": [1, 2, 3],
            "decode": "reduced",
            "on_error": "skip",
            "group": r"p(\d+)",
            "parts": "ignore",
            "test": 0.3,
            "duplicates": "separate",
        }
    )
    request = table.request(Path("/data"))
    assert DatasetRequest.from_json(json.loads(request.text())) == request
    keys = dict(request.keys)
    assert keys.pop("path") == "/data/photos"
    again = DatasetTable.model_validate({**keys, "path": "photos", "classes": ["a", "b"]})
    assert again.request(Path("/data")) == request


def test_a_request_without_keys_writes_the_path_only() -> None:
    request = DatasetTable.model_validate({"path": "photos"}).request(Path("/data"))
    assert request.keys == {"path": "/data/photos"}


def test_failures_are_listed_by_name_or_left_out(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(10):
            pixels = random.integers(0, 256, SHAPE[:2], dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    (tmp_path / "photos" / "cat" / "3.png").write_bytes(b"")
    (tmp_path / "photos" / "dog" / "7.png").write_text("not an image")
    with pytest.raises(DataError) as caught:
        DatasetTable.model_validate({"path": "photos"}).dataset(tmp_path)
    first, second, third = caught.value.problems
    assert "2 images of 20 cannot be used" in first.what
    assert "cat/3.png" in second.what and "dog/7.png" in third.what
    dataset = DatasetTable.model_validate({"path": "photos", "on_error": "skip"}).dataset(tmp_path)
    assert dataset.n_train + dataset.n_test == 18
    source = dataset.source
    assert isinstance(source, PreparedSource)
    summary = source.summary()
    assert [name for name, _ in summary.failures] == ["cat/3.png", "dog/7.png"]
    assert summary.n_failures == 2
    assert any("2 images" in note for note in summary.notes)


def test_all_images_that_cannot_be_used_are_in_one_list(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    lines = ["path,label"]
    for number in range(12):
        name, label = f"{number}.jpg", "ab"[number % 2]
        Image.fromarray(random.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(tmp_path / name)
        lines.append(f"{name},{label}")
    lines[8] = "7.jpg,"
    (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "3.jpg").write_bytes(b"")  # its header cannot be read
    whole = (tmp_path / "5.jpg").read_bytes()
    (tmp_path / "5.jpg").write_bytes(whole[: len(whole) // 2])  # only its pixels are missing
    with pytest.raises(DataError) as caught:
        DatasetTable.model_validate({"path": "t.csv"}).dataset(tmp_path)
    first, *others = [problem.what for problem in caught.value.problems]
    assert "3 images of 12 cannot be used" in first
    assert [other.split(":")[0] for other in others] == ["3.jpg", "5.jpg", "7.jpg"]
    assert others[2] == "7.jpg: it has no label in line 9"
    dataset = DatasetTable.model_validate({"path": "t.csv", "on_error": "skip"}).dataset(tmp_path)
    assert dataset.n_train + dataset.n_test == 9


def test_long_list_of_images_ends_with_a_count(tmp_path: Path) -> None:
    for number in range(60):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if number < 30 else b"text")
    with pytest.raises(DataError) as caught:
        DatasetTable.model_validate({"path": "photos"}).dataset(tmp_path)
    assert len(caught.value.problems) == 22
    assert "no image can be used" in caught.value.problems[0].what
    assert caught.value.problems[-1].what == "and 40 more images"


def test_class_whose_images_are_all_left_out_is_an_error_with_the_reason(tmp_path: Path) -> None:
    for number in range(12):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 9), 20 * number, dtype=np.uint8)).save(path)
        if number % 2:
            path.write_bytes(b"")
    with pytest.raises(DataError) as caught:
        DatasetTable.model_validate({"path": "photos", "on_error": "skip"}).dataset(tmp_path)
    (problem,) = caught.value.problems
    assert (problem.what, problem.got) == (
        f'{tmp_path / "photos"}: no image of class "b" can be used',
        "b/01.png: empty file",
    )


def test_source_without_an_image_is_an_error_with_its_path(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}),
        tmp_path / "t.parquet",
    )
    request = DatasetTable.model_validate({"path": "t.parquet"}).request(tmp_path)
    with pytest.raises(DataError, match="there is no image") as caught:
        prepare(request)
    assert caught.value.problems[0].where.file == str(tmp_path / "t.parquet")
