"""The IDX reader accepts only a file of the expected shape."""

from __future__ import annotations

import gzip
import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convstudy.data.idx import content_size, read_idx
from convstudy.errors import DataError

SHAPE = (2, 3, 4)
VALID = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]) + bytes(range(24))


def _write(folder: Path, content: bytes, name: str = "images") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("archived", [False, True])
def test_read_idx_returns_values_and_digests(tmp_path: Path, archived: bool) -> None:
    raw = gzip.compress(VALID, mtime=0) if archived else VALID
    found = read_idx(_write(tmp_path, raw, "images.gz" if archived else "images"), SHAPE)
    assert found.values.dtype == np.uint8
    assert found.values.tolist() == np.arange(24).reshape(SHAPE).tolist()
    assert found.values.flags.writeable
    assert found.content_digest == hashlib.sha256(VALID).hexdigest()
    assert found.archive_digest == (hashlib.sha256(raw).hexdigest() if archived else None)


def test_gzip_file_of_several_members_is_read(tmp_path: Path) -> None:
    raw = gzip.compress(VALID[:10], mtime=0) + gzip.compress(VALID[10:], mtime=0)
    assert read_idx(_write(tmp_path, raw, "images.gz"), SHAPE).values.shape == SHAPE


def test_content_size_includes_the_header() -> None:
    assert content_size((60_000, 28, 28)) == 47_040_016
    assert content_size((60_000,)) == 60_008


DAMAGED = {
    "no bytes": (b"", "too short"),
    "three bytes": (VALID[:3], "too short"),
    "not IDX": (b"PK\x03\x04" + VALID[4:], "not an IDX file"),
    "signed bytes": (VALID[:2] + b"\x09" + VALID[3:], "got 0x09"),
    "floats": (VALID[:2] + b"\x0d" + VALID[3:], "got 0x0d"),
    "labels for images": (bytes([0, 0, 8, 1, 0, 0, 0, 24]) + bytes(24), "must have 3 dimensions"),
    "half a header": (VALID[:9], "within its header"),
    "one image more": (VALID[:7] + b"\x03" + VALID[8:], "the dimensions must be 2 × 3 × 4"),
    "huge dimensions": (VALID[:4] + b"\xff" * 12 + VALID[16:], "the dimensions must be 2 × 3 × 4"),
    "one byte less": (VALID[:-1], "ends too early"),
    "one byte more": (VALID + b"\0", "too long"),
}


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_file_raises_with_its_reason(tmp_path: Path, case: str, archived: bool) -> None:
    content, message = DAMAGED[case]
    path = _write(
        tmp_path,
        gzip.compress(content, mtime=0) if archived else content,
        "images.gz" if archived else "images",
    )
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path, SHAPE)
    (problem,) = caught.value.problems
    assert str(problem.where) == str(path)
    assert problem.got


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (VALID, "not a valid gzip file"),
        (b"", "too short"),
        (gzip.compress(VALID, mtime=0)[:-1], "ends too early"),
        (gzip.compress(VALID, mtime=0)[:-9], "ends too early"),
        (gzip.compress(VALID, mtime=0) + b"more", "not a valid gzip file"),
        (gzip.compress(VALID, mtime=0)[:-8] + b"\0" * 8, "not a valid gzip file"),  # a wrong check sum
        (gzip.compress(VALID, mtime=0)[:10] + b"\xff" * 40, "not a valid gzip file"),
    ],
)
def test_damaged_gzip_file_raises(tmp_path: Path, raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_idx(_write(tmp_path, raw, "images.gz"), SHAPE)


def test_gzip_bomb_raises_and_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(VALID + bytes(50_000_000), mtime=0)
    assert len(bomb) < 65_536  # below the limit of the archive size
    path = _write(tmp_path, bomb, "images.gz")
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="content is too long"):
            read_idx(path, SHAPE)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_archive_beyond_the_limit_raises_unread(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="file is too long"):
        read_idx(_write(tmp_path, gzip.compress(VALID, mtime=0) * 2_000, "images.gz"), SHAPE)


def test_missing_file_and_folder_raise(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.gz", tmp_path):
        with pytest.raises(DataError, match="cannot read the file"):
            read_idx(path, SHAPE)


@settings(deadline=None)
@given(st.binary(max_size=60), st.booleans())
def test_random_bytes_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes, archived: bool) -> None:
    name = "images.gz" if archived else "images"
    path = _write(tmp_path_factory.getbasetemp(), content, name)
    with pytest.raises(DataError):  # random bytes never form the expected 40 bytes
        read_idx(path, SHAPE)
