"""The arrays of the training and test part."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from convstudy.data import Images
from convstudy.data.decoded import (
    DecodedImages,
    PartRows,
    WrittenParts,
    clear_cache,
    hold,
    list_cache,
    write_parts,
)
from convstudy.data.decoded import parts as parts_module
from convstudy.errors import DataError
from tests.data.decoded.photos import Photos, make_folder, png


@pytest.fixture(autouse=True)
def _release() -> None:
    """Forget the folders that an earlier test holds."""
    for use in parts_module._HELD.values():
        use.close()
    parts_module._HELD.clear()


def _write(photos: Photos, decoded: DecodedImages, **columns: np.ndarray) -> WrittenParts:
    rows = np.arange(len(decoded))
    train, test = rows[rows % 3 > 0][::-1], rows[rows % 3 == 0]
    parts = {
        "train": PartRows(
            train, {"labels": train % 2, **{name: values[train] for name, values in columns.items()}}
        ),
        "test": PartRows(test, {"labels": test % 2}),
    }
    return write_parts(decoded, parts, photos.cache)  # type: ignore[arg-type]  # the keys are parts


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.glob("*.npy")}


def test_arrays_and_digests_are_those_of_the_images(photos: Photos, tmp_path: Path) -> None:
    with photos.decode(make_folder(tmp_path / "photos")) as decoded:
        written = _write(
            photos, decoded, groups=np.arange(12) // 4, weights=np.linspace(1, 2, 12, dtype=np.float32)
        )
        train, labels = np.array([11, 10, 8, 7, 5, 4, 2, 1]), np.array([1, 0, 0, 1, 1, 0, 0, 1])
        pixels = np.load(written.folder / "train-images.npy")
        assert np.array_equal(pixels, decoded.pixels(train)) and pixels.flags.c_contiguous
        assert np.load(written.folder / "train-labels.npy").tolist() == labels.tolist()
        assert np.load(written.folder / "train-groups.npy").tolist() == (train // 4).tolist()
        weights = np.load(written.folder / "train-weights.npy")
        images = Images(pixels, labels, groups=train // 4, weights=weights)
        assert written.digests["train"] == images.digest() != Images(pixels, labels).digest()
        test = Images(np.load(written.folder / "test-images.npy"), np.array([0, 1, 0, 1]))
        assert written.digests["test"] == test.digest()


def test_second_start_neither_writes_nor_reads_pixels(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(tmp_path / "photos")
    with photos.decode(folder) as decoded:
        written = _write(photos, decoded)
    before = _stamps(written.folder)
    moved = folder.rename(tmp_path / "moved")
    photos.n_decoded(moved)
    monkeypatch.setattr(DecodedImages, "pixels", None)
    monkeypatch.setattr(Images, "digest", None)
    with photos.decode(moved) as decoded:
        assert _write(photos, decoded) == written
    assert _stamps(written.folder) == before


def test_changed_image_or_label_has_another_folder(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    with photos.decode(folder) as decoded:
        first = _write(photos, decoded)
        grouped = _write(photos, decoded, groups=np.arange(12))
    (folder / "dog" / "004.png").write_bytes(png(100))
    with photos.decode(folder) as decoded:
        second = _write(photos, decoded)
    assert len({first.folder, grouped.folder, second.folder}) == 3
    assert (
        first.digests["train"] != second.digests["train"] or first.digests["test"] != second.digests["test"]
    )


@pytest.mark.parametrize("damage", ["touched", "missing", "no entry"])
def test_damaged_array_is_written_again(photos: Photos, tmp_path: Path, damage: str) -> None:
    with photos.decode(make_folder(tmp_path / "photos")) as decoded:
        written = _write(photos, decoded)
        path = written.folder / ("entry.json" if damage == "no entry" else "train-images.npy")
        content = path.read_bytes()
        path.unlink()
        if damage == "touched":
            path.write_bytes(content[:-1] + b"x")
        assert _write(photos, decoded) == written
        assert (written.folder / "train-images.npy").stat().st_size == 128 + 8 * 192
        assert np.array_equal(
            np.load(written.folder / "train-images.npy"), decoded.pixels(np.array([11, 10, 8, 7, 5, 4, 2, 1]))
        )


def test_part_with_an_image_that_cannot_be_decoded_is_an_error(photos: Photos, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "photos")
    (folder / "cat" / "bad.png").write_bytes(b"no image")
    with photos.decode(folder) as decoded, pytest.raises(DataError, match=r"cat/bad\.png"):
        _write(photos, decoded)
    assert list(photos.cache.glob("prepared/*/*.partial")) == []


def test_arrays_of_this_process_are_not_removed(photos: Photos, tmp_path: Path) -> None:
    with photos.decode(make_folder(tmp_path / "photos")) as decoded:
        written = _write(photos, decoded)
    clear_cache(photos.cache)
    (entry,) = list_cache(photos.cache)
    assert (entry.kind, entry.n_images, entry.in_use) == ("prepared", 12, True)
    assert entry.folder == written.folder and entry.root == str(tmp_path / "photos")
    parts_module._HELD.pop(written.folder).close()
    hold(written.folder)
    assert clear_cache(photos.cache) == (0, 0)
    with pytest.raises(FileNotFoundError):
        hold(tmp_path / "nothing")


def test_use_by_another_process_prevents_removal_until_it_ends(photos: Photos, tmp_path: Path) -> None:
    with photos.decode(make_folder(tmp_path / "photos")) as decoded:
        written = _write(photos, decoded)
    parts_module._HELD.pop(written.folder).close()
    program = "\n".join(
        (
            "import sys",
            "from pathlib import Path",
            "from convstudy.data.decoded import hold",
            "hold(Path(sys.argv[1]))",
            "print(1, flush=True)",
            "input()",
        )
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(written.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env=dict(os.environ),
    ) as other:  # fmt: skip
        assert other.stdout is not None
        other.stdout.readline()
        clear_cache(photos.cache)
        assert written.folder.exists()
        other.kill()
    assert clear_cache(photos.cache)[0] == 1 and not written.folder.exists()
