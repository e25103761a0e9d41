"""The strict reader of .npy files, and images that stay in such a file."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from convstudy.data import Dataset, Images
from convstudy.data.arrays import PixelFile, map_array
from convstudy.data.sources import npy
from convstudy.data.sources.npy import NpySource
from convstudy.errors import DataError

SHAPE = (7, 4, 3, 2)
PIXELS = np.arange(7 * 4 * 3 * 2, dtype=np.uint8).reshape(SHAPE)
LABELS = np.array([0, 1, 2, 0, 1, 2, 0], dtype=np.int64)


def _header(text: str) -> bytes:
    """Return the first bytes of a .npy file with any text as its header."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin1")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "pixels.npy", PIXELS)
    return tmp_path / "pixels.npy"


def test_map_array_returns_the_saved_array_read_only(path: Path) -> None:
    mapped = map_array(path, "|u1", SHAPE)
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, PIXELS)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


WHOLE = "{'descr': '|u1', 'fortran_order': False, 'shape': (7, 4, 3, 2), }\n"
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "text": b"these are no images",
    "half a header": _header(WHOLE)[:30],
    "not a dictionary": _header("[1, 2]\n"),
    "not Python": _header("{'descr': \n"),
    "too deep": _header("(" * 5000 + ")" * 5000 + "\n"),
    "a long header": _header(WHOLE[:-1] + " " * 20_000 + "\n"),
    "objects": _header("{'descr': '|O', 'fortran_order': False, 'shape': (7,), }\n") + bytes(100),
    "a shape larger than any disk": _header(WHOLE.replace("7", "9" * 18)),
    "a negative shape": _header(WHOLE.replace("7", "-7")) + PIXELS.tobytes(),
    "a shape of text": _header(WHOLE.replace("7", "'7'")) + PIXELS.tobytes(),
    "an invalid dtype": _header(WHOLE.replace("|u1", "|u1,i4")) + PIXELS.tobytes(),
    "too short": _header(WHOLE) + PIXELS.tobytes()[:-1],
    "too long": _header(WHOLE) + PIXELS.tobytes() + b"\0",
    "another shape": _header(WHOLE.replace("7, 4", "4, 7")) + PIXELS.tobytes(),
    "another type": _header(WHOLE.replace("|u1", "|i1")) + PIXELS.tobytes(),
    "Fortran order": _header(WHOLE.replace("False", "True")) + PIXELS.tobytes(),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_map_array_of_any_other_file_raises(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        map_array(path, "|u1", SHAPE)
    assert str(caught.value.problems[0].where) == str(path)


def test_map_array_accepts_the_undamaged_header(path: Path) -> None:
    path.write_bytes(_header(WHOLE) + PIXELS.tobytes())
    assert np.array_equal(map_array(path, "|u1", SHAPE), PIXELS)


def test_map_array_of_a_missing_file_or_a_folder_raises(tmp_path: Path) -> None:
    for missing in (tmp_path / "none.npy", tmp_path):
        with pytest.raises(DataError, match="cannot read the file"):
            map_array(missing, "|u1", SHAPE)


@pytest.mark.parametrize("rows", [[0], [6], [2, 3, 4], [6, 0, 1, 1, 0], [5, 4, 3], [0, 2, 4], range(7), []])
def test_pixel_file_reads_the_rows_of_the_array(path: Path, rows: list[int]) -> None:
    file = PixelFile.of(map_array(path, "|u1", SHAPE), path)
    wanted = np.array(rows, dtype=np.int64)
    found = file.read(wanted)
    assert found.dtype == np.uint8
    assert found.shape == (len(wanted), 4, 3, 2)
    assert np.array_equal(found, PIXELS[wanted])


def test_pixel_file_that_is_changed_cut_or_deleted_raises(path: Path) -> None:
    file = PixelFile.of(map_array(path, "|u1", SHAPE), path)
    written = path.stat()
    np.save(path, PIXELS[::-1])
    os.utime(path, ns=(written.st_atime_ns, written.st_mtime_ns + 1))
    with pytest.raises(DataError, match="changed while it was in use"):
        file.read(np.arange(3))
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    cut = PixelFile(path, file.offset, file.image_shape, (path.stat().st_size, path.stat().st_mtime_ns))
    with pytest.raises(DataError, match="ends too early"):
        cut.read(np.arange(7))
    path.unlink()
    with pytest.raises(DataError, match="cannot read the file any more"):
        file.read(np.arange(3))


def test_images_on_disk_equal_images_in_memory(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = map_array(path, "|u1", SHAPE)
    on_disk, in_memory = Images(mapped, LABELS, PixelFile.of(mapped, path)), Images(PIXELS, LABELS)
    for n_bytes in (1, 50, 1 << 24):
        monkeypatch.setattr("convstudy.data.images.CHUNK_BYTES", n_bytes)
        assert on_disk.digest() == in_memory.digest()
    rows = np.array([6, 2, 3, 2])
    taken = on_disk.take(rows)
    assert taken.file is None
    assert np.array_equal(taken.pixels, PIXELS[rows])
    assert np.array_equal(taken.labels, LABELS[rows])
    with pytest.raises(DataError, match=r"must be in \[0, 6\]"):
        on_disk.take(np.array([7]))


def test_digest_equals_the_sha256_of_shape_pixels_and_labels() -> None:
    whole = b"images 7 4 3 2\n" + PIXELS.tobytes() + LABELS.astype("<i8").tobytes()
    assert Images(PIXELS, LABELS).digest() == hashlib.sha256(whole).hexdigest()


Make = Callable[..., Dataset]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes a dataset with the name "mine"."""

    def write(labels: np.ndarray = LABELS) -> Dataset:  # type: ignore[type-arg]
        folder = tmp_path / "mine"
        folder.mkdir()
        for part, pixels in (("train", PIXELS), ("test", PIXELS[::-1].copy())):
            np.save(folder / f"{part}-images.npy", pixels)
            np.save(folder / f"{part}-labels.npy", labels)
        source = NpySource(
            str(folder),
            (4, 3, 2),
            7,
            7,
            Images(PIXELS, LABELS).digest(),
            Images(PIXELS[::-1].copy(), LABELS).digest(),
        )
        return Dataset("mine", "mine", (4, 3, 2), ("a", "b", "c"), 7, 7, source)

    return write


def test_read_labels_does_not_need_the_images(make: Make, tmp_path: Path) -> None:
    dataset = make()
    for part in ("train", "test"):
        (tmp_path / "mine" / f"{part}-images.npy").unlink()
        assert np.array_equal(dataset.source.read_labels(part), LABELS)


@pytest.mark.parametrize("limit", [0, 1 << 28])
def test_large_images_stay_in_their_file(make: Make, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    written_dataset = make()
    monkeypatch.setattr(npy, "MAX_BYTES_IN_MEMORY", limit)
    dataset = written_dataset.load()
    assert (dataset.train.file is None) == (limit > 0)
    assert isinstance(dataset.train.pixels, np.memmap) == (limit == 0)
    assert np.array_equal(dataset.train.take(np.arange(7)).pixels, PIXELS)
    assert np.array_equal(dataset.train.labels, LABELS)
    assert not isinstance(dataset.train.labels, np.memmap)
    test = dataset.test.open(lambda: None)
    assert np.array_equal(test.take(np.arange(7)).pixels, PIXELS[::-1])


@pytest.mark.parametrize("limit", [0, 1 << 28])
def test_load_of_changed_files_raises(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    written_dataset = make(LABELS[::-1].copy())
    np.save(tmp_path / "mine" / "train-labels.npy", np.roll(LABELS, 1))
    monkeypatch.setattr(npy, "MAX_BYTES_IN_MEMORY", limit)
    with pytest.raises(DataError, match="the train set has changed"):
        written_dataset.load()


@pytest.mark.parametrize("name", ["train-images", "train-labels", "test-images", "test-labels"])
def test_load_with_a_missing_file_raises(make: Make, tmp_path: Path, name: str) -> None:
    written_dataset = make()
    (tmp_path / "mine" / f"{name}.npy").unlink()
    with pytest.raises(DataError, match=f"there is no {name}.npy"):
        written_dataset.load()
